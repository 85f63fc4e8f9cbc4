// SPDX-License-Identifier: GPL-3.0-or-later
// Child processes: started without a copy of the daemon's memory, awaited without a signal handler.
#pragma once

#include <backy/core/process.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <spawn.h>
#include <sys/syscall.h>

#include <filesystem>
#include <vector>

namespace backy::scheduler {
namespace asio = boost::asio;

struct streams {
    int in = -1;                  ///< a descriptor; -1: /dev/null
    int out = -1;                 ///< a descriptor; -1: the log
    std::filesystem::path log;  ///< is appended to; standard error goes there
};

/// In a process group of its own, with default signals and no descriptor but these three. Throws error.
inline ::pid_t spawn(const std::vector<std::string>& words, const streams& s) {
    ::posix_spawn_file_actions_t actions;
    ::posix_spawnattr_t attributes;
    const auto must = [&](int code) {
        if (code != 0) throw error(words[0], "spawn: " + message_of(code));
    };
    must(::posix_spawn_file_actions_init(&actions));
    const std::unique_ptr<::posix_spawn_file_actions_t, int (*)(::posix_spawn_file_actions_t*)> free_actions(&actions, ::posix_spawn_file_actions_destroy);
    must(::posix_spawnattr_init(&attributes));
    const std::unique_ptr<::posix_spawnattr_t, int (*)(::posix_spawnattr_t*)> free_attributes(&attributes, ::posix_spawnattr_destroy);

    must(s.in < 0 ? ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
                  : ::posix_spawn_file_actions_adddup2(&actions, s.in, STDIN_FILENO));
    must(::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, s.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0640));
    must(::posix_spawn_file_actions_adddup2(&actions, s.out < 0 ? STDERR_FILENO : s.out, STDOUT_FILENO));
    must(::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1));  // a socket that it kept would keep its port
    ::sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    must(::posix_spawnattr_setsigmask(&attributes, &none));
    must(::posix_spawnattr_setsigdefault(&attributes, &all));
    must(::posix_spawnattr_setpgroup(&attributes, 0));
    must(::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));

    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::pid_t pid = 0;
    must(::posix_spawn(&pid, words[0].c_str(), &actions, &attributes, arguments.data(), environ));
    return pid;
}

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
