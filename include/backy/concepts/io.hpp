// SPDX-License-Identifier: GPL-3.0-or-later
// Io: the system calls that can fail. Everything that backy does to a filesystem goes through one of these, which is what
// makes a sweep over "the n-th call fails" possible.
#pragma once

#include <backy/core/bytes.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <concepts>
#include <string>
#include <vector>

namespace backy {

/// Raw: a result or -errno as the kernel gives them, EINTR and short counts included, so that an adapter can inject those
/// *below* the code that must cope with them. Only io::file and io::directory call it; they check, loop and explain.
///
/// | expression | returns | meaning |
/// |---|---|---|
/// | openat(dir, name, flags, mode) | descriptor | as openat(2), always close-on-exec; `dir` may be AT_FDCWD |
/// | close(fd) | 0 | the descriptor is gone, whatever it returns |
/// | pread, pwrite(fd, bytes, offset), append(fd, bytes) | count, maybe short | append is write(2): for pipes and O_APPEND |
/// | lseek(fd, offset, whence) | offset | only for sizes, data and holes: reads and writes name their offset |
/// | fstat, fstatat(…), fstatfs | 0 | |
/// | fsync(fd) | 0 | for files and directories |
/// | fchmod, ftruncate, fallocate(fd, mode, extent) | 0 | |
/// | fadvise(fd, extent, advice) | 0 | |
/// | write_out(fd, extent) | 0 | what was written there is on its way off the page cache when it returns; not durable (sync_file_range) |
/// | resident(fd, extent, pages) | pages | how many pages that the extent touches the page cache holds; 1 for each that it does |
/// | ioctl(fd, request, argument), lock_range(fd, lock), flock(fd, operation) | ≥ 0 | lock_range is F_OFD_SETLK |
/// | renameat(dir, from, to), unlinkat, symlinkat(text, dir, name), mkdirat | 0 | |
/// | readlinkat(dir, name, text), list(dir, names) | ≥ 0 | they add to the string and the vector |
///
/// threads: any number at once on copies. ends: nothing is held.  models: io::posix, io::faulty<Io>
template <class I>
concept Io = std::copyable<I> && std::default_initializable<I> &&
             requires(const I io, int fd, int flags, ::mode_t mode, const std::string& name, block out, const_block in, byte_count n,
                      struct ::stat& st, struct ::statfs& fs, unsigned long request, std::uintptr_t argument, struct ::flock& range,
                      std::string& text, std::vector<std::string>& names, std::vector<unsigned char>& pages) {
                 { io.openat(fd, name, flags, mode) } -> std::same_as<long>;
                 { io.close(fd) } -> std::same_as<long>;
                 { io.pread(fd, out, n) } -> std::same_as<long>;
                 { io.pwrite(fd, in, n) } -> std::same_as<long>;
                 { io.append(fd, in) } -> std::same_as<long>;
                 { io.lseek(fd, n, flags) } -> std::same_as<long>;
                 { io.fstat(fd, st) } -> std::same_as<long>;
                 { io.fstatat(fd, name, st, flags) } -> std::same_as<long>;
                 { io.fstatfs(fd, fs) } -> std::same_as<long>;
                 { io.fsync(fd) } -> std::same_as<long>;
                 { io.fchmod(fd, mode) } -> std::same_as<long>;
                 { io.ftruncate(fd, n) } -> std::same_as<long>;
                 { io.fallocate(fd, flags, n, n) } -> std::same_as<long>;
                 { io.fadvise(fd, n, n, flags) } -> std::same_as<long>;
                 { io.write_out(fd, n, n) } -> std::same_as<long>;
                 { io.resident(fd, n, n, pages) } -> std::same_as<long>;
                 { io.ioctl(fd, request, argument) } -> std::same_as<long>;
                 { io.lock_range(fd, range) } -> std::same_as<long>;
                 { io.flock(fd, flags) } -> std::same_as<long>;
                 { io.renameat(fd, name, name) } -> std::same_as<long>;
                 { io.unlinkat(fd, name) } -> std::same_as<long>;
                 { io.symlinkat(name, fd, name) } -> std::same_as<long>;
                 { io.mkdirat(fd, name, mode) } -> std::same_as<long>;
                 { io.readlinkat(fd, name, text) } -> std::same_as<long>;
                 { io.list(fd, names) } -> std::same_as<long>;
             };

}  // namespace backy
