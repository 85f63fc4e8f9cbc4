// SPDX-License-Identifier: GPL-3.0-or-later
// io::file: an open file or block device, whole and checked where Io is raw and short. An Image, and most of a Target.
#pragma once

#include <backy/concepts/io.hpp>
#include <backy/core/block_map.hpp>
#include <backy/core/error.hpp>

#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace backy::io {

inline constexpr ::mode_t private_mode = 0640, sealed_mode = 0440;

/// EINTR means that nothing happened: the call is made again. Not for close and fsync, after which nothing is known.
template <std::invocable Call>
long again(Call call) {
    for (;;)
        if (const long rc = call(); rc != -EINTR) return rc;
}

/// Throws `path: what: why` for a negative result; no_space where that is why.
inline long check(long rc, const std::string& path, const std::string& what) {
    if (rc >= 0) return rc;
    const auto code = static_cast<int>(-rc);
    if (code == ENOSPC || code == EDQUOT) throw no_space(path, what + ": " + message_of(code));
    throw error(path, what + ": " + message_of(code), code == EAGAIN || code == EBUSY || code == ETIMEDOUT);
}

inline bool is_unsupported(long rc) { return rc == -EOPNOTSUPP || rc == -ENOTTY || rc == -ENOSYS || rc == -EINVAL || rc == -EXDEV; }

/// For messages; the number of a user that this machine does not know.
inline std::string user_name(::uid_t id) {
    ::passwd entry{}, *found = nullptr;
    std::array<char, 16_KiB> text;
    ::getpwuid_r(id, &entry, text.data(), text.size(), &found);
    return found ? found->pw_name : std::to_string(id);
}

/// Calls write(offset, zeroes) in pieces of at most 1 MiB, ascending: for what can only be written to.
inline void write_zeroes(extent e, auto write) {
    static const std::vector<std::byte> zeroes(1_MiB);
    for (byte_count done = 0; done < e.length;) {
        const auto n = std::min<byte_count>(zeroes.size(), e.length - done);
        write(e.offset + done, const_block(zeroes).first(n));
        done += n;
    }
}

/// threads: reads and writes of different ranges may run at once.
template <Io I>
class file {
public:
    /// `path` only serves messages and may differ from `name`, which is looked up in `dir`.
    file(I io, int dir, const std::string& name, int flags, std::string path, ::mode_t mode = private_mode)
        : io_(std::move(io)), path_(std::move(path)), direct_((flags & O_DIRECT) != 0),
          fd_(static_cast<int>(check(again([&] { return io_.openat(dir, name, flags, mode); }), path_, "open"))) {}
    file(I io, const std::string& path, int flags, ::mode_t mode = private_mode) : file(std::move(io), AT_FDCWD, path, flags, path, mode) {}
    file(file&& other) noexcept
        : io_(std::move(other.io_)), path_(std::move(other.path_)), direct_(other.direct_), fd_(std::exchange(other.fd_, -1)) {}
    file& operator=(file&& other) noexcept {
        std::swap(io_, other.io_);
        std::swap(path_, other.path_);
        std::swap(direct_, other.direct_);
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~file() {
        if (fd_ >= 0) io_.close(fd_);
    }

    const std::string& path() const { return path_; }
    int descriptor() const { return fd_; }
    const I& io() const { return io_; }

    struct ::stat status() const {
        struct ::stat st {};
        must("stat", [&] { return io_.fstat(fd_, st); });
        return st;
    }
    /// Throws error if its mode lets others than its owner write to it.
    void require_unshared() const {
        if ((status().st_mode & (S_IWGRP | S_IWOTH)) != 0) throw error(path_, "others than its owner may write to it (chmod go-w)");
    }
    /// The same, and if it belongs to another user than this process, even to root's: what root makes there would keep its owner out.
    void require_own() const {
        if (const auto owner = status().st_uid, us = ::geteuid(); owner != us)
            throw error(path_, "it belongs to " + user_name(owner) + ", not to " + user_name(us) + " (run it as " + user_name(owner) + ")");
        require_unshared();
    }
    /// Of a block device too.
    byte_count size() const {
        return static_cast<byte_count>(must("size", [&] { return io_.lseek(fd_, 0, SEEK_END); }));
    }
    /// The f_type of the filesystem (linux/magic.h).
    long filesystem() const {
        struct ::statfs fs {};
        must("statfs", [&] { return io_.fstatfs(fd_, fs); });
        return static_cast<long>(fs.f_type);
    }

    /// Fills `out` or throws. With O_DIRECT the offset and the memory are aligned; the length need not be.
    void read(byte_count at, block out) const {
        const auto whole = direct_ ? out.size() / direct_alignment * direct_alignment : out.size();
        fill(at, out.first(whole), [](block part) { return part; });
        if (whole == out.size()) return;
        const aligned_buffer bounce(direct_alignment);  // the tail of a file: the kernel reads up to its end
        const auto tail = out.subspan(whole);
        fill(at + whole, tail, [&](block) { return bounce.first(direct_alignment); });
        std::memcpy(tail.data(), bounce.first(tail.size()).data(), tail.size());
    }
    /// All of it, whatever size it claims (files of sysfs claim a page). Over `limit` bytes: an error.
    std::string text(byte_count limit) const {
        std::string all;
        all.reserve(std::min(limit, static_cast<byte_count>(std::max<::off_t>(status().st_size, 0))));
        std::array<char, 64_KiB> part;
        while (const auto n = must("read", all.size(), [&] { return io_.pread(fd_, std::as_writable_bytes(std::span(part)), all.size()); })) {
            all.append(part.data(), static_cast<std::size_t>(n));
            if (all.size() > limit) throw error(path_, "read: larger than " + std::to_string(limit) + " bytes");
        }
        return all;
    }
    void write(byte_count at, const_block in) {
        while (!in.empty()) {
            const auto n = must("write", at, [&] { return io_.pwrite(fd_, in, at); });
            at += static_cast<byte_count>(n), in = in.subspan(static_cast<std::size_t>(n));
        }
    }
    void append(const_block in) {
        while (!in.empty()) in = in.subspan(static_cast<std::size_t>(must("write", [&] { return io_.append(fd_, in); })));
    }

    /// By SEEK_DATA where that is known to tell the truth; elsewhere, and on devices, everything.
    /// (OpenZFS has reported holes that were none: its issues 15526 and 16012.)
    void extents(const extent_visitor& visit) const {
        const auto end = size();
        if (end == 0) return;
        if (!holes_are_true()) return visit({0, end});
        for (byte_count at = 0; at < end;) {
            const auto data = again([&] { return io_.lseek(fd_, at, SEEK_DATA); });
            if (data == -ENXIO) return;  // nothing but a hole up to the end
            const auto from = static_cast<byte_count>(check(data, path_, "seek data"));
            at = static_cast<byte_count>(must("seek hole", [&] { return io_.lseek(fd_, from, SEEK_HOLE); }));
            visit({from, at - from});
        }
    }

    /// The extent reads as zeroes and, where the filesystem or device can, takes no space.
    void zero(extent e) {
        if (e.length == 0) return;
        const auto rc = again([&] { return io_.fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, e.offset, e.length); });
        if (!is_unsupported(rc)) {
            check(rc, path_, "punch hole at offset " + std::to_string(e.offset));
            return;
        }
        write_zeroes(e, [&](byte_count at, const_block zeroes) { write(at, zeroes); });
    }
    /// The device may forget the extent (BLKDISCARD). False: it cannot, and nothing was changed.
    bool discard(extent e) {
        std::uint64_t range[2] = {e.offset, e.length};
        const auto rc = again([&] { return io_.ioctl(fd_, BLKDISCARD, reinterpret_cast<std::uintptr_t>(range)); });
        if (is_unsupported(rc)) return false;
        check(rc, path_, "discard at offset " + std::to_string(e.offset));
        return true;
    }
    void resize(byte_count n) {
        must("resize", [&] { return io_.ftruncate(fd_, n); });
    }
    /// Throws on any error and is never retried: after a failed fsync nobody knows what the disk holds.
    void sync() { check(io_.fsync(fd_), path_, "fsync"); }
    void set_mode(::mode_t mode) {
        must("chmod", [&] { return io_.fchmod(fd_, mode); });
    }

    /// This file, which is empty, is stored without copy-on-write if the other one is: btrfs lets only files of one kind share their bytes.
    void store_like(const file& other) {
        int theirs = 0, ours = 0;
        if (is_unsupported(again([&] { return io_.ioctl(other.fd_, FS_IOC_GETFLAGS, reinterpret_cast<std::uintptr_t>(&theirs)); })) || (theirs & FS_NOCOW_FL) == 0) return;
        must("read flags", [&] { return io_.ioctl(fd_, FS_IOC_GETFLAGS, reinterpret_cast<std::uintptr_t>(&ours)); });
        ours |= FS_NOCOW_FL;
        must("set flags", [&] { return io_.ioctl(fd_, FS_IOC_SETFLAGS, reinterpret_cast<std::uintptr_t>(&ours)); });
    }
    /// This file becomes a reflink of the other (FICLONE). False: the filesystem cannot, and nothing was changed.
    bool clone(const file& from) {
        const auto rc = again([&] { return io_.ioctl(fd_, FICLONE, static_cast<std::uintptr_t>(from.fd_)); });
        if (is_unsupported(rc)) return false;
        check(rc, path_, "reflink of " + from.path_);
        return true;
    }
    /// An extent of the other file becomes one of this too, at the same offset (FICLONERANGE). False: it cannot, and nothing was changed.
    bool share(const file& from, extent e) {
        struct ::file_clone_range range {from.fd_, e.offset, e.length, e.offset};
        const auto rc = again([&] { return io_.ioctl(fd_, FICLONERANGE, reinterpret_cast<std::uintptr_t>(&range)); });
        if (is_unsupported(rc)) return false;
        check(rc, path_, "share offset " + std::to_string(e.offset) + " of " + from.path_);
        return true;
    }
    /// On XFS: how much is copied at least when a shared extent is written to. Its default of 128 KiB doubles the space that
    /// scattered writes take. Elsewhere nothing.
    void set_copy_granule(byte_count bytes) {
        if (filesystem() != XFS_SUPER_MAGIC) return;
        struct ::fsxattr attributes {};
        const auto argument = reinterpret_cast<std::uintptr_t>(&attributes);
        must("read attributes", [&] { return io_.ioctl(fd_, FS_IOC_FSGETXATTR, argument); });
        attributes.fsx_xflags |= FS_XFLAG_COWEXTSIZE;
        attributes.fsx_cowextsize = static_cast<__u32>(bytes);
        const auto rc = again([&] { return io_.ioctl(fd_, FS_IOC_FSSETXATTR, argument); });
        if (!is_unsupported(rc)) check(rc, path_, "set the copy-on-write extent size");  // it costs space where it is not to be had
    }

    /// Asks the page cache to let go of this (clean) file, or a part of it; what is mapped elsewhere stays.
    void drop_cache(extent e = {0, 0}) const { check(io_.fadvise(fd_, e.offset, e.length, POSIX_FADV_DONTNEED), path_, "fadvise"); }
    /// Has the disk write what was written so far, and waits for it. Not durable: that is sync().
    void write_out() {
        must("write out", [&] { return io_.write_out(fd_, 0, 0); });
    }
    /// How many pages that the extent touches the page cache holds, and 1 for each that it does. Nothing: this filesystem does not tell.
    std::optional<long> cached_pages(extent e, std::vector<unsigned char>& pages) const {
        const auto rc = again([&] { return io_.resident(fd_, e.offset, e.length, pages); });
        if (rc == -ENODEV) return std::nullopt;
        return check(rc, path_, "mincore");
    }
    /// True when a read of the extent would be answered by the page cache, in part at least, or when that cannot be known.
    bool is_cached(extent e) const {
        thread_local std::vector<unsigned char> pages;
        return cached_pages(e, pages) != 0;
    }

private:
    template <std::invocable Call>
    long must(const char* what, Call call) const {
        return check(again(call), path_, what);
    }
    template <std::invocable Call>
    long must(const char* what, byte_count at, Call call) const {
        const auto rc = again(call);
        return rc >= 0 ? rc : check(rc, path_, std::string(what) + " at offset " + std::to_string(at));
    }
    void fill(byte_count at, block out, auto into) const {
        while (!out.empty()) {
            const auto part = into(out);
            const auto n = static_cast<std::size_t>(must("read", at, [&] { return io_.pread(fd_, part, at); }));
            if (n == 0) throw error(path_, "read at offset " + std::to_string(at) + ": it ends there; did it shrink while it was read?");
            if (part.data() != out.data() && n < out.size()) throw error(path_, "read at offset " + std::to_string(at) + ": short");
            at += n, out = out.subspan(std::min(n, out.size()));
        }
    }
    bool holes_are_true() const {
        constexpr std::array<long, 4> known{EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC};
        return S_ISREG(status().st_mode) && std::ranges::count(known, filesystem()) > 0;
    }

    I io_;
    std::string path_;
    bool direct_;
    int fd_;
};

}  // namespace backy::io
