// SPDX-License-Identifier: GPL-3.0-or-later
// service_manager: tells systemd how the daemon is (sd_notify(3)); nobody, where it was not started by a unit with Type=notify.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <systemd/sd-daemon.h>

namespace backy::scheduler::service_manager {

// A message that does not arrive is no trouble of the daemon: systemd does what the unit says about one that is silent.
inline void ready() { ::sd_notify(0, "READY=1"); }
inline void reloading() { ::sd_notify(0, "RELOADING=1"); }  // until it is ready again
inline void stopping() { ::sd_notify(0, "STOPPING=1"); }
inline void alive() { ::sd_notify(0, "WATCHDOG=1"); }

/// How often it wants to hear that we are alive: half of WatchdogSec (sd_watchdog_enabled(3)). Nothing: not at all.
inline std::optional<std::chrono::microseconds> watchdog_interval() {
    std::uint64_t limit = 0;
    if (::sd_watchdog_enabled(0, &limit) <= 0) return std::nullopt;
    return std::chrono::microseconds(limit / 2);
}

}  // namespace backy::scheduler::service_manager
