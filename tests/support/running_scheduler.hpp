// SPDX-License-Identifier: GPL-3.0-or-later
// A real scheduler, in a directory of its own.
#pragma once

#include "program.hpp"

#include <backy/scheduler/child.hpp>

#include <arpa/inet.h>
#include <csignal>
#include <functional>
#include <sys/socket.h>
#include <thread>

namespace support {

/// A port of 127.0.0.1 that nobody has.
inline int free_port() {
    const auto fd = ::socket(AF_INET, SOCK_STREAM, 0);
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::socklen_t size = sizeof address;
    REQUIRE(::bind(fd, reinterpret_cast<::sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(fd, reinterpret_cast<::sockaddr*>(&address), &size) == 0);
    ::close(fd);
    return ntohs(address.sin_port);
}

inline bool eventually(std::chrono::seconds limit, const std::function<bool()>& holds) {
    for (const auto end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(std::chrono::milliseconds(20)))
        if (holds()) return true;
    return holds();
}

class running_scheduler {
public:
    explicit running_scheduler(const fs::path& place = plain()) : dir(place), base(dir / "base"), port(free_port()) { fs::create_directory(base); }
    ~running_scheduler() {
        if (pid_ > 0) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
    }

    /// `jobs`: name and schedule; each has a volume DIR/NAME.img.
    void configure(const std::string& schedules, const std::vector<std::pair<std::string, std::string>>& jobs, const std::string& global = "") const {
        std::ofstream conf(config());
        conf << "[global]\nbase-dir = \"" << base.string() << "\"\nstatus-interval = 1\ntelnet-addrs = \"127.0.0.1\"\ntelnet-port = " << port << "\n" << global << schedules;
        for (const auto& [name, schedule] : jobs)
            conf << "[jobs." << name << "]\nschedule = \"" << schedule << "\"\nsource = { type = \"file\", filename = \"" << volume(name).string() << "\" }\n";
    }
    void volumes(const std::vector<std::string>& names) const {
        for (const auto& name : names) std::ofstream(volume(name)) << content(300'000, name[0]);
    }
    fs::path config() const { return dir / "backy.conf"; }
    fs::path volume(const std::string& job) const { return dir / (job + ".img"); }
    fs::path log() const { return dir / "scheduler.log"; }
    ::pid_t pid() const { return pid_; }

    void start(const std::string& program = BACKY_PROGRAM) {
        std::vector<std::string> words{program, "-l", log().string()};
        if (program == BACKY_PROGRAM) words.push_back("scheduler");
        words.insert(words.end(), {"-c", config().string()});
        start_as(words);
    }
    void start_as(const std::vector<std::string>& words) {
        const auto begun = logged(" ready: ");
        pid_ = backy::spawn(words, {.log = dir / "errors"});
        REQUIRE(eventually(std::chrono::seconds(20), [&] { return logged(" ready: ") > begun || !alive(); }));
        INFO((fs::exists(log()) ? slurp(log()) : "no log") + slurp(dir / "errors"));
        REQUIRE(alive());
    }
    bool alive() const { return pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0; }
    void signal(int number) const { ::kill(pid_, number); }
    /// The exit code.
    int wait() {
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    int stop() {
        signal(SIGTERM);
        return wait();
    }

    std::size_t logged(const std::string& text) const {
        if (!fs::exists(log())) return 0;
        const auto all = slurp(log());
        std::size_t n = 0;
        for (auto at = all.find(text); at != all.npos; at = all.find(text, at + 1)) ++n;
        return n;
    }
    result check() const { return support::shell("\"$BACKY\" check -c '" + config().string() + "'"); }
    bool check_becomes(int code, std::chrono::seconds limit = std::chrono::seconds(20)) const {
        return eventually(limit, [&] { return check().code == code; });
    }
    /// Commands on the Unix socket.
    std::string shell(const std::string& lines) const {
        return support::shell("printf '" + lines + "' | \"$BACKY\" shell -c '" + config().string() + "'").out;
    }
    repository_directory repository(const std::string& job) const { return repository_directory(base / job); }
    std::size_t revisions(const std::string& job) const {
        std::size_t n = 0;
        if (fs::exists(base / job))
            for (const auto& entry : fs::directory_iterator(base / job)) n += entry.path().extension() == ".rev" && !entry.is_symlink();
        return n;
    }

    scratch dir;
    fs::path base;
    int port;

private:
    ::pid_t pid_ = 0;
};

}  // namespace support
