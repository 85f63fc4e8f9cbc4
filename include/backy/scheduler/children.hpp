// SPDX-License-Identifier: GPL-3.0-or-later
// The daemon's child processes: the commands of backy for one job each, and callbacks.
#pragma once

#include <backy/core/text.hpp>
#include <backy/io/directory.hpp>
#include <backy/io/posix.hpp>
#include <backy/scheduler/child.hpp>
#include <backy/scheduler/disk_threads.hpp>

#include <set>

namespace backy::scheduler {

/// On the loop's thread. What a child says on standard error, and on standard output unless there is a place for that, goes to the log of its job.
class children {
public:
    static constexpr std::chrono::minutes callback_limit{10};

    /// `program`: the `backy` whose commands they are. What is referred to lives as long as this, and is first used when something is started.
    children(std::filesystem::path program, const io::directory<io::posix>& base, disk_threads& disk)
        : program_(std::move(program)), base_(base), disk_threads_(disk) {}

    bool empty() const { return pids_.empty(); }
    /// Asks them to end, and from now on whoever is started.
    void stop() {
        stopping_ = true;
        for (const auto pid : pids_) ::kill(pid, SIGTERM);
    }
    /// With what they have started.
    void kill() const {
        for (const auto pid : pids_) ::kill(-pid, SIGKILL);
    }

    /// `backy -b BASE/JOB command`. Returns its status, as of waitpid(2), once it has ended. Its process ID goes to `is` as soon as there is one.
    asio::awaitable<int> backy(const std::string& command, const std::string& job, int out = -1, int in = -1, ::pid_t* is = nullptr) {
        std::vector<std::string> words{program_.string(), "-b", (base_.path() / job).string()};
        for (auto& word : split(command, ' ')) words.push_back(std::move(word));
        return run(std::move(words), job, {.in = in, .out = out}, std::nullopt, is);
    }
    /// `program JOB`, which is killed after some time.
    asio::awaitable<int> callback(const std::string& program, const std::string& job, int in) { return run({program, job}, job, {.in = in}, callback_limit); }

private:
    asio::awaitable<int> run(std::vector<std::string> words, std::string job, streams s, std::optional<std::chrono::seconds> limit, ::pid_t* is = nullptr) {
        const auto pid = co_await disk_threads_.run([&] {
            const auto log = base_.below(job).open("backy.log", O_WRONLY | O_CREAT | O_APPEND);
            s.err = log.descriptor();
            return spawn(words, s);
        });
        if (is) *is = pid;
        pids_.insert(pid);
        const std::shared_ptr<void> forgotten(nullptr, [this, pid](void*) { pids_.erase(pid); });
        if (stopping_) ::kill(pid, SIGTERM);
        co_return co_await ended(pid, limit);
    }

    std::filesystem::path program_;
    const io::directory<io::posix>& base_;
    disk_threads& disk_threads_;
    std::set<::pid_t> pids_;
    bool stopping_ = false;
};

}  // namespace backy::scheduler
