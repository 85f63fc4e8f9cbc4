// SPDX-License-Identifier: GPL-3.0-or-later
// What lets child processes read, so many bytes in a second: backy::allowance is its other end.
#pragma once

#include <backy/core/allowance.hpp>
#include <backy/core/process.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/ioctl.h>

namespace backy::scheduler {
namespace asio = boost::asio;

/// All that may be read in the next second, unless the last has not been used up.
class allowance_pipe {
public:
    int child_end() const { return pipe_.out; }
    void allow(byte_count bytes) const {
        constexpr std::size_t most = 32'768;  // the pipe takes 64 KiB, so this never waits
        int unread = 0;  // of a pipe: no file system call, so not by Io
        if (::ioctl(pipe_.out, FIONREAD, &unread) != 0) throw error("allowance", "FIONREAD: " + message_of(errno));
        const std::string tokens(std::clamp<std::size_t>(bytes / allowance::unit, 1, most), '\1');
        if (unread == 0 && ::write(pipe_.in, tokens.data(), tokens.size()) < 0) throw error("allowance", "write: " + message_of(errno));
    }

private:
    backy::detail::pipe_ends pipe_;
};

/// Once a second, as long as somebody has the pipe: what may be read in it, of all who read from it; 0: nothing now.
inline asio::awaitable<void> allow(std::weak_ptr<const allowance_pipe> wanted, std::function<byte_count()> bytes) {
    asio::steady_timer second(co_await asio::this_coro::executor);
    for (;;) {
        if (const auto pipe = wanted.lock(); !pipe) co_return;
        else if (const auto n = bytes(); n > 0) pipe->allow(n);
        second.expires_after(std::chrono::seconds(1));
        co_await second.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

}  // namespace backy::scheduler
