// SPDX-License-Identifier: GPL-3.0-or-later
// Everything a composition can be made of and the program over it: for apps and custom builds. No header of the library includes it.
#pragma once

#include <backy/cli/main.hpp>
#include <backy/composition.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/hashes/sha256.hpp>
#include <backy/schedules/interval.hpp>
#include <backy/sources/file.hpp>
#include <backy/sources/lvm.hpp>
#include <backy/sources/throttled.hpp>
#include <backy/stores/image.hpp>
#include <backy/targets/file.hpp>
#include <backy/targets/lvm.hpp>
#include <backy/targets/stream.hpp>
#ifdef BACKY_CEPH  // of the build system, where it has found librbd
#include <backy/sources/ceph_rbd.hpp>
#include <backy/sources/flyingcircus.hpp>
#include <backy/targets/rbd.hpp>
#endif
