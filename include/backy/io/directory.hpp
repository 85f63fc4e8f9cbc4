// SPDX-License-Identifier: GPL-3.0-or-later
// io::directory: an open directory. Names in it are single components and never followed when they are symlinks, so nothing
// that somebody puts into a repository leads out of it.
#pragma once

#include <backy/io/file.hpp>

#include <sys/file.h>

#include <filesystem>

namespace backy::io {

template <Io I>
class directory {
public:
    explicit directory(const std::filesystem::path& path, I io = {})
        : handle_(std::move(io), path.string(), O_RDONLY | O_DIRECTORY) {}

    std::filesystem::path path() const { return handle_.path(); }
    int descriptor() const { return handle_.descriptor(); }
    const I& io() const { return handle_.io(); }
    struct ::stat status() const { return handle_.status(); }
    const file<I>& handle() const { return handle_; }

    /// Throws error where somebody else may put or remove files.
    void require_own() const { handle_.require_own(); }

    file<I> open(const std::string& name, int flags, ::mode_t mode = private_mode) const {
        return file<I>(io(), descriptor(), one_component(name), flags | O_NOFOLLOW, path_of(name), mode);
    }
    /// A directory in it.
    directory below(const std::string& name) const { return directory(open(name, O_RDONLY | O_DIRECTORY)); }
    /// The path with all links resolved.
    std::string real_path() const {
        std::string text;
        check(io().readlinkat(AT_FDCWD, "/proc/self/fd/" + std::to_string(descriptor()), text), handle_.path(), "resolve");
        return text;
    }
    /// flock on a file that is made if it is not there and never replaced; whoever holds the open file holds the lock. Throws lock_busy
    /// with what `holder` is and what to do, unless it is to wait, and error as require_own does.
    file<I> lock(const std::string& name, bool wait, const std::string& holder) const {
        require_own();
        auto f = open(name, O_RDWR | O_CREAT);
        const auto rc = again([&] { return io().flock(f.descriptor(), LOCK_EX | (wait ? 0 : LOCK_NB)); });
        if (rc == -EWOULDBLOCK) throw lock_busy(f.path(), "lock: held by " + holder);
        check(rc, f.path(), "lock");
        return f;
    }
    /// A file that never gets a name (O_TMPFILE).
    file<I> unnamed() const { return file<I>(io(), descriptor(), ".", O_RDWR | O_TMPFILE, path().string()); }
    /// False if there was none.
    bool remove(const std::string& name) const {
        const auto rc = again([&] { return io().unlinkat(descriptor(), one_component(name)); });
        return rc != -ENOENT && check(rc, path_of(name), "unlink") == 0;
    }
    void rename(const std::string& from, const std::string& to) const {
        check(again([&] { return io().renameat(descriptor(), one_component(from), one_component(to)); }), path_of(to), "rename from " + from);
    }
    /// As file::sync: throws on any error.
    void sync() { handle_.sync(); }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        check(again([&] { return all.clear(), io().list(descriptor(), all); }), handle_.path(), "list");
        std::ranges::sort(all);
        return all;
    }
    /// What the name itself is, not what it points to; nothing if there is none.
    std::optional<struct ::stat> status_of(const std::string& name) const {
        struct ::stat st {};
        const auto rc = again([&] { return io().fstatat(descriptor(), one_component(name), st, AT_SYMLINK_NOFOLLOW); });
        if (rc == -ENOENT) return std::nullopt;
        check(rc, path_of(name), "stat");
        return st;
    }
    /// The text of a symlink; nothing if there is none of that name.
    std::optional<std::string> link_text(const std::string& name) const {
        std::string text;
        const auto rc = again([&] { return io().readlinkat(descriptor(), one_component(name), text); });
        if (rc == -ENOENT || rc == -EINVAL) return std::nullopt;
        check(rc, path_of(name), "readlink");
        return text;
    }

    /// The whole content. Over `limit` bytes: an error, for these are all small files.
    std::string read(const std::string& name, byte_count limit = 16_MiB) const {
        const auto f = open(name, O_RDONLY | O_NONBLOCK);  // a FIFO of that name must not block
        if (!S_ISREG(f.status().st_mode)) throw error(f.path(), "read: not a regular file");
        return f.text(limit);
    }
    /// Atomic and durable: afterwards the name has this content, or, when it throws, still the old one.
    /// Built under `beside`, a name of its own that whatever a killed run left there is replaced by.
    void replace(const std::string& name, std::string_view text, const std::string& beside, ::mode_t mode) {
        try {
            remove(beside);
            auto f = open(beside, O_WRONLY | O_CREAT | O_EXCL);
            f.write(0, bytes_of(text));
            f.set_mode(mode);
            f.sync();
            rename(beside, name);
        } catch (...) {
            io().unlinkat(descriptor(), beside);  // best effort: the next replacement does it again
            throw;
        }
        sync();
    }
    /// Atomic; not fsynced, since what a link says can always be worked out again.
    void link(const std::string& name, const std::string& text) const {
        const auto beside = "." + name + ".new";
        remove(beside);
        check(again([&] { return io().symlinkat(text, descriptor(), beside); }), path_of(beside), "symlink");
        rename(beside, name);
    }

private:
    explicit directory(file<I> handle) : handle_(std::move(handle)) {}
    std::string path_of(const std::string& name) const { return (path() / name).string(); }
    const std::string& one_component(const std::string& name) const {
        if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos) throw error(path_of(name), "not a file name");
        return name;
    }
    file<I> handle_;
};

}  // namespace backy::io
