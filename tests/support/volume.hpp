// SPDX-License-Identifier: GPL-3.0-or-later
// Volumes to back up, and the witness that reads them: what the conformance suites use.
#pragma once

#include <backy/conformance/volume.hpp>

namespace support {

using backy::conformance::changed, backy::conformance::content, backy::conformance::is_drawn, backy::conformance::long_run, backy::conformance::randomness,
    backy::conformance::rot, backy::conformance::slurp, backy::conformance::some_volume, backy::conformance::spill;

}  // namespace support
