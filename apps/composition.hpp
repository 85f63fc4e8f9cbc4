// SPDX-License-Identifier: GPL-3.0-or-later
// What our programs are made of.
#pragma once

#include <backy/backy.hpp>

template <backy::Source... S>
using throttled = backy::sources_of<backy::sources::throttled<S>...>;

#ifdef BACKY_CEPH
using sources = throttled<backy::sources::ceph_rbd, backy::sources::file<>, backy::sources::flyingcircus, backy::sources::lvm<>>;
using targets = backy::targets_of<backy::targets::stream<>, backy::targets::rbd, backy::targets::lvm<>, backy::targets::file<>>;
#else
using sources = throttled<backy::sources::file<>, backy::sources::lvm<>>;
using targets = backy::targets_of<backy::targets::stream<>, backy::targets::lvm<>, backy::targets::file<>>;
#endif
using build = backy::composition<sources, backy::stores_of<backy::stores::image<>>, backy::hashes::gmac, backy::schedules::interval, targets>;
