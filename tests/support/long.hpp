// SPDX-License-Identifier: GPL-3.0-or-later
// `tests/run --long`: sweeps that the normal run takes a part of are run whole, for hours.
#pragma once

#include "support/volume.hpp"

#include <cstdlib>

namespace support {

inline bool long_run() { return std::getenv("BACKY_LONG") != nullptr; }

/// The number of trials: fewer in the normal run.
template <class N>
N in_long_run(N many, N few) {
    return long_run() ? many : few;
}

/// In the normal run one trial of so many.
inline bool is_drawn(randomness& random, std::uint64_t one_of) { return long_run() || random.below(one_of) == 0; }

}  // namespace support
