// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes that pass once: who reads or writes a disk from end to end must not throw out of the page cache what others work with.
#pragma once

#include <backy/io/file.hpp>

#include <atomic>
#include <mutex>

namespace backy::io {

/// An Image of a file that leaves the page cache as it is: what is in it is read from there, what is not by O_DIRECT, which for a
/// processor is half the work. Where that cannot be had it goes through the cache, and out of it again.
/// Who neither owns the file nor may write to it is not told what is cached, and reads through the cache.
template <Io I>
class passing_file {
public:
    /// `large`: it is worth it; else it is read like any other file, with its memory and offsets as they come.
    explicit passing_file(file<I> f, bool large = true) : file_(std::move(f)), large_(large) {
        if (!large_) return;
        only_what_is_asked_for(file_);
        try {
            direct_.emplace(file_.io(), AT_FDCWD, "/proc/self/fd/" + std::to_string(file_.descriptor()), O_RDONLY | O_NONBLOCK | O_DIRECT, file_.path());
            only_what_is_asked_for(*direct_);
        } catch (const error&) {}  // a filesystem without direct I/O, or no /proc
    }

    const std::string& path() const { return file_.path(); }
    byte_count size() const { return file_.size(); }
    void extents(const extent_visitor& visit) const { file_.extents(visit); }
    void read(byte_count at, block out) const {
        if (!large_) return file_.read(at, out);
        thread_local std::vector<unsigned char> pages;
        const auto cached = file_.cached_pages({at, out.size()}, pages);
        if (cached == 0 && direct_) {
            direct_->read(at, out);
            return file_.drop_cache({at, out.size()});  // btrfs goes through it at the end of a file, and into memory that was never touched
        }
        file_.read(at, out);
        if (!cached) return;
        const auto page = static_cast<byte_count>(::sysconf(_SC_PAGESIZE)), from = at / page * page;
        for (auto begin = pages.begin(); (begin = std::find(begin, pages.end(), 0)) != pages.end();) {
            const auto end = std::find(begin, pages.end(), 1);
            file_.drop_cache({from + static_cast<byte_count>(begin - pages.begin()) * page, static_cast<byte_count>(end - begin) * page});
            begin = end;
        }
    }

    /// The file itself, for what is no reading.
    file<I>& handle() { return file_; }
    const file<I>& handle() const { return file_; }

private:
    /// No reading ahead: to the next read it would seem to have been there.
    static void only_what_is_asked_for(const file<I>& f) { check(f.io().fadvise(f.descriptor(), 0, 0, POSIX_FADV_RANDOM), f.path(), "fadvise"); }

    file<I> file_;
    bool large_;
    std::optional<file<I>> direct_;
};

/// Bounds what a file that is written once takes of the page cache, to twice `limit`.
/// threads: any number; who has written too much waits for the disk, and so do those who would add as much again.
class write_behind {
public:
    static constexpr byte_count limit = 8_MiB;

    template <Io I>
    void wrote(file<I>& f, byte_count n) {
        if ((waiting_ += n) < limit) return;
        const std::lock_guard lock(guard_);
        if (waiting_ < limit) return;  // another one has done it
        waiting_ = 0;
        f.write_out();
        f.drop_cache();
    }

private:
    std::atomic<byte_count> waiting_ = 0;
    std::mutex guard_;
};

}  // namespace backy::io
