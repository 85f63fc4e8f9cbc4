# SPDX-License-Identifier: GPL-3.0-or-later
# Ceph's C libraries, which bring neither .pc files nor a CMake package: target Ceph::rbd.
find_path(Ceph_INCLUDE_DIR rbd/librbd.h)
find_library(Ceph_rbd_LIBRARY rbd)
find_library(Ceph_rados_LIBRARY rados)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Ceph REQUIRED_VARS Ceph_rbd_LIBRARY Ceph_rados_LIBRARY Ceph_INCLUDE_DIR)
if(Ceph_FOUND AND NOT TARGET Ceph::rbd)
  add_library(Ceph::rbd INTERFACE IMPORTED)
  set_target_properties(Ceph::rbd PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${Ceph_INCLUDE_DIR}"
                                             INTERFACE_LINK_LIBRARIES "${Ceph_rbd_LIBRARY};${Ceph_rados_LIBRARY}"
                                             INTERFACE_COMPILE_DEFINITIONS BACKY_CEPH
                                             # librados has a Boost.Asio of its own version inside, and would take what it can get of ours instead
                                             INTERFACE_LINK_OPTIONS "-Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/own_boost.map")
endif()
mark_as_advanced(Ceph_INCLUDE_DIR Ceph_rbd_LIBRARY Ceph_rados_LIBRARY)
