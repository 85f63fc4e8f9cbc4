// SPDX-License-Identifier: GPL-3.0-or-later
// A Clock that is set by hand; one for the whole process, as the machine's is.
#pragma once

#include <backy/clocks/system.hpp>

namespace support {

struct manual_clock {
    inline static backy::timestamp moment{};
    backy::timestamp now() const { return moment; }
    std::chrono::nanoseconds steady() const { return backy::clocks::system{}.steady(); }
};
static_assert(backy::Clock<manual_clock>);

}  // namespace support
