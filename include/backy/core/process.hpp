// SPDX-License-Identifier: GPL-3.0-or-later
// Commands of the user, run by /bin/sh with a limit of time.
#pragma once

#include <backy/core/error.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

namespace backy {

/// Replaces this process by `sh -c command`. Its standard output goes to standard error: ours is for data.
[[noreturn]] inline void become(const std::string& command) {
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    for (const int signal : {SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::signal(signal, SIG_DFL);  // as a shell expects them
    ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
}

inline std::string describe_status(int status) {
    return WIFEXITED(status) ? "exit status " + std::to_string(WEXITSTATUS(status)) : "killed by signal " + std::to_string(WTERMSIG(status));
}

/// The status as of waitpid(2); nothing: it did not end within the limit and was killed, with its process group.
inline std::optional<int> run_command(const std::string& command, std::chrono::milliseconds limit) {
    const auto pid = ::fork();
    if (pid < 0) throw error(command, "fork: " + message_of(errno));
    if (pid == 0) {
        ::setpgid(0, 0);
        become(command);
    }
    ::setpgid(pid, pid);  // both sides do it, so that it is done for whoever comes first
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (int status = 0;;) {
        const auto ended = ::waitpid(pid, &status, WNOHANG);
        if (ended == pid) return status;
        if (ended < 0 && errno != EINTR) throw error(command, "waitpid: " + message_of(errno));
        if (std::chrono::steady_clock::now() >= deadline) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ::kill(-pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
    return std::nullopt;
}

}  // namespace backy
