// SPDX-License-Identifier: GPL-3.0-or-later
// Clock: what time it is, and how long something took.
#pragma once

#include <backy/core/time.hpp>

#include <concepts>

namespace backy {

/// | expression | returns | meaning |
/// |---|---|---|
/// | c.now() | timestamp | UTC; may jump |
/// | c.steady() | std::chrono::nanoseconds | since an arbitrary moment; never goes back |
///
/// threads: any number.  models: clocks::system; tests/support/manual_clock.hpp is set by hand
template <class C>
concept Clock = std::default_initializable<C> && requires(const C c) {
    { c.now() } -> std::same_as<timestamp>;
    { c.steady() } -> std::same_as<std::chrono::nanoseconds>;
};

}  // namespace backy
