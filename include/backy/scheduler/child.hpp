// SPDX-License-Identifier: GPL-3.0-or-later
// Child processes, awaited without a signal handler.
#pragma once

#include <backy/core/process.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/syscall.h>

namespace backy::scheduler {
namespace asio = boost::asio;

/// Its status, as of waitpid(2), once it has ended. `limit`: then it is killed, with its process group.
inline asio::awaitable<int> ended(::pid_t pid, std::optional<std::chrono::seconds> limit = std::nullopt) {
    const auto executor = co_await asio::this_coro::executor;
    const auto descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (descriptor < 0) throw error("pidfd_open", message_of(errno));
    asio::posix::stream_descriptor watch(executor, descriptor);
    asio::steady_timer timer(executor);
    const auto is_there = std::make_shared<bool>(true);  // its number may be another's later
    if (limit) {
        timer.expires_after(*limit);
        timer.async_wait([pid, is_there](const boost::system::error_code& cancelled) {
            if (!cancelled && *is_there) ::kill(-pid, SIGKILL);
        });
    }
    co_await watch.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    timer.cancel();
    *is_there = false;
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) throw error("waitpid", message_of(errno));
    co_return status;
}

}  // namespace backy::scheduler
