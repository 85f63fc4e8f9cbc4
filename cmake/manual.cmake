# SPDX-License-Identifier: GPL-3.0-or-later
# Man pages (installed as far as they were built), made from the pages of docs/ whose first line is `# NAME(SECTION)`; target `manual`. Version and date are those of CHANGELOG.md's newest
# heading (`## 0.1.0, 2026-11-24`), so that they are the same wherever they are made.
find_program(LOWDOWN lowdown)
if(NOT LOWDOWN)
  message(STATUS "lowdown is not installed: no man pages")
  return()
endif()
file(STRINGS CHANGELOG.md changes REGEX "^## " LIMIT_COUNT 1)
string(REGEX REPLACE "^## [^,]*, *" "" manual_date "${changes}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS CHANGELOG.md)
set(manual_tools ${PROJECT_SOURCE_DIR}/cmake/man_page ${PROJECT_SOURCE_DIR}/cmake/man_page.awk)
set(manual_pages "")
file(GLOB pages CONFIGURE_DEPENDS docs/*.md)
foreach(page IN LISTS pages)
  file(STRINGS ${page} title LIMIT_COUNT 1)
  if(NOT title MATCHES "^# ([a-z.-]+)[(]([1-8])[)]$")
    continue()
  endif()
  set(made ${PROJECT_BINARY_DIR}/man/${CMAKE_MATCH_1}.${CMAKE_MATCH_2})
  add_custom_command(OUTPUT ${made} DEPENDS ${page} ${manual_tools} VERBATIM COMMENT "Man page ${CMAKE_MATCH_1}(${CMAKE_MATCH_2})"
                     COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/man
                     COMMAND bash -c "'${PROJECT_SOURCE_DIR}/cmake/man_page' '${page}' ${PROJECT_VERSION} '${manual_date}' >'${made}.new' && mv '${made}.new' '${made}'")
  install(FILES ${made} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${CMAKE_MATCH_2} COMPONENT backy OPTIONAL)
  list(APPEND manual_pages ${made})
endforeach()
add_custom_target(manual ALL DEPENDS ${manual_pages})
