// SPDX-License-Identifier: GPL-3.0-or-later
// io::revision_files models RevisionSpace: one file per revision in a repository's directory. A new one is built under a hidden
// name as a reflink of its parent's, and gets its own name when it is whole. Images are kept in it, and digests.
#pragma once

#include <backy/concepts/store.hpp>
#include <backy/io/extent_map.hpp>
#include <backy/io/filesystem.hpp>
#include <backy/io/passing.hpp>
#include <backy/io/relayout.hpp>

#include <atomic>
#include <memory>

namespace backy::io {

/// An Image of a file on its disk. O_DIRECT where the filesystem has it; what the page cache held all the same is admitted to.
template <Io I>
class sealed_file {
public:
    explicit sealed_file(file<I> f) : file_(std::move(f)), cached_(false) { file_.drop_cache(); }
    sealed_file(sealed_file&& other) noexcept : file_(std::move(other.file_)), cached_(other.cached_.load()) {}
    sealed_file& operator=(sealed_file&& other) noexcept {
        file_ = std::move(other.file_);
        cached_ = other.cached_.load();
        return *this;
    }

    byte_count size() const { return file_.size(); }
    /// Asks before it reads. btrfs reads compressed extents through the cache in spite of O_DIRECT: empty is what proves it.
    void read(byte_count at, block out) const {
        if (file_.is_cached({at, out.size()})) cached_ = true;
        file_.read(at, out);
    }
    void extents(const extent_visitor& visit) const { file_.extents(visit); }
    bool was_uncached() const { return !cached_; }

private:
    file<I> file_;
    mutable std::atomic<bool> cached_;
};

template <Io I>
class revision_files {
public:
    struct settings {
        std::string suffix;        ///< the file of a revision is ID + suffix
        byte_count copy_granule;   ///< on XFS: file::set_copy_granule
        bool direct;               ///< read with O_DIRECT where the page cache has nothing: for large files that are read in aligned blocks
        std::string must_reflink;  ///< if not empty: refuse to copy, and say this as the way out
    };
    class writer {
    public:
        writer(const revision_files& in, file<I> f, std::string name, byte_count copied)
            : in_(in), name_(std::move(name)), file_(std::move(f)), copied_(copied) {}
        void write(byte_count at, const_block b) {
            file_.write(at, b);
            shared_->behind.wrote(file_, b.size());
        }
        void zero(extent e) { file_.zero(e); }
        /// On one filesystem with the file. The answer for one extent is that for all.
        bool adopt(const file<I>& from, extent e) {
            if (shared_->adopts && !file_.share(from, e)) shared_->adopts = false;
            return shared_->adopts;
        }
        byte_count copied() const { return copied_; }
        sealed_file<I> seal() {
            file_.set_mode(sealed_mode);
            file_.sync();
            return in_.uncached(hidden(name_));
        }
        void commit() {
            in_.directory_->rename(hidden(name_), name_);
            in_.directory_->sync();
        }

    private:
        revision_files in_;
        std::string name_;
        file<I> file_;
        byte_count copied_;
        struct by_threads {
            std::atomic<bool> adopts = true;
            write_behind behind;
        };
        std::unique_ptr<by_threads> shared_ = std::make_unique<by_threads>();
    };

    revision_files(settings s, const std::filesystem::path& repository, journal* journal, I io = {})
        : settings_(std::move(s)), directory_(std::make_shared<directory<I>>(repository, std::move(io))), journal_(journal) {}

    writer begin(const revision_id& id, byte_count size, const std::optional<revision_id>& parent) {
        const auto name = id + settings_.suffix;
        if (!settings_.must_reflink.empty()) require_reflink();
        auto f = directory_->open(hidden(name), O_RDWR | O_CREAT | O_EXCL);
        byte_count copied = 0;
        if (parent) {
            const auto from = opened(*parent);
            if (f.clone(from)) f.set_copy_granule(settings_.copy_granule);
            else copied = copy(from, f);
        }
        if (f.size() != size) f.resize(size);  // XFS copies the last block for one that changes nothing
        return writer(*this, std::move(f), name, copied);
    }
    passing_file<I> open(const revision_id& id) const { return passing_file<I>(opened(id), settings_.direct); }
    sealed_file<I> examine(const revision_id& id) const { return uncached(existing(id)); }
    block_map shared(const revision_id& a, const revision_id& b, byte_count size) const {
        return shared_blocks(opened(a), opened(b), size).value_or(block_map(size));
    }
    void remove(const revision_id& id) {
        const bool committed = directory_->remove(id + settings_.suffix), begun = directory_->remove(hidden(id + settings_.suffix));
        if (committed || begun) directory_->sync();
    }
    std::filesystem::path path(const revision_id& id) const { return directory_->path() / (id + settings_.suffix); }
    bool needs_only_files() const { return true; }

    /// Throws no_space unless so many bytes more leave `keep_free` percent of the filesystem free.
    void require_room(byte_count bytes, int keep_free) const {
        const auto shortage = [&]() -> std::optional<std::string> {
            const auto room = room_for_data(directory_->handle());
            const auto kept = (room.free + room.used) / 100 * static_cast<byte_count>(keep_free);
            if (room.free >= bytes + kept) return std::nullopt;
            return to_size(bytes) + " expected, by what the last revisions took, and " + to_size(room.free) + " free" +
                   (kept > 0 ? ", of which " + to_size(kept) + " are to stay free" : "");
        };
        if (!shortage()) return;
        collect_freed(directory_->handle());
        if (const auto text = shortage()) throw no_space(directory_->path().string(), *text);
    }

    std::optional<layout> layout_of(const std::vector<revision_id>& ids) const { return io::layout_of(open_all(ids)); }
    byte_count relayout(const std::vector<revision_id>& ids) const { return io::relayout(*directory_, open_all(ids)); }

    static std::string hidden(const std::string& name) { return "." + name + ".new"; }

private:
    std::string existing(const revision_id& id) const {
        if (!directory_->status_of(id + settings_.suffix)) throw missing_revision(path(id).string(), "there is no such file");
        return id + settings_.suffix;
    }
    file<I> opened(const revision_id& id) const { return regular(directory_->open(existing(id), O_RDONLY | O_NONBLOCK)); }
    std::vector<file<I>> open_all(const std::vector<revision_id>& ids) const {
        std::vector<file<I>> all;
        for (const auto& id : ids) all.push_back(opened(id));
        return all;
    }
    static file<I> regular(file<I> f) {
        if (!S_ISREG(f.status().st_mode)) throw store_error(f.path(), "not a regular file");
        return f;
    }
    sealed_file<I> uncached(const std::string& name) const {
        if (settings_.direct) {
            try {
                return sealed_file<I>(regular(directory_->open(name, O_RDONLY | O_NONBLOCK | O_DIRECT)));
            } catch (const error&) {}  // the filesystem has no direct I/O: through the cache, then, and was_uncached() tells
        }
        return sealed_file<I>(regular(directory_->open(name, O_RDONLY | O_NONBLOCK)));
    }
    /// Two files without a name, one a reflink of the other.
    void require_reflink() const {
        const auto from = directory_->unnamed();
        if (!directory_->unnamed().clone(from))
            throw store_error(directory_->path().string(), "this filesystem cannot reflink (" + settings_.must_reflink + ")");
    }
    /// Never without a word: it takes the time and the space of a whole image.
    byte_count copy(const file<I>& from, file<I>& to) const {
        if (journal_)
            journal_->warning(directory_->path().string() + ": this filesystem cannot reflink: the revision is a full copy of its parent and shares nothing with it");
        const aligned_buffer buffer(window_size);
        byte_count copied = 0;
        from.extents([&](extent e) {
            for (byte_count done = 0; done < e.length; done += window_size) {
                const auto part = buffer.first(std::min(window_size, e.length - done));
                from.read(e.offset + done, part);
                to.write(e.offset + done, part);
                copied += part.size();
            }
        });
        return copied;
    }

    settings settings_;
    std::shared_ptr<directory<I>> directory_;
    journal* journal_;
};

}  // namespace backy::io
