// SPDX-License-Identifier: GPL-3.0-or-later
// targets::file models InPlaceTarget: a regular file, made if it is not there, or a block device.
#pragma once

#include <backy/concepts/confinable.hpp>
#include <backy/concepts/target.hpp>
#include <backy/core/name.hpp>
#include <backy/history/revision_id.hpp>
#include <backy/io/passing.hpp>
#include <backy/io/posix.hpp>
#include <backy/io/sysfs.hpp>

namespace backy::targets {

/// Refuses what the repository itself is made of. `linked` is the target as it was found, symlinks followed.
template <Io I>
void refuse_repository_file(const I& io, const struct ::stat& linked, const target_request& request) {
    const io::directory<I> repository(request.repository, io);
    for (const auto& name : repository.names())
        if (const auto st = repository.status_of(name); st && st->st_dev == linked.st_dev && st->st_ino == linked.st_ino)
            throw error(request.spelling, "restore: it is " + name + " of the repository itself");
}

/// It is held while it is open: exclusively if it is a device, by QEMU's kind of lock if it is a file.
template <Io I = io::posix>
class file {
public:
    static constexpr auto type = name<"file">;
    /// Anything but "-" and "scheme:…"; a file of such a name is spelled ./scheme:….
    static bool claims(const std::string& spelling) {
        const auto colon = spelling.find(':');
        return spelling != "-" && !spelling.empty() &&
               (colon == spelling.npos || colon == 0 || spelling.substr(0, colon).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+") != spelling.npos);
    }

    explicit file(const target_request& request, I io = {}) : to_(opened(request, io)), device_(S_ISBLK(to_.handle().status().st_mode)) {}

    bool needs_only_files() const { return true; }
    byte_count size() const { return to_.size(); }
    void read(byte_count offset, block out) const { to_.read(offset, out); }
    void extents(const extent_visitor& visit) const { to_.extents(visit); }

    /// A device that is larger keeps what lies behind.
    void resize(byte_count n) {
        if (!device_) return to_.handle().resize(n);
        if (to_.size() < n)
            throw error(to_.path(), "restore: too small: it has " + std::to_string(to_.size()) + " bytes, the revision has " + std::to_string(n));
    }
    void write(byte_count offset, const_block in) {
        to_.handle().write(offset, in);
        behind_->wrote(to_.handle(), in.size());
    }
    void zero(extent e) { to_.handle().zero(e); }
    /// False: the device gives nothing back, and nothing was changed. Whether it reads as zeroes afterwards depends on the device.
    bool discard(extent e) { return to_.handle().discard(e); }
    void sync() {
        to_.handle().sync();
        to_.handle().drop_cache();
    }

private:
    static io::file<I> opened(const target_request& request, const I& io) {
        const std::filesystem::path path(request.spelling);
        struct ::stat st {};
        const auto found = io::again([&] { return io.fstatat(AT_FDCWD, request.spelling, st, 0); });
        if (found == -ENOENT) {
            const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
            const auto there = io::directory<I>(folder, io).status(), repository = io::directory<I>(request.repository, io).status();
            if (there.st_dev == repository.st_dev && there.st_ino == repository.st_ino)
                throw error(request.spelling, "restore: it would lie in the repository itself");
            return io::file<I>(io, request.spelling, O_RDWR | O_CREAT | O_EXCL);
        }
        io::check(found, request.spelling, "stat");
        refuse_repository_file(io, st, request);
        if (S_ISBLK(st.st_mode)) return opened_device(request, io, st);
        if (!S_ISREG(st.st_mode)) throw error(request.spelling, "restore: neither a regular file nor a block device");
        refuse_loop(request, io, st);
        io::file<I> f(io, request.spelling, O_RDWR);
        if (!request.force) refuse_foreign_revision(io, f, request.spelling);
        struct ::flock all {};
        all.l_type = F_WRLCK;
        all.l_whence = SEEK_SET;
        const auto rc = io::again([&] { return io.lock_range(f.descriptor(), all); });
        if ((rc == -EAGAIN || rc == -EACCES) && !request.force)
            throw error(request.spelling, "restore: locked by a running process, QEMU perhaps (stop it, or use --force)");
        if (rc < 0 && rc != -EAGAIN && rc != -EACCES) io::check(rc, request.spelling, "lock");
        return reread(std::move(f));
    }
    /// What is compared has to come from the disk: after an fsync that failed the page cache holds what the disk does not.
    static io::file<I> reread(io::file<I> f) {
        f.sync();
        f.drop_cache();
        return f;
    }
    /// `restore other-job/last`: the revision of another repository, symlinks resolved.
    static void refuse_foreign_revision(const I& io, const io::file<I>& f, const std::string& spelling) {
        std::string path;
        io::check(io.readlinkat(AT_FDCWD, "/proc/self/fd/" + std::to_string(f.descriptor()), path), spelling, "resolve");
        if (is_revision_id(std::filesystem::path(path).stem().string()))
            throw error(spelling, "restore: " + path + " looks like a revision of another repository (use --force if it is none)");
    }
    static io::file<I> opened_device(const target_request& request, const I& io, const struct ::stat& st) {
        refuse_loop(request, io, st);
        try {
            return reread(io::file<I>(io, request.spelling, O_RDWR | (request.force ? 0 : O_EXCL)));  // O_EXCL: open(2), for block devices
        } catch (const error& e) {
            if (!e.transient()) throw;
            throw error(request.spelling, "restore: it is mounted or held by somebody (unmount it, or use --force)");
        }
    }
    static void refuse_loop(const target_request& request, const I& io, const struct ::stat& st) {
        if (request.force) return;
        if (const auto device = io::loop_device_of(io, st))
            throw error(request.spelling, "restore: it is attached to " + *device + " (detach it, or use --force)");
    }

    io::passing_file<I> to_;
    bool device_;
    std::unique_ptr<io::write_behind> behind_ = std::make_unique<io::write_behind>();
};
static_assert(InPlaceTarget<file<>> && Confinable<file<>>);

}  // namespace backy::targets
