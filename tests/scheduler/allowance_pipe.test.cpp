// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: core/allowance
#include <backy/scheduler/allowance_pipe.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <catch2/catch.hpp>

#include <thread>

using namespace backy;
using namespace backy::scheduler;
using namespace std::chrono_literals;

TEST_CASE("allowance: no byte more than the other end allows, until it is gone") {
    auto pipe = std::make_optional<allowance_pipe>();
    allowance pace(::dup(pipe->child_end()));
    std::atomic<byte_count> taken = 0;
    std::string why;
    std::jthread reader([&] {
        try {
            for (;;) pace.take(400'000), taken += 400'000;
        } catch (const error& e) {
            why = e.what();
        }
    });
    const auto settles_at = [&](byte_count n) {
        for (int i = 0; i < 500 && taken < n; ++i) std::this_thread::sleep_for(10ms);
        std::this_thread::sleep_for(50ms);
        CHECK(taken == n);
    };
    settles_at(0);
    pipe->allow(3_MiB);
    settles_at(2'800'000);
    pipe->allow(1);  // a MiB is the least
    settles_at(4'000'000);
    pipe.reset();
    reader.join();
    CHECK(why == "allowance: read: who gives it is gone");
}

TEST_CASE("allowance: what was not used is not added up") {
    allowance_pipe pipe;
    for (int i = 0; i < 10; ++i) pipe.allow(5_MiB);
    int unread = 0;
    REQUIRE(::ioctl(pipe.child_end(), FIONREAD, &unread) == 0);
    CHECK(unread == 5);
    for (int i = 0; i < 3; ++i) allowance_pipe().allow(100'000 * 1_MiB);
}

TEST_CASE("allowance: one for every second, of what is allowed then, as long as somebody has the pipe") {
    auto pipe = std::make_shared<const allowance_pipe>();
    const std::shared_ptr<const int> end(new int(::dup(pipe->child_end())), [](const int* fd) { ::close(*fd), delete fd; });
    const auto waiting = [&] {
        int unread = 0;
        REQUIRE(::ioctl(*end, FIONREAD, &unread) == 0);
        return unread;
    };
    boost::asio::io_context loop;
    byte_count rate = 0;
    bool is_over = false;
    boost::asio::co_spawn(loop, allow(pipe, [&] { return rate; }), [&](std::exception_ptr e) { is_over = !e; });
    loop.run_for(100ms);
    CHECK(waiting() == 0);  // nothing now
    rate = 3_MiB;
    loop.run_for(1500ms);
    CHECK(waiting() == 3);
    pipe.reset();
    loop.run_for(5s);  // ends with its last coroutine
    CHECK(is_over);
}
