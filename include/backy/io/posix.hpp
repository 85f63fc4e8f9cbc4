// SPDX-License-Identifier: GPL-3.0-or-later
// io::posix models Io: the kernel itself. The only header that makes these calls.
#pragma once

#include <backy/concepts/io.hpp>

#include <dirent.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

namespace backy::io {

struct posix {
    long openat(int dir, const std::string& name, int flags, ::mode_t mode) const {
        return result(::openat(dir, name.c_str(), flags | O_CLOEXEC, mode));
    }
    long close(int fd) const { return result(::close(fd)); }
    static_assert(sizeof(::off_t) == sizeof(byte_count), "offsets would be cut off: build with -D_FILE_OFFSET_BITS=64");
    long pread(int fd, block b, byte_count at) const { return result(::pread(fd, b.data(), b.size(), signed_offset(at))); }
    long pwrite(int fd, const_block b, byte_count at) const { return result(::pwrite(fd, b.data(), b.size(), signed_offset(at))); }
    long append(int fd, const_block b) const { return result(::write(fd, b.data(), b.size())); }
    long lseek(int fd, byte_count at, int whence) const { return result(::lseek(fd, signed_offset(at), whence)); }
    long fstat(int fd, struct ::stat& st) const { return result(::fstat(fd, &st)); }
    long fstatat(int dir, const std::string& name, struct ::stat& st, int flags) const {
        return result(::fstatat(dir, name.c_str(), &st, flags));
    }
    long fstatfs(int fd, struct ::statfs& fs) const { return result(::fstatfs(fd, &fs)); }
    long fsync(int fd) const { return result(::fsync(fd)); }
    long fchmod(int fd, ::mode_t mode) const { return result(::fchmod(fd, mode)); }
    long ftruncate(int fd, byte_count n) const { return result(::ftruncate(fd, signed_offset(n))); }
    long fallocate(int fd, int mode, byte_count at, byte_count n) const {
        return result(::fallocate(fd, mode, signed_offset(at), signed_offset(n)));
    }
    long fadvise(int fd, byte_count at, byte_count n, int advice) const {
        return -long{::posix_fadvise(fd, signed_offset(at), signed_offset(n), advice)};
    }
    long write_out(int fd, byte_count at, byte_count n) const {
        return result(::sync_file_range(fd, signed_offset(at), signed_offset(n), SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
    }
    long resident(int fd, byte_count at, byte_count n, std::vector<unsigned char>& pages) const {  // mincore(2): exact, for the file's owner
        const auto page = static_cast<byte_count>(::sysconf(_SC_PAGESIZE));
        const auto from = at / page * page, length = at + n - from;
        pages.clear();
        if (n == 0) return 0;
        void* const mapped = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, fd, signed_offset(from));
        if (mapped == MAP_FAILED) return -long{errno};
        pages.resize(divide_up(length, page));
        const auto rc = result(::mincore(mapped, length, pages.data()));
        ::munmap(mapped, length);
        for (auto& p : pages) p &= 1;  // the other bits are reserved
        return rc < 0 ? rc : static_cast<long>(std::ranges::count(pages, 1));
    }
    long ioctl(int fd, unsigned long request, std::uintptr_t argument) const { return result(::ioctl(fd, request, argument)); }
    long lock_range(int fd, struct ::flock& range) const { return result(::fcntl(fd, F_OFD_SETLK, &range)); }
    long flock(int fd, int operation) const { return result(::flock(fd, operation)); }
    long renameat(int dir, const std::string& from, const std::string& to) const {
        return result(::renameat(dir, from.c_str(), dir, to.c_str()));
    }
    long unlinkat(int dir, const std::string& name) const { return result(::unlinkat(dir, name.c_str(), 0)); }
    long symlinkat(const std::string& text, int dir, const std::string& name) const {
        return result(::symlinkat(text.c_str(), dir, name.c_str()));
    }
    long mkdirat(int dir, const std::string& name, ::mode_t mode) const { return result(::mkdirat(dir, name.c_str(), mode)); }
    long readlinkat(int dir, const std::string& name, std::string& text) const {
        std::array<char, 4096> buffer;  // PATH_MAX: no link is longer
        const auto n = result(::readlinkat(dir, name.c_str(), buffer.data(), buffer.size()));
        if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
        return n;
    }
    long list(int dir, std::vector<std::string>& names) const {
        const int fd = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // of its own: a DIR takes its descriptor with it
        if (fd < 0) return -long{errno};
        const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd), [](DIR* d) { return ::closedir(d); });
        if (!entries) {
            const auto rc = -long{errno};
            ::close(fd);
            return rc;
        }
        for (errno = 0; const auto* const e = ::readdir(entries.get()); errno = 0)
            if (const std::string name = e->d_name; name != "." && name != "..") names.push_back(name);
        return -long{errno};
    }

private:
    static long result(long rc) { return rc < 0 ? -long{errno} : rc; }
    static ::off_t signed_offset(byte_count n) { return static_cast<::off_t>(n); }
};
static_assert(Io<posix>);

}  // namespace backy::io
