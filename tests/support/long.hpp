// SPDX-License-Identifier: GPL-3.0-or-later
// `tests/run --long`: sweeps that the normal run takes a part of are run whole, for hours.
#pragma once

#include "support/volume.hpp"

namespace support {

/// The number of trials: fewer in the normal run.
template <class N>
N in_long_run(N many, N few) {
    return long_run() ? many : few;
}

}  // namespace support
