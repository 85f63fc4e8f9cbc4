// SPDX-License-Identifier: GPL-3.0-or-later
// frozen_guest: a guest that stands still while its volume is frozen. A watchdog, a process of its own, thaws it again: when it is
// asked to, when this process dies, and in any case when the time is up.
#pragma once

#include <backy/core/process.hpp>

#include <fcntl.h>
#include <poll.h>

#include <vector>

namespace backy::sources {

class frozen_guest {
public:
    /// Runs the freeze command; throws when it fails or takes more than 4/5 of the limit, after thawing.
    frozen_guest(const std::string& freeze, const std::string& thaw, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw error("freeze-command", "pipe: " + message_of(errno));
        watchdog_ = ::fork();
        if (watchdog_ == 0) {
            ::close(ends[1]);
            watch(ends[0], thaw, limit);
        }
        ::close(ends[0]);
        request_ = ends[1];
        if (watchdog_ < 0) {
            const auto code = errno;
            ::close(request_);
            throw error("freeze-command", "fork: " + message_of(code));
        }
        try {
            const auto status = run_command(freeze, limit * 4 / 5);  // ended before the watchdog could thaw what freezes after it
            if (status == 0) return;
            throw source_error("freeze-command", freeze + ": " + (status ? describe_status(*status) : "did not end in time"));
        } catch (...) {
            this->thaw();
            throw;
        }
    }
    frozen_guest(const frozen_guest&) = delete;
    frozen_guest& operator=(const frozen_guest&) = delete;
    ~frozen_guest() { thaw(); }

    struct outcome {
        bool in_time = false;              ///< it stood still until this call
        std::vector<std::string> remarks;  ///< what went wrong; the guest may still stand still
    };
    /// Returns when the thaw command has ended. Further calls do nothing.
    outcome thaw() noexcept {
        if (watchdog_ <= 0) return {};
        const char now = 't';
        const bool asked = ::write(request_, &now, 1) == 1;  // fails if the watchdog is gone: SIGPIPE is ignored, see cli/main.hpp
        ::close(request_);
        int status = 0;
        while (::waitpid(watchdog_, &status, 0) < 0 && errno == EINTR) {}
        watchdog_ = -1;
        outcome o{asked && WIFEXITED(status) && (WEXITSTATUS(status) & expired) == 0, {}};
        if (!WIFEXITED(status) || (WEXITSTATUS(status) & failed) != 0) o.remarks.push_back("thaw-command: it failed, the guest may still be frozen");
        if (WIFEXITED(status) && (WEXITSTATUS(status) & expired) != 0) o.remarks.push_back("thaw-command: run by the watchdog before the snapshot was done");
        return o;
    }

private:
    static constexpr int expired = 1, failed = 2;
    static constexpr unsigned thaw_limit = 60;  // seconds; a thaw command that hangs must not hold up the run for ever

    [[noreturn]] static void watch(int request, const std::string& thaw, std::chrono::milliseconds limit) {
        for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);  // a service that is stopped is sent these as a whole
        ::setsid();
        ::dup2(request, STDIN_FILENO);
        ::closefrom(STDERR_FILENO + 1);  // the repository's lock among others
        const auto deadline = std::chrono::steady_clock::now() + limit;
        const bool in_time = wait_for_input(deadline);
        char asked = 0;
        const bool died = in_time && ::read(STDIN_FILENO, &asked, 1) != 1;
        const int status = run_thaw(thaw);
        if (died) {  // perhaps while the freeze command ran, and that goes on by itself
            std::this_thread::sleep_until(deadline);
            run_thaw(thaw);
        }
        ::_exit((in_time ? 0 : expired) | (status == 0 ? 0 : failed));
    }
    /// False: the time is up.
    static bool wait_for_input(std::chrono::steady_clock::time_point deadline) {
        for (;;) {
            struct ::pollfd waiting {STDIN_FILENO, POLLIN, 0};
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
            const int ready = ::poll(&waiting, 1, left > 0 ? static_cast<int>(left) : 0);
            if (ready >= 0 || errno != EINTR) return ready > 0;
        }
    }
    static int run_thaw(const std::string& thaw) {
        ::alarm(thaw_limit);
        const auto pid = ::fork();
        if (pid == 0) become(thaw);
        int status = -1;
        while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
        ::alarm(0);
        return status;
    }

    ::pid_t watchdog_ = -1;
    int request_ = -1;
};

}  // namespace backy::sources
