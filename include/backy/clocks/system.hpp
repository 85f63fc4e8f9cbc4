// SPDX-License-Identifier: GPL-3.0-or-later
// clocks::system models Clock: the machine's.
#pragma once

#include <backy/concepts/clock.hpp>

namespace backy::clocks {

struct system {
    timestamp now() const { return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()); }
    std::chrono::nanoseconds steady() const { return std::chrono::steady_clock::now().time_since_epoch(); }
};
static_assert(Clock<system>);

}  // namespace backy::clocks
