// SPDX-License-Identifier: GPL-3.0-or-later
// confine(): what this process can do from here on is what reading and writing files takes. For commands that need no more and meet bytes that
// somebody else has written.
#pragma once

#include <backy/core/error.hpp>

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace backy {

namespace detail {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr std::uint32_t machine = 0;  // LeakSanitizer stops our threads from a process that it makes, by ptrace
#elif defined(__x86_64__) && defined(__LP64__)
inline constexpr std::uint32_t machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__) && defined(__LP64__)
inline constexpr std::uint32_t machine = AUDIT_ARCH_AARCH64;
#else
inline constexpr std::uint32_t machine = 0;
#endif

/// They start a program or a process, speak to somebody, or get at another process; io_uring does all of it past any filter. What only root
/// may do (mount, load modules …) is not here: that takes a capability, and a new namespace to have one in takes unshare or clone.
inline constexpr std::array refused_calls{
#ifdef __NR_fork  // of old machines alone; the others have clone
    __NR_fork, __NR_vfork,
#endif
    __NR_execve, __NR_execveat, __NR_socket, __NR_socketpair, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_pidfd_getfd,
    __NR_io_uring_setup, __NR_unshare, __NR_setns, __NR_bpf, __NR_perf_event_open, __NR_userfaultfd, __NR_add_key, __NR_request_key, __NR_keyctl};

/// To read and write files whoever owns them, and beyond quotas, as root could before: the only capabilities that are kept.
inline constexpr std::uint32_t kept_capabilities =
    CAP_TO_MASK(CAP_DAC_OVERRIDE) | CAP_TO_MASK(CAP_DAC_READ_SEARCH) | CAP_TO_MASK(CAP_FOWNER) | CAP_TO_MASK(CAP_SYS_RESOURCE);

inline std::vector<::sock_filter> call_filter() {
    const auto load = [](std::size_t offset) { return ::sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); };
    const auto give = [](std::uint32_t what) { return ::sock_filter BPF_STMT(BPF_RET | BPF_K, what); };
    const auto unless = [](std::uint16_t test, std::uint32_t value) { return ::sock_filter BPF_JUMP(BPF_JMP | test | BPF_K, value, 0, 1); };  // else the next is left out
    constexpr std::uint32_t refuse = SECCOMP_RET_ERRNO | EPERM, pretend_old_kernel = SECCOMP_RET_ERRNO | ENOSYS, allow = SECCOMP_RET_ALLOW;
    std::vector<::sock_filter> filter{
        load(offsetof(::seccomp_data, arch)), ::sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, machine, 1, 0), give(refuse),
        load(offsetof(::seccomp_data, nr)),
        unless(BPF_JGE, 0x40000000), give(refuse),  // x32, which numbers its calls otherwise
        unless(BPF_JEQ, __NR_clone3), give(pretend_old_kernel)};  // its flags are in memory, where no filter can look: libc then takes clone
    for (const auto call : refused_calls) filter.insert(filter.end(), {unless(BPF_JEQ, static_cast<std::uint32_t>(call)), give(refuse)});
    filter.insert(filter.end(), {::sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 1, 0), give(allow),
                                 load(offsetof(::seccomp_data, args)),  // the lower half, on these machines
                                 unless(BPF_JSET, CLONE_THREAD), give(allow), give(refuse)});
    return filter;
}

}  // namespace detail

/// Whether this build can: on x86-64 and 64-bit ARM, without AddressSanitizer.
inline constexpr bool can_confine = detail::machine != 0;

/// For this process and all its threads, until it ends: no new program or process, no new socket, no look into others, no capability but those for
/// files. What is refused is an EPERM, never the end. Returns why it could not be done, or nothing; the process is the same then but
/// for the capabilities. requires: no other thread makes use of capabilities.
inline std::string confine() {
    if (!can_confine) return "this build cannot";
    ::__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    ::__user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3]{};
    if (::syscall(SYS_capget, &header, held) != 0) return "capget: " + message_of(errno);
    const auto kept = held[0].permitted & detail::kept_capabilities;
    held[0] = {kept, kept, 0}, held[1] = {};
    if (::syscall(SYS_capset, &header, held) != 0) return "capset: " + message_of(errno);

    auto filter = detail::call_filter();
    const ::sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "no_new_privs: " + message_of(errno);
    constexpr auto how = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;  // we run no foreign code that speculation could be turned against
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, how, &program) != 0) return "seccomp: " + message_of(errno);
    return "";
}

}  // namespace backy
