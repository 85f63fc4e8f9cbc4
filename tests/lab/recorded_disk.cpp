// SPDX-License-Identifier: GPL-3.0-or-later
// recorded_disk MOUNTPOINT DISK LOG: a FUSE filesystem with one file, MOUNTPOINT/disk, which has the bytes of DISK. Every write to it and
// every flush is written to LOG before it is answered, in the order in which a disk would get them. For a loop device to lie on.
// LOG is records of `record` (support/disk_log.hpp), each followed by its bytes. One thread, so the order is one.
#define FUSE_USE_VERSION 31
#include "support/disk_log.hpp"

#include <fuse3/fuse.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

int disk = -1, log_file = -1;
constexpr std::string_view name = "/disk";

int log(support::disk_log::record r, std::string_view bytes) {
    ::iovec parts[] = {{&r, sizeof r}, {const_cast<char*>(bytes.data()), bytes.size()}};
    return ::writev(log_file, parts, 2) == static_cast<::ssize_t>(sizeof r + bytes.size()) ? 0 : -EIO;
}
int result(long rc) { return rc < 0 ? -errno : static_cast<int>(rc); }

int getattr(const char* path, struct ::stat* st, fuse_file_info*) {
    if (path == name) return result(::fstat(disk, st));
    *st = {};
    st->st_mode = S_IFDIR | 0755, st->st_nlink = 2;
    return std::string_view(path) == "/" ? 0 : -ENOENT;
}
int open(const char* path, fuse_file_info*) { return path == name ? 0 : -ENOENT; }
int read(const char*, char* to, std::size_t n, ::off_t at, fuse_file_info*) { return result(::pread(disk, to, n, at)); }
int write(const char*, const char* from, std::size_t n, ::off_t at, fuse_file_info*) {
    const auto written = result(::pwrite(disk, from, n, at));
    if (written <= 0) return written;
    const auto logged = log({support::disk_log::kind::write, static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(written)},
                            {from, static_cast<std::size_t>(written)});
    return logged < 0 ? logged : written;
}
int fsync(const char*, int, fuse_file_info*) { return log({support::disk_log::kind::flush, 0, 0}, {}); }

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return std::fprintf(stderr, "usage: recorded_disk MOUNTPOINT DISK LOG\n"), 2;
    disk = ::open(argv[2], O_RDWR), log_file = ::open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
    if (disk < 0 || log_file < 0) return std::fprintf(stderr, "recorded_disk: %s\n", std::strerror(errno)), 1;
    fuse_operations operations{};
    operations.getattr = getattr, operations.open = open, operations.read = read, operations.write = write, operations.fsync = fsync;
    const char* words[] = {argv[0], "-f", "-s", argv[1], nullptr};
    return ::fuse_main(4, const_cast<char**>(words), &operations, nullptr);
}
