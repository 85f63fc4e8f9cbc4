// SPDX-License-Identifier: GPL-3.0-or-later
// A journal for who must not wait.
#pragma once

#include <backy/core/journal.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

namespace backy::scheduler {

/// A journal that never makes its caller wait: lines are written by a thread of their own, in their order.
class background_journal final : public journal {
public:
    explicit background_journal(journal& to) : to_(to) {}
    ~background_journal() override { writer_.join(); }
    void record(severity s, std::string_view text) noexcept override {
        try {
            boost::asio::post(writer_, [this, s, line = std::string(text)] { to_.record(s, line); });
        } catch (...) {}
    }
    void progress(byte_count, byte_count) noexcept override {}

private:
    journal& to_;
    boost::asio::thread_pool writer_{1};
};

}  // namespace backy::scheduler
