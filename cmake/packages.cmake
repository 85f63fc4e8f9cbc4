# SPDX-License-Identifier: GPL-3.0-or-later
# Debian packages, by `cpack` in the build tree once it is built: backy (the programs and what a machine needs around them) and
# libbacky-dev (the headers). Components: `backy` and `development` are what `cmake --install` installs, `system` is in the package alone.
set(packaging ${PROJECT_SOURCE_DIR}/apps/packaging)
install(FILES ${packaging}/bash-completion DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME backy COMPONENT backy)

set(system COMPONENT system EXCLUDE_FROM_ALL)
install(FILES ${PROJECT_SOURCE_DIR}/docs/format.md ${PROJECT_SOURCE_DIR}/docs/moving.md ${PROJECT_SOURCE_DIR}/docs/installation.md DESTINATION /usr/share/doc/backy ${system}) # the man pages name them
install(FILES ${packaging}/backy.conf DESTINATION /etc ${system})
install(FILES ${packaging}/logrotate DESTINATION /etc/logrotate.d RENAME backy ${system})
install(FILES ${packaging}/nagios.cfg DESTINATION /etc/nagios-plugins/config RENAME backy.cfg ${system})
install(FILES ${packaging}/backy-scheduler.service DESTINATION /usr/lib/systemd/system ${system})
install(FILES ${packaging}/sysusers DESTINATION /usr/lib/sysusers.d RENAME backy.conf ${system})
install(FILES ${packaging}/lvm.conf ${packaging}/btrfs.conf ${PROJECT_SOURCE_DIR}/docs/alerts.yml DESTINATION /usr/share/doc/backy/examples ${system})
file(CONFIGURE OUTPUT debian/conffiles CONTENT "/etc/backy.conf\n/etc/logrotate.d/backy\n/etc/nagios-plugins/config/backy.cfg\n")

set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENTS_ALL backy system development)
set(CPACK_COMPONENT_BACKY_GROUP programs)
set(CPACK_COMPONENT_SYSTEM_GROUP programs)
set(CPACK_COMPONENT_DEVELOPMENT_GROUP headers)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_PACKAGE_CONTACT "The authors of backy <backy@example.org>" CACHE STRING "Maintainer of the packages")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each has its own
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME backy)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_DEPENDS "systemd | systemd-sysusers")
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SUGGESTS "logrotate, lvm2, thin-provisioning-tools, monitoring-plugins-basic")
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_CONTROL_EXTRA "${PROJECT_BINARY_DIR}/debian/conffiles;${packaging}/postinst;${packaging}/prerm;${packaging}/postrm")
set(CPACK_DEBIAN_PROGRAMS_DESCRIPTION "block-level backup for virtual machines
Reads a virtual machine's volume, writes only what changed, and keeps
every revision as a complete raw image on btrfs or XFS, reflinked from
the one before: a restore is a plain copy. Volumes are files and block
devices, LVM volumes and Ceph RBD images.

A scheduler makes the revisions that each job's schedule promises, reads
what is stored again, lets old revisions expire, and has a plug-in for
Nagios.")

set(CPACK_DEBIAN_HEADERS_PACKAGE_NAME libbacky-dev)
set(CPACK_DEBIAN_HEADERS_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_HEADERS_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_HEADERS_PACKAGE_DEPENDS "libboost1.81-dev, librange-v3-dev, libtomlplusplus-dev, libssl-dev, libcli11-dev, nlohmann-json3-dev, libre2-dev, libyaml-cpp-dev, libsystemd-dev, pkgconf")
if(Ceph_FOUND)
  string(APPEND CPACK_DEBIAN_HEADERS_PACKAGE_DEPENDS ", librbd-dev, librados-dev")
endif()
set(CPACK_DEBIAN_HEADERS_DESCRIPTION "block-level backup for virtual machines (headers)
The headers of backy: sources, stores, targets, hashes and schedules are
policies, and a program is a composition of them. For builds with a source
or a store of one's own.")

# What every package has: its licence, its history, compressed pages.
set(CPACK_BACKY_SOURCE ${PROJECT_SOURCE_DIR})
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package_files.cmake)
include(CPack)
