// SPDX-License-Identifier: GPL-3.0-or-later
// Two Stores without a file, to show that the concept carries them: revisions as snapshots of one image, as in an RBD backup pool,
// and revisions as lists of content-addressed chunks. The cluster and the bucket are in memory.
#pragma once

#include "memory_source.hpp"

#include <backy/concepts/store.hpp>
#include <backy/hashes/sha256.hpp>

#include <mutex>

namespace support {

/// Revisions are snapshots of one image. Its head is the writer's scratch: a metadata key names the snapshot it equals, and nothing
/// while it is written. Whoever begins on anything else rolls it back first, so an abandoned run needs no clean-up of its own.
class snapshot_store {
public:
    static constexpr auto type = backy::name<"snapshots">;
    struct image {  // what librbd would answer
        content head;
        std::map<std::string, std::shared_ptr<const content>> snapshots;
        std::string head_equals;
    };
    static image& named(const std::string& name) {
        static std::map<std::string, image> pool;
        return pool[name];
    }
    struct config {
        std::string image;
        static config from(const backy::section& table) { return {table.get<std::string>("image")}; }
    };
    class writer {
    public:
        writer(image& i, backy::revision_id id) : image_(&i), id_(std::move(id)) {}
        void write(backy::byte_count at, backy::const_block in) { std::memcpy(image_->head.data() + at, in.data(), in.size()); }
        void zero(backy::extent e) { std::memset(image_->head.data() + e.offset, 0, e.length); }
        backy::byte_count copied() const { return 0; }
        bytes_in_memory seal() { return {std::make_shared<content>(image_->head)}; }
        void commit() {
            image_->snapshots[id_] = std::make_shared<content>(image_->head);
            image_->head_equals = id_;
        }

    private:
        image* image_;
        backy::revision_id id_;
    };

    snapshot_store(const config& c, const std::filesystem::path&, backy::journal&) : image_(&named(c.image)) {}
    writer begin(const backy::revision_id& id, backy::byte_count size, const std::optional<backy::revision_id>& parent) {
        const auto head = std::exchange(image_->head_equals, "");
        if (!parent) image_->head.clear();
        else if (head != *parent) image_->head = *image_->snapshots.at(*parent);
        image_->head.resize(size, '\0');
        return {*image_, id};
    }
    bytes_in_memory open(const backy::revision_id& id) {
        if (!image_->snapshots.contains(id)) throw backy::missing_revision("snapshot " + id, "there is none");
        return {image_->snapshots.at(id)};
    }
    bytes_in_memory examine(const backy::revision_id& id) { return open(id); }
    void remove(const backy::revision_id& id) {
        if (image_->head_equals == id) image_->head_equals.clear();
        image_->snapshots.erase(id);
    }

private:
    image* image_;
};

/// A revision is a list of chunks, one per block and none for zeroes; a chunk goes with the last revision that holds it.
class chunk_store {
    using chunk = std::shared_ptr<const content>;
    struct list {  // an Image
        backy::byte_count bytes = 0;
        std::vector<chunk> at = {};
        backy::byte_count size() const { return bytes; }
        void read(backy::byte_count offset, backy::block out) const {
            while (!out.empty()) {
                const auto& c = at.at(offset / backy::block_size);
                const auto skip = offset % backy::block_size, n = std::min<backy::byte_count>(backy::block_size - skip, out.size());
                const auto held = c && c->size() > skip ? std::min<backy::byte_count>(n, c->size() - skip) : 0;
                if (held > 0) std::memcpy(out.data(), c->data() + skip, held);
                std::memset(out.data() + held, 0, n - held);
                out = out.subspan(n), offset += n;
            }
        }
        void extents(const backy::extent_visitor& visit) const {
            for (std::size_t i = 0; i < at.size(); ++i)
                if (at[i]) visit({i * backy::block_size, std::min(backy::block_size, bytes - i * backy::block_size)});
        }
        bool was_uncached() const { return true; }
    };
    struct bucket {
        std::map<backy::hashes::sha256::digest, std::weak_ptr<const content>> known;
        std::map<backy::revision_id, list> revisions;
        std::mutex guard;
    };

public:
    static constexpr auto type = backy::name<"chunks">;
    struct config {
        std::string bucket;
        static config from(const backy::section& table) { return {table.get<std::string>("bucket")}; }
    };
    class writer {
    public:
        writer(bucket& b, backy::revision_id id, list l) : bucket_(&b), id_(std::move(id)), list_(std::move(l)) {}
        void write(backy::byte_count offset, backy::const_block in) {
            for (; !in.empty(); in = in.subspan(std::min<std::size_t>(backy::block_size, in.size())), offset += backy::block_size) {
                const auto part = in.first(std::min<std::size_t>(backy::block_size, in.size()));
                const std::lock_guard lock(bucket_->guard);
                auto& known = bucket_->known[hash_(part)];
                auto c = known.lock();
                if (!c) known = c = std::make_shared<content>(reinterpret_cast<const char*>(part.data()), part.size());
                list_.at[offset / backy::block_size] = c;
            }
        }
        void zero(backy::extent e) {
            for (auto at = e.offset; at < e.offset + e.length; at += backy::block_size) list_.at[at / backy::block_size].reset();
        }
        backy::byte_count copied() const { return 0; }
        list seal() { return list_; }
        void commit() { bucket_->revisions[id_] = list_; }

    private:
        bucket* bucket_;
        backy::revision_id id_;
        list list_;
        backy::hashes::sha256 hash_;  // names are equal across repositories: without a key
    };

    chunk_store(const config& c, const std::filesystem::path&, backy::journal&) : bucket_(&named(c.bucket)) {}
    writer begin(const backy::revision_id& id, backy::byte_count size, const std::optional<backy::revision_id>& parent) {
        auto l = parent ? bucket_->revisions.at(*parent) : list{};
        l.bytes = size;
        l.at.resize(backy::blocks_of(size));
        if (const auto tail = size % backy::block_size; tail > 0 && l.at.back() && l.at.back()->size() > tail)
            l.at.back() = std::make_shared<content>(l.at.back()->substr(0, tail));  // a later revision may grow again
        return {*bucket_, id, std::move(l)};
    }
    list open(const backy::revision_id& id) {
        if (!bucket_->revisions.contains(id)) throw backy::missing_revision("list " + id, "there is none");
        return bucket_->revisions.at(id);
    }
    list examine(const backy::revision_id& id) { return open(id); }
    void remove(const backy::revision_id& id) { bucket_->revisions.erase(id); }

private:
    static bucket& named(const std::string& name) {
        static std::map<std::string, bucket> all;
        return all[name];
    }
    bucket* bucket_;
};

}  // namespace support
