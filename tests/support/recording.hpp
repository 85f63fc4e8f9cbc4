// SPDX-License-Identifier: GPL-3.0-or-later
// An Io that writes down, in order, every call that changes something or makes it durable, with the name of the file.
#pragma once

#include <backy/io/posix.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace support {

class recording : public backy::io::posix {
public:
    struct record {
        std::vector<std::string> calls;
        std::map<int, std::string> names;
    };
    recording() : record_(std::make_shared<record>()) {}
    explicit recording(std::shared_ptr<record> r) : record_(std::move(r)) {}

    long openat(int dir, const std::string& name, int flags, ::mode_t mode) const {
        const auto fd = posix::openat(dir, name, flags, mode);
        if (fd >= 0) record_->names[static_cast<int>(fd)] = name.substr(name.rfind('/') + 1);
        if (fd >= 0 && (flags & O_CREAT) != 0) note("create " + record_->names[static_cast<int>(fd)]);
        return fd;
    }
    long pread(int fd, backy::block b, backy::byte_count at) const { return note("read", fd), posix::pread(fd, b, at); }
    long pwrite(int fd, backy::const_block b, backy::byte_count at) const { return note("write", fd), posix::pwrite(fd, b, at); }
    long fsync(int fd) const { return note("fsync", fd), posix::fsync(fd); }
    long fchmod(int fd, ::mode_t mode) const { return note("chmod", fd), posix::fchmod(fd, mode); }
    long ftruncate(int fd, backy::byte_count n) const { return note("truncate", fd), posix::ftruncate(fd, n); }
    long fadvise(int fd, backy::byte_count at, backy::byte_count n, int advice) const { return note("drop", fd), posix::fadvise(fd, at, n, advice); }
    long ioctl(int fd, unsigned long request, std::uintptr_t argument) const {
        if (request == FICLONE) note("clone", fd);
        if (request == FICLONERANGE) note("share", fd);
        return posix::ioctl(fd, request, argument);
    }
    long flock(int fd, int operation) const { return note("lock", fd), posix::flock(fd, operation); }
    long renameat(int dir, const std::string& from, const std::string& to) const {
        note("rename " + from + " " + to);
        return posix::renameat(dir, from, to);
    }
    long unlinkat(int dir, const std::string& name) const {
        const auto rc = posix::unlinkat(dir, name);
        if (rc == 0) note("unlink " + name);
        return rc;
    }
    long symlinkat(const std::string& text, int dir, const std::string& name) const {
        note("symlink " + name + " " + text);
        return posix::symlinkat(text, dir, name);
    }

private:
    void note(const std::string& call) const { record_->calls.push_back(call); }
    void note(const char* what, int fd) const { note(std::string(what) + " " + record_->names[fd]); }
    std::shared_ptr<record> record_;
};
static_assert(backy::Io<recording>);

}  // namespace support
