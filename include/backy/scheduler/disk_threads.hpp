// SPDX-License-Identifier: GPL-3.0-or-later
// The threads that may wait for a disk, so that the loop's never does.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <concepts>

namespace backy::scheduler {
namespace asio = boost::asio;

class disk_threads {
public:
    /// Does it on one of them; the caller's coroutine waits. `work` refers to what lives in that coroutine: g++ 12 destroys twice what a
    /// closure in a co_await holds by value.
    template <std::invocable F>
        requires std::is_trivially_destructible_v<F>
    asio::awaitable<std::invoke_result_t<F>> run(F work) {
        co_return co_await asio::co_spawn(pool_, [](F f) -> asio::awaitable<std::invoke_result_t<F>> { co_return f(); }(work), asio::use_awaitable);
    }
    /// Waits for what they do.
    void join() { pool_.join(); }

private:
    asio::thread_pool pool_{3};
};

}  // namespace backy::scheduler
