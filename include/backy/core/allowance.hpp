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
    explicit allowance(int pipe) : pipe_(pipe) {}

    /// Waits until so many bytes more may be read. Throws error when the other side is gone, or when this process was asked to end.
    void take(byte_count n) {
        const std::lock_guard lock(guard_);
        while (left_ < n) left_ += more((n - left_ + unit - 1) / unit) * unit;
        left_ -= n;
    }

private:
    byte_count more(byte_count units) const {
        constexpr int often_enough = 500;  // ms, to notice that an end was asked for
        std::array<char, 64> tokens;
        for (;;) {
            interruption::point();
            ::pollfd ready{pipe_, POLLIN, 0};
            if (::poll(&ready, 1, often_enough) < 0 && errno != EINTR) throw error("allowance", "poll: " + message_of(errno));
            if (ready.revents == 0) continue;
            const auto got = ::read(pipe_, tokens.data(), std::min<byte_count>(units, tokens.size()));
            if (got > 0) return static_cast<byte_count>(got);
            if (got == 0) throw error("allowance", "read: who gives it is gone");
            if (errno != EINTR && errno != EAGAIN) throw error("allowance", "read: " + message_of(errno));
        }
    }
    int pipe_;
    byte_count left_ = 0;
    std::mutex guard_;
};

}  // namespace backy
