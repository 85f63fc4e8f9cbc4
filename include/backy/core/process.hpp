// SPDX-License-Identifier: GPL-3.0-or-later
// Other processes: commands of the user, run by /bin/sh, and programs with their arguments, each within a limit of time.
#pragma once

#include <backy/core/error.hpp>
#include <backy/core/text.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
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
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return std::nullopt;
}

/// Where a process reads and writes.
struct streams {
    int in = -1;                ///< a descriptor; -1: /dev/null
    int out = -1, err = -1;     ///< descriptors; -1: the log
    std::filesystem::path log{};  ///< is appended to
};

/// Starts a program, without a copy of our memory, in a process group of its own, with default signals, no descriptor but these three
/// and the environment that is given. Throws error.
inline ::pid_t spawn(const std::vector<std::string>& words, const streams& s, char* const* environment = environ) {
    ::posix_spawn_file_actions_t actions;
    ::posix_spawnattr_t attributes;
    const auto must = [&](int code) {
        if (code != 0) throw error(words[0], "spawn: " + message_of(code));
    };
    must(::posix_spawn_file_actions_init(&actions));
    const std::unique_ptr<::posix_spawn_file_actions_t, int (*)(::posix_spawn_file_actions_t*)> free_actions(&actions,
                                                                                                             ::posix_spawn_file_actions_destroy);
    must(::posix_spawnattr_init(&attributes));
    const std::unique_ptr<::posix_spawnattr_t, int (*)(::posix_spawnattr_t*)> free_attributes(&attributes, ::posix_spawnattr_destroy);

    const auto connect = [&](int descriptor, int as, const char* path, int flags) {
        must(descriptor < 0 ? ::posix_spawn_file_actions_addopen(&actions, as, path, flags, 0640)
                            : ::posix_spawn_file_actions_adddup2(&actions, descriptor, as));
    };
    connect(s.in, STDIN_FILENO, "/dev/null", O_RDONLY);
    connect(s.err, STDERR_FILENO, s.log.c_str(), O_WRONLY | O_CREAT | O_APPEND);
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
    must(::posix_spawn(&pid, words[0].c_str(), &actions, &attributes, arguments.data(), environment));
    return pid;
}

/// The path of a program of this machine: as PATH has it, or where administrators' programs are, which the PATH of cron lacks.
inline std::string path_of_program(const std::string& name) {
    const auto* const path = std::getenv("PATH");
    for (const auto& folder : split(std::string(path ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin", ':'))
        if (const auto file = folder + "/" + name; folder.starts_with('/') && ::access(file.c_str(), X_OK) == 0) return file;
    throw error(name, "there is no such program here");
}

namespace detail {

struct pipe_ends {
    int out = -1, in = -1;
    pipe_ends() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw error("pipe", message_of(errno));
        out = ends[0], in = ends[1];
        ::fcntl(out, F_SETFL, O_NONBLOCK);
    }
    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;
    ~pipe_ends() { ::close(out), ::close(in); }

    /// Calls take(text) for what is in it now.
    void drain(auto take) const {
        char buffer[65536];
        for (;;) {
            const auto n = ::read(out, buffer, sizeof buffer);
            if (n > 0) take(std::string_view(buffer, static_cast<std::size_t>(n)));
            else if (n == 0 || errno != EINTR) return;
        }
    }
};

}  // namespace detail

/// Runs a program to its end, without a shell and without input, in the C locale. Calls take(text) with what it prints, as it comes, and
/// some ten times a second with "" while nothing does. Throws error if it is not there, does not end with status 0 (with what it
/// said), or takes longer than the limit, and what `take` throws; it is then asked to end by SIGTERM and waited for a while. It is never
/// killed: an LVM that is leaves devices suspended.
/// threads: any.
template <std::invocable<std::string_view> Take>
void run_program(std::vector<std::string> words, std::chrono::milliseconds limit, Take take) {
    constexpr std::chrono::seconds time_to_end{10};
    constexpr std::chrono::milliseconds tick{100};
    const auto name = words[0];
    words[0] = path_of_program(name);
    std::string locale = "LC_ALL=C";
    std::vector<char*> environment{locale.data()};
    for (char** each = environ; *each; ++each)
        if (!std::string_view(*each).starts_with("LC_ALL=")) environment.push_back(*each);
    environment.push_back(nullptr);

    const detail::pipe_ends out, err;
    const auto pid = spawn(words, {-1, out.in, err.in, {}}, environment.data());
    std::string said;
    const auto deadline = std::chrono::steady_clock::now() + limit;
    int status = 0;
    bool running = true;
    const auto look_after = [&] {
        const auto rc = ::waitpid(pid, &status, WNOHANG);
        running = rc == 0 || (rc < 0 && errno == EINTR);
        if (rc < 0 && !running) throw error(name, "waitpid: " + message_of(errno));
    };
    const auto listen = [&] {
        err.drain([&](std::string_view text) { said.append(text.substr(0, 65536 - std::min<std::size_t>(said.size(), 65536))); });
    };
    try {
        for (auto wait = std::chrono::milliseconds(1);; wait = std::min(2 * wait, tick)) {
            look_after();
            listen();
            out.drain(take);
            if (!running) break;
            take(std::string_view());
            if (std::chrono::steady_clock::now() >= deadline)
                throw error(name, "it did not end within " + std::to_string(limit.count() / 1000) + " s", true);
            struct ::pollfd ready[] = {{out.out, POLLIN, 0}, {err.out, POLLIN, 0}};
            ::poll(ready, 2, static_cast<int>(wait.count()));
        }
    } catch (...) {
        if (running) ::kill(-pid, SIGTERM);
        for (const auto last = std::chrono::steady_clock::now() + time_to_end; running && std::chrono::steady_clock::now() < last; look_after()) {
            out.drain([](std::string_view) {});  // it must not wait for us
            std::this_thread::sleep_for(tick / 10);
        }
        throw;
    }
    if (status == 0) return;
    std::vector<std::string> lines;
    for (const auto& line : split(said, '\n'))
        if (auto text = on_one_line(trimmed(line)); !text.empty()) lines.push_back(std::move(text));
    throw error(name, lines.empty() ? describe_status(status) : join(lines, "; "));
}

/// The same; returns what it printed.
inline std::string output_of(std::vector<std::string> words, std::chrono::milliseconds limit) {
    std::string all;
    run_program(std::move(words), limit, [&](std::string_view text) { all += text; });
    return all;
}

}  // namespace backy
