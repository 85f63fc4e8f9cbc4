// SPDX-License-Identifier: GPL-3.0-or-later
// A Source in memory that keeps its snapshots and tells what changed, as Ceph and thin LVM do. Its change map lies if it is told to,
// and its snapshots cannot be released if it is told to.
#pragma once

#include "volume.hpp"

#include <backy/concepts/source.hpp>
#include <backy/core/name.hpp>

#include <map>
#include <memory>
#include <thread>

namespace support {

/// An Image of shared bytes.
struct bytes_in_memory {
    std::shared_ptr<const content> bytes;
    backy::byte_count size() const { return bytes->size(); }
    void read(backy::byte_count at, backy::block out) const {
        if (at + out.size() > bytes->size()) throw backy::error("memory", "read behind the end");
        std::memcpy(out.data(), bytes->data() + at, out.size());
    }
    void extents(const backy::extent_visitor& visit) const {
        if (size() > 0) visit({0, size()});
    }
    bool was_uncached() const { return true; }
};

class memory_source {
public:
    static constexpr auto type = backy::name<"memory">;
    struct volume {
        std::shared_ptr<const content> now = std::make_shared<content>();
        std::map<backy::revision_id, std::shared_ptr<const content>> frozen = {};
        std::string identity = "volume";
        bool map_lies = false, holds_snapshots = false, unreachable = false, vanishes = false, slow_reads = false, comes_late = false, sees_nothing = false, forgets_the_end = false;
        backy::tracking how = {};
    };
    static volume& named(const std::string& name) {
        static std::map<std::string, volume> all;
        return all[name];
    }
    struct config {
        std::string volume;
        static config from(const backy::section& table) { return {table.get<std::string>("volume")}; }
    };
    static backy::section parse(const std::string& spelling) { return backy::section().set("type", {std::string("memory")}).set("volume", {spelling}); }

    struct snapshot : bytes_in_memory {
        snapshot(bytes_in_memory b, const volume& v) : bytes_in_memory(std::move(b)), of(&v) {}
        void read(backy::byte_count at, backy::block out) const {
            if (of->slow_reads) std::this_thread::sleep_for(std::chrono::milliseconds(20));
            bytes_in_memory::read(at, out);
        }
        void extents(const backy::extent_visitor& visit) const {
            if (!of->sees_nothing) bytes_in_memory::extents(visit);
        }
        std::string identity() const { return of->identity; }
        backy::consistency consistency() const { return backy::consistency::crash; }
        std::vector<std::string> remarks() const { return {}; }
        void attest() const {
            if (of->vanishes) throw backy::source_error("memory", "the snapshot vanished while it was read");
        }
        std::optional<std::string> changed_since(const backy::revision_id& base, const backy::extent_visitor& visit) const {
            if (of->how.full_always) return "full-always is set";
            const auto old = of->frozen.find(base);
            if (old == of->frozen.end()) return "its parent's snapshot is gone";
            const auto end = size() - (of->forgets_the_end ? std::min(size(), backy::block_size) : 0);
            for (std::size_t at = of->map_lies ? size() / 2 : 0; at < end; at += 4096)
                if (std::string_view(*bytes).substr(at, 4096) != std::string_view(*old->second).substr(std::min(at, old->second->size()), 4096))
                    visit({at, std::min<std::size_t>(4096, size() - at)});
            return std::nullopt;
        }
        const volume* of;
    };

    memory_source(const config& c, backy::journal&) : name_(c.volume), volume_(&named(c.volume)) {}
    std::string name() const { return name_; }
    backy::tracking tracked() const { return volume_->how; }
    snapshot freeze(const backy::revision_id& id) {
        reach();
        if (volume_->comes_late) throw backy::source_error("memory", "no snapshot yet");
        return {{volume_->frozen[id] = volume_->now}, *volume_};
    }
    std::vector<backy::revision_id> snapshots() {
        reach();
        std::vector<backy::revision_id> ids;
        for (const auto& [id, bytes] : volume_->frozen) ids.push_back(id);
        return ids;
    }
    void release(const backy::revision_id& id) {
        if (volume_->holds_snapshots) throw backy::source_error(name_, "release: the snapshot is in use");
        volume_->frozen.erase(id);
    }

private:
    void reach() const {
        if (volume_->unreachable) throw backy::source_error(name_, "unreachable", true);
    }
    std::string name_;
    volume* volume_;
};

}  // namespace support
