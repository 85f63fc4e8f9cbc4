// SPDX-License-Identifier: GPL-3.0-or-later
// my::linked models Store: a revision is a directory of one file for each block, and shares blocks with its parent by hard links. For
// filesystems without reflinks, and volumes that are not large: it is an inode for each 64 KiB.
#pragma once

#include <backy/concepts/store.hpp>
#include <backy/core/name.hpp>
#include <backy/io/directory.hpp>
#include <backy/io/posix.hpp>

#include <set>

namespace my {
namespace fs = std::filesystem;

class linked {
    using file = backy::io::file<backy::io::posix>;
    static fs::path block_at(const fs::path& dir, backy::byte_count offset) { return dir / std::to_string(offset / backy::block_size); }

public:
    static constexpr auto type = backy::name<"linked">;
    struct config {
        static config from(const backy::section& table) { return table.allow_only({"type"}), config(); }
    };

    /// The directory of a revision. A block without a file is zero; the file "size" is as large as the volume, and has no bytes.
    class image {
    public:
        explicit image(fs::path dir) : dir_(std::move(dir)), size_(fs::file_size(dir_ / "size")) {}
        backy::byte_count size() const { return size_; }
        void read(backy::byte_count offset, backy::block out) const {
            while (!out.empty()) {
                const auto from = offset % backy::block_size;
                const auto part = out.first(std::min<backy::byte_count>(out.size(), backy::block_size - from));
                std::memset(part.data(), 0, part.size());
                if (const auto path = block_at(dir_, offset); fs::exists(path)) {
                    const file f({}, path, O_RDONLY);
                    if (const auto end = f.size(); end > from) f.read(from, part.first(std::min<backy::byte_count>(part.size(), end - from)));
                }
                offset += part.size(), out = out.subspan(part.size());
            }
        }
        void extents(const backy::extent_visitor& visit) const {
            std::set<backy::byte_count> blocks;
            for (const auto& entry : fs::directory_iterator(dir_))
                if (const auto name = entry.path().filename(); name != "size") blocks.insert(std::stoull(name) * backy::block_size);
            for (const auto at : blocks) visit({at, std::min(backy::block_size, size_ - at)});
        }
        bool was_uncached() const { return false; }  // through the page cache, and the proofs say so

    private:
        fs::path dir_;
        backy::byte_count size_;
    };

    class writer {
    public:
        writer(fs::path dir, fs::path place) : dir_(std::move(dir)), place_(std::move(place)) {}
        void write(backy::byte_count offset, backy::const_block in) {
            zero({offset, in.size()});  // the names of the parent's blocks go here; the parent keeps its own
            for (backy::byte_count i = 0; i < backy::blocks_of(in.size()); ++i)
                file({}, block_at(dir_, offset + i * backy::block_size), O_WRONLY | O_CREAT | O_EXCL).write(0, backy::blocks_in(in, i, 1));
        }
        void zero(backy::extent e) {
            for (auto at = e.offset; at < e.offset + e.length; at += backy::block_size) fs::remove(block_at(dir_, at));
        }
        backy::byte_count copied() const { return 0; }
        image seal() {
            const file dir({}, dir_, O_RDONLY | O_DIRECTORY);
            if (::syncfs(dir.descriptor()) != 0) throw backy::store_error(dir_, "syncfs: " + backy::message_of(errno));
            return image(dir_);
        }
        void commit() {
            fs::rename(dir_, place_);
            file({}, place_.parent_path(), O_RDONLY | O_DIRECTORY).sync();
        }

    private:
        fs::path dir_, place_;
    };

    linked(config, const fs::path& repository, backy::journal&) : repository_(repository) {}
    bool needs_only_files() const { return true; }

    writer begin(const backy::revision_id& id, backy::byte_count size, const std::optional<backy::revision_id>& parent) {
        fs::create_directory(unfinished(id));
        file(backy::io::posix(), unfinished(id) / "size", O_WRONLY | O_CREAT | O_EXCL).resize(size);
        writer w(unfinished(id), repository_ / id);
        if (!parent) return w;
        const auto old = open(*parent);
        old.extents([&](backy::extent e) {
            if (e.offset < size) fs::create_hard_link(block_at(repository_ / *parent, e.offset), block_at(unfinished(id), e.offset));
        });
        const auto tail = size % backy::block_size;
        if (const auto at = size - tail; tail > 0 && size < old.size() && fs::exists(block_at(unfinished(id), at))) {  // what is cut off must not come back
            const backy::aligned_buffer kept(backy::block_size);
            old.read(at, kept.first(tail));
            w.write(at, kept.first(tail));
        }
        return w;
    }
    image open(const backy::revision_id& id) const {
        if (!fs::exists(repository_ / id)) throw backy::missing_revision((repository_ / id).string(), "there is none");
        return image(repository_ / id);
    }
    image examine(const backy::revision_id& id) const { return open(id); }
    void remove(const backy::revision_id& id) {
        fs::remove_all(unfinished(id));
        fs::remove_all(repository_ / id);
    }

private:
    fs::path unfinished(const backy::revision_id& id) const { return repository_ / ("." + id + ".new"); }
    fs::path repository_;
};
static_assert(backy::SealedImage<linked::image> && backy::RevisionWriter<linked::writer> && backy::Store<linked>);

}  // namespace my
