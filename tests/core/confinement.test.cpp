// SPDX-License-Identifier: GPL-3.0-or-later
// What a confined process cannot do any more, tried by processes that try, and what it still can.
#include "support/scratch.hpp"
#include "support/volume.hpp"

#include <backy/core/confinement.hpp>

#include <csignal>
#include <functional>
#include <linux/io_uring.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <thread>

using namespace backy;
using namespace support;

namespace {

/// In a process of its own that is confined: what `attempt` returns, 0 to 125; 126: it could not be confined.
int confined(const std::function<int()>& attempt, bool confine_first = true) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(confine_first && !confine().empty() ? 126 : attempt());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// errno of a call that returns -1.
int error_of(long result) { return result < 0 ? errno : 0; }

/// Ends a process that the attempt made after all.
int error_of_fork(long pid) {
    const auto code = error_of(pid);
    if (pid == 0) ::_exit(0);
    return code;
}

}  // namespace

TEST_CASE("confinement: no program, process, socket, namespace or ring of requests, and no look into others") {
    if (!can_confine) {
        WARN("SKIPPED: this build cannot");
        return;
    }
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const auto other = ::fork();  // of the same user, and with no more capabilities, which would keep it from being looked into
    if (other == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)confine();
        (void)!::write(ready[1], "", 1);
        ::pause(), ::_exit(0);
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    const ::iovec here{&byte, 1}, there{&byte, 1};
    ::io_uring_params ring{};
    char* const words[] = {const_cast<char*>("true"), nullptr};
    const std::vector<std::pair<const char*, std::function<int()>>> attempts{
        {"execve", [&] { return ::execv("/bin/true", words), errno; }},
        {"execveat", [&] { return error_of(::syscall(SYS_execveat, AT_FDCWD, "/bin/true", words, nullptr, 0)); }},
        {"fork", [] { return error_of_fork(::fork()); }},
#ifdef SYS_fork
        {"the call fork", [] { return error_of_fork(::syscall(SYS_fork)); }},
#endif
        {"clone into a new user namespace", [] { return error_of_fork(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)); }},
        {"unshare", [] { return error_of(::unshare(CLONE_NEWUSER)); }},
        {"socket", [] { return error_of(::socket(AF_INET, SOCK_STREAM, 0)); }},
        {"a socket of this machine", [] { return error_of(::socket(AF_UNIX, SOCK_STREAM, 0)); }},
        {"ptrace", [&] { return error_of(::ptrace(PTRACE_SEIZE, other, nullptr, nullptr)); }},
        {"process_vm_writev", [&] { return error_of(::process_vm_writev(other, &here, 1, &there, 1, 0)); }},
        {"io_uring", [&] { return error_of(::syscall(SYS_io_uring_setup, 1, &ring)); }},
    };
    for (const auto& [name, attempt] : attempts) {
        INFO(name);
        const auto free = confined(attempt, false);
        CHECK((free == 0 || std::string(name) == "io_uring" || std::string(name).find("namespace") != std::string::npos || std::string(name) == "unshare"));  // machines differ
        CHECK(confined(attempt) == EPERM);
    }
    CHECK(confined([] { return error_of(::syscall(SYS_clone3, nullptr, 0)); }) == ENOSYS);  // its flags cannot be seen
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
    ::close(ready[0]), ::close(ready[1]);
}

TEST_CASE("confinement: what root may do is gone, but for files whoever owns them") {
    if (::geteuid() != 0 || !can_confine) {
        WARN("SKIPPED: not root, or this build cannot");
        return;
    }
    const scratch dir(plain());
    const auto strangers = (dir / "strangers").string();
    spill(strangers, "text");
    REQUIRE((::chown(strangers.c_str(), 65534, 65534) == 0 && ::chmod(strangers.c_str(), 0400) == 0));
    REQUIRE((::chown(dir.path().c_str(), 65534, 65534) == 0 && ::chmod(dir.path().c_str(), 0500) == 0));
    CHECK(confined([&] { return error_of(::mount("none", dir.path().c_str(), "none", 0, nullptr)); }) == EPERM);  // who may gets ENODEV
    CHECK(confined([&] { return error_of(::chroot(dir.path().c_str())); }) == EPERM);
    CHECK(confined([&] { return error_of(::syscall(SYS_setuid, 65534)); }) == EPERM);
    CHECK(confined([&] { return error_of(::chown(strangers.c_str(), 0, 0)); }) == EPERM);
    CHECK(confined([&] { return slurp(strangers) == "text" ? 0 : 1; }) == 0);
    CHECK(confined([&] { return error_of(::open((dir / "new").c_str(), O_RDWR | O_CREAT, 0640)); }) == 0);
    CHECK(confined([&] { return error_of(::unlink((dir / "new").c_str())); }) == 0);
}

TEST_CASE("confinement: files and threads work as before, also threads that were there") {
    const scratch dir(plain());
    const auto path = (dir / "f").string();
    const auto reads_and_writes = [&] {
        spill(path, "text");
        std::string seen;
        std::thread([&] { seen = slurp(path); }).join();
        return seen == "text" && ::rename(path.c_str(), (path + "2").c_str()) == 0 && ::unlink((path + "2").c_str()) == 0 ? 0 : 1;
    };
    CHECK(confined([&] {
        confine();  // whether it can or not, and twice
        return reads_and_writes();
    }, false) == 0);
    if (!can_confine) return;
    CHECK(confined(reads_and_writes) == 0);
    CHECK(confined([&] {
        std::atomic<int> refused = -1;
        std::atomic<bool> go = false;
        std::thread earlier([&] {
            go.wait(false);
            refused = error_of(::socket(AF_INET, SOCK_STREAM, 0));
        });
        const bool could = confine().empty();
        go = true;
        go.notify_all();
        earlier.join();
        return could ? refused.load() : 126;
    }, false) == EPERM);
}
