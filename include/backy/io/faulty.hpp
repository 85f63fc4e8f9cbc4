// SPDX-License-Identifier: GPL-3.0-or-later
// io::faulty models Io over any other: the n-th call fails, is short, or is the last one ever (as in a kill).
#pragma once

#include <backy/concepts/io.hpp>

#include <atomic>
#include <cerrno>
#include <memory>

namespace backy::io {

/// What is to go wrong; shared by all copies of one faulty<Io>.
struct fault_plan {
    enum class kind {
        none,
        fail,   ///< the n-th call does nothing and returns -error
        lost,   ///< the n-th call works, and returns -error all the same
        brief,  ///< the n-th call, if it reads or writes, does half of it
        full,   ///< from the n-th call on nothing that needs space works
        stop,   ///< nothing happens from the n-th call on; a write is torn in half. No clean-up can follow either.
    };
    kind what = kind::none;
    long at = 0;
    int error = EIO;
    std::atomic<long> calls = 0;
};

template <Io I>
class faulty {
public:
    faulty() : faulty(std::make_shared<fault_plan>()) {}
    explicit faulty(std::shared_ptr<fault_plan> plan) : plan_(std::move(plan)) {}

    long openat(int dir, const std::string& name, int flags, ::mode_t mode) const {
        struct ::stat st {};
        const bool creates = (flags & O_CREAT) != 0 && io_.fstatat(dir, name, st, 0) < 0;
        return struck([&] { return io_.openat(dir, name, flags, mode); }, [&](long fd) { io_.close(static_cast<int>(fd)); }, creates);
    }
    long close(int fd) const { return io_.close(fd); }  // the kernel closes for the dead, too
    long pread(int fd, block b, byte_count at) const {
        return transferred([&](block part) { return io_.pread(fd, part, at); }, b, false);
    }
    long pwrite(int fd, const_block b, byte_count at) const {
        return transferred([&](const_block part) { return io_.pwrite(fd, part, at); }, b, true);
    }
    long append(int fd, const_block b) const {
        return transferred([&](const_block part) { return io_.append(fd, part); }, b, true);
    }
    long lseek(int fd, byte_count at, int whence) const { return struck([&] { return io_.lseek(fd, at, whence); }); }
    long fstat(int fd, struct ::stat& st) const { return struck([&] { return io_.fstat(fd, st); }); }
    long fstatat(int dir, const std::string& name, struct ::stat& st, int flags) const {
        return struck([&] { return io_.fstatat(dir, name, st, flags); });
    }
    long fstatfs(int fd, struct ::statfs& fs) const { return struck([&] { return io_.fstatfs(fd, fs); }); }
    long fsync(int fd) const { return struck([&] { return io_.fsync(fd); }); }
    long fchmod(int fd, ::mode_t mode) const { return struck([&] { return io_.fchmod(fd, mode); }); }
    long ftruncate(int fd, byte_count n) const { return struck([&] { return io_.ftruncate(fd, n); }); }
    long fallocate(int fd, int mode, byte_count at, byte_count n) const { return struck([&] { return io_.fallocate(fd, mode, at, n); }); }
    long fadvise(int fd, byte_count at, byte_count n, int advice) const { return struck([&] { return io_.fadvise(fd, at, n, advice); }); }
    long write_out(int fd, byte_count at, byte_count n) const { return struck([&] { return io_.write_out(fd, at, n); }); }
    long resident(int fd, byte_count at, byte_count n, std::vector<unsigned char>& pages) const {
        return struck([&] { return io_.resident(fd, at, n, pages); });
    }
    long ioctl(int fd, unsigned long request, std::uintptr_t argument) const {
        return struck([&] { return io_.ioctl(fd, request, argument); });
    }
    long lock_range(int fd, struct ::flock& range) const { return struck([&] { return io_.lock_range(fd, range); }); }
    long flock(int fd, int operation) const { return struck([&] { return io_.flock(fd, operation); }); }
    long renameat(int dir, const std::string& from, const std::string& to) const {
        return struck([&] { return io_.renameat(dir, from, to); });
    }
    long unlinkat(int dir, const std::string& name) const { return struck([&] { return io_.unlinkat(dir, name); }); }
    long symlinkat(const std::string& text, int dir, const std::string& name) const {
        return struck([&] { return io_.symlinkat(text, dir, name); }, [](long) {}, true);
    }
    long mkdirat(int dir, const std::string& name, ::mode_t mode) const { return struck([&] { return io_.mkdirat(dir, name, mode); }); }
    long readlinkat(int dir, const std::string& name, std::string& text) const {
        return struck([&] { return io_.readlinkat(dir, name, text); });
    }
    long list(int dir, std::vector<std::string>& names) const { return struck([&] { return io_.list(dir, names); }); }

private:
    using kind = fault_plan::kind;

    bool strikes() const {
        const auto n = ++plan_->calls;
        return plan_->what == kind::stop || plan_->what == kind::full ? n >= plan_->at : plan_->what != kind::none && n == plan_->at;
    }
    long struck(auto call) const {
        return struck(call, [](long) {});
    }
    long struck(auto call, auto undo, bool takes_space = false) const {
        if (!strikes() || plan_->what == kind::brief) return call();
        if (plan_->what == kind::full) return takes_space ? -long{ENOSPC} : call();
        if (plan_->what == kind::lost)
            if (const auto rc = call(); rc >= 0) undo(rc);
        return -long{plan_->error};
    }
    template <class Bytes>
    long transferred(auto call, Bytes bytes, bool writes) const {
        if (!strikes()) return call(bytes);
        if (plan_->what == kind::full) return writes ? -long{ENOSPC} : call(bytes);
        const auto half = bytes.first(bytes.size() / 2);
        if (plan_->what == kind::brief) return call(half.empty() ? bytes : half);
        if (plan_->what == kind::lost || (plan_->what == kind::stop && writes && plan_->calls == plan_->at)) call(half);
        return -long{plan_->error};
    }

    I io_;
    std::shared_ptr<fault_plan> plan_;
};

}  // namespace backy::io
