# SPDX-License-Identifier: GPL-3.0-or-later
# Run by cpack between installing and packing: licence, history and compressed pages for each package.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC) # SOURCE_DATE_EPOCH, if that is set
foreach(package IN ITEMS programs/backy headers/libbacky-dev)
  get_filename_component(name ${package} NAME)
  get_filename_component(group ${package} DIRECTORY)
  set(share ${CPACK_TEMPORARY_DIRECTORY}/${group}/usr/share)
  file(COPY ${CPACK_BACKY_SOURCE}/apps/packaging/copyright DESTINATION ${share}/doc/${name})
  file(COPY_FILE ${CPACK_BACKY_SOURCE}/CHANGELOG.md ${share}/doc/${name}/changelog)
  configure_file(${CPACK_BACKY_SOURCE}/cmake/changelog.Debian.in ${share}/doc/${name}/changelog.Debian @ONLY)
  file(GLOB pages ${share}/man/man?/*.?)
  execute_process(COMMAND gzip -9n ${share}/doc/${name}/changelog ${share}/doc/${name}/changelog.Debian ${pages} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
