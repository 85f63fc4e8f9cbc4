// SPDX-License-Identifier: GPL-3.0-or-later
// How fast a process may read by itself: so many bytes in each second.
#pragma once

#include <backy/core/bytes.hpp>
#include <backy/core/interruption.hpp>

#include <chrono>
#include <mutex>
#include <thread>

namespace backy {

/// threads: any number; they share it.
class pace {
public:
    explicit pace(byte_count per_second) : per_second_(per_second) {}

    /// Waits until so many bytes more may be read; what was not used up in the last quarter of a second is lost. Throws error when this
    /// process was asked to end.
    void take(byte_count n) {
        using namespace std::chrono;
        constexpr auto unused = milliseconds(250), often_enough = milliseconds(500);
        steady_clock::time_point until;
        {
            const std::lock_guard lock(guard_);
            free_ = std::max(free_, steady_clock::now() - unused);
            free_ += duration_cast<steady_clock::duration>(duration<double>(static_cast<double>(n) / static_cast<double>(per_second_)));
            until = free_;
        }
        for (auto now = steady_clock::now(); now < until; now = steady_clock::now()) {
            interruption::point();
            std::this_thread::sleep_for(std::min<steady_clock::duration>(until - now, often_enough));
        }
    }

private:
    byte_count per_second_;
    std::chrono::steady_clock::time_point free_;  ///< when all that was taken has had its time
    std::mutex guard_;
};

}  // namespace backy
