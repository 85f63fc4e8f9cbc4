// SPDX-License-Identifier: GPL-3.0-or-later
// Whether this process was asked to end (SIGTERM, SIGINT): long loops ask, and end by an exception, so that everything is cleaned up
// on the way out.
#pragma once

#include <backy/core/error.hpp>

#include <atomic>
#include <csignal>

namespace backy::interruption {

namespace detail {
inline std::atomic<int> signal_number = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler writes it");
}  // namespace detail

/// From now on the first of these signals is only noted; a second one ends the process at once, as if nobody had listened.
/// Calls of the kernel that it meets are resumed.
inline void listen() {
    struct ::sigaction action {};
    action.sa_handler = [](int number) { detail::signal_number = number; };
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    for (const int number : {SIGTERM, SIGINT})
        if (::sigaction(number, &action, nullptr) < 0) throw error("sigaction", message_of(errno));
}

/// Throws halted once a signal has come. Cheap; any thread.
inline void point() {
    if (const int number = detail::signal_number) throw halted("interrupted", "signal " + std::to_string(number) + " asked for an end");
}

}  // namespace backy::interruption
