# SPDX-License-Identifier: GPL-3.0-or-later
# What the headers need; an installed backy finds the same (backy-config.cmake).
include(CMakeFindDependencyMacro)
find_dependency(Boost 1.81)
find_dependency(range-v3)
find_dependency(tomlplusplus)
find_dependency(OpenSSL 3)
find_dependency(CLI11)
find_dependency(nlohmann_json)
find_dependency(yaml-cpp)
find_dependency(Threads)
find_dependency(PkgConfig) # Debian's RE2 brings no CMake package
if(NOT TARGET PkgConfig::RE2)
  pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
endif()
if(NOT TARGET PkgConfig::SYSTEMD)
  pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
endif()

# Optional: without Ceph's libraries a build lacks the sources ceph-rbd and flyingcircus and the target rbd:, and says so.
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
find_package(Ceph QUIET)
