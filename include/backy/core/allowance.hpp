// SPDX-License-Identifier: GPL-3.0-or-later
// How much a process may read, told while it runs by who started it: each byte that comes on a pipe allows another MiB.
#pragma once

#include <backy/core/bytes.hpp>
#include <backy/core/interruption.hpp>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>

namespace backy {

/// threads: any number; one of them waits for all.
class allowance {
public:
    static constexpr byte_count unit = 1_MiB;
    /// `goes_on`: without a limit, when the other side is gone.
    explicit allowance(int pipe, bool goes_on = false) : pipe_(pipe), goes_on_(goes_on) {}

    /// Waits until so many bytes more may be read. Throws halted when the other side is gone, unless it goes on then, or when this process was asked to end.
    void take(byte_count n) {
        const std::lock_guard lock(guard_);
        while (left_ < n && !alone_) left_ += more((n - left_ + unit - 1) / unit) * unit;
        if (!alone_) left_ -= n;
    }

private:
    byte_count more(byte_count units) {
        constexpr int often_enough = 500;  // ms, to notice that an end was asked for
        std::array<char, 64> tokens;
        for (;;) {
            interruption::point();
            ::pollfd ready{pipe_, POLLIN, 0};
            if (::poll(&ready, 1, often_enough) < 0 && errno != EINTR) throw halted("allowance", "poll: " + message_of(errno));
            if (ready.revents == 0) continue;
            const auto got = ::read(pipe_, tokens.data(), std::min<byte_count>(units, tokens.size()));
            if (got > 0) return static_cast<byte_count>(got);
            if (got == 0 && !goes_on_) throw halted("allowance", "read: who gives it is gone");
            if (got == 0) {
                alone_ = true;
                return 0;
            }
            if (errno != EINTR && errno != EAGAIN) throw halted("allowance", "read: " + message_of(errno));
        }
    }
    int pipe_;
    bool goes_on_, alone_ = false;
    byte_count left_ = 0;
    std::mutex guard_;
};

}  // namespace backy
