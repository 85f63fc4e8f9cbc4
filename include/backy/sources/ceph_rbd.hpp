// SPDX-License-Identifier: GPL-3.0-or-later
// sources::ceph_rbd models TrackedSource: an RBD image, frozen by a snapshot `backy-ID` of it.
#pragma once

#include <backy/ceph/image.hpp>
#include <backy/concepts/source.hpp>
#include <backy/core/interruption.hpp>
#include <backy/core/name.hpp>
#include <backy/core/parallel.hpp>

namespace backy::sources {

/// An image made anew under the same name has another identity, and so has one of that name in another pool or cluster.
/// Without fast-diff on the image every object is asked what changed in it, which takes some 0.1 ms for each.
class ceph_rbd {
public:
    static constexpr auto type = name<"ceph-rbd">;

    struct config {
        ceph::location where;
        ceph::access access;
        tracking how;
        bool operator==(const config&) const = default;

        /// `more`: keys of a source that is this one and something else.
        static config from(const section& table, const std::vector<std::string_view>& more = {}) {
            std::vector<std::string_view> known{"type", "pool", "namespace", "image"};
            known.insert(known.end(), more.begin(), more.end());
            known.insert(known.end(), ceph::access::keys.begin(), ceph::access::keys.end());
            known.insert(known.end(), tracking::keys.begin(), tracking::keys.end());
            table.allow_only(known);
            const ceph::location where{table.get<std::string>("pool"), table.get<std::string>("namespace", ""), table.get<std::string>("image")};
            for (const auto* const key : {"pool", "namespace", "image"})
                if (const auto part = table.get<std::string>(key, ""); part.find_first_of("/@") != part.npos || (part.empty() && table.has(key)))
                    table.refuse(key, "must be a name without / and @: \"" + part + "\"");
            return {where, ceph::access::from(table), tracking::from(table)};
        }
    };
    static section parse(const std::string& spelling) {
        if (spelling.find(',') != spelling.npos)
            throw config_error("source", "ceph-rbd: needs POOL/IMAGE, and no comma in it");  // what follows one may be a token
        const auto where = ceph::location::parse(spelling);
        if (!where) throw config_error("source", "ceph-rbd: needs POOL/IMAGE or POOL/NAMESPACE/IMAGE: \"" + spelling + "\"");
        return table_of(type.c_str(), *where);
    }
    static section table_of(const std::string& source_type, const ceph::location& where) {
        section table;
        table.set("type", {source_type}).set("pool", {where.pool});
        if (!where.space.empty()) table.set("namespace", {where.space});
        return table.set("image", {where.image});
    }

    class snapshot {
    public:
        snapshot(std::shared_ptr<const ceph::pool> pool, const config& c, const revision_id& id, ceph::image image, backy::consistency consistency,
                 std::vector<std::string> remarks)
            : pool_(std::move(pool)),
              config_(c),
              id_(id),
              image_(std::move(image)),
              size_(image_.size()),
              fast_(image_.has_fast_diff()),
              identity_(pool_->identity() + " image " + image_.id()),
              consistency_(consistency),
              remarks_(std::move(remarks)) {}

        byte_count size() const { return size_; }
        void read(byte_count at, block out) const { image_.read(at, out); }
        void extents(const extent_visitor& visit) const { differences("", fast_, visit); }
        std::string identity() const { return identity_; }
        backy::consistency consistency() const { return consistency_; }
        std::vector<std::string> remarks() const { return remarks_; }
        void remark(std::vector<std::string> remarks) { remarks_ = std::move(remarks); }
        /// Who removes a snapshot while it is read gets no error for its reads but zeroes, in time.
        void attest() const { opened(); }

        /// With fast-diff the objects that changed are known at once, and only they are asked which part of them.
        std::optional<std::string> changed_since(const revision_id& base, const extent_visitor& visit) const {
            if (config_.how.full_always) return "full-always is set";
            const auto since = snapshot_name(base);
            const auto gone = [&] { return std::ranges::count(opened().snapshots(), since) == 0; };
            if (gone()) return "its parent's snapshot is gone";
            try {
                if (fast_) refine(since, visit);
                else differences(since, false, visit);
            } catch (const source_error&) {
                if (!gone()) throw;
            }
            if (gone()) return "its parent's snapshot went while it was compared with";
            return std::nullopt;
        }

    private:
        ceph::image opened() const { return ceph::image::open(pool_, config_.where, snapshot_name(id_), ceph::image::access::read_only); }

        /// In pieces, so that who asks for an end does not wait for the whole image.
        void differences(const std::string& since, bool whole_objects, const extent_visitor& visit) const {
            for (byte_count at = 0; at < size_; at += 64_GiB) {
                interruption::point();
                image_.differences(since, {at, std::min(64_GiB, size_ - at)}, whole_objects, visit);
            }
        }
        void refine(const std::string& since, const extent_visitor& visit) const {
            block_map coarse(size_);
            differences(since, true, [&](extent e) { coarse.add(e); });
            std::mutex guard;
            const auto visit_one_by_one = [&](extent e) {
                const std::lock_guard lock(guard);
                visit(e);
            };
            share_out(coarse.windows(), requests_at_once, [&](auto next) {
                for (std::size_t window = 0; (window = next()) < coarse.windows();) {
                    interruption::point();
                    coarse.runs(window, [&](extent run) { image_.differences(since, run, false, visit_one_by_one); });
                }
            });
        }
        static constexpr unsigned requests_at_once = 8;  // the OSD answers each from its memory, mostly

        std::shared_ptr<const ceph::pool> pool_;
        config config_;
        revision_id id_;
        ceph::image image_;
        byte_count size_;
        bool fast_;
        std::string identity_;
        backy::consistency consistency_;
        std::vector<std::string> remarks_;
    };

    ceph_rbd(config c, journal&) : config_(std::move(c)) {}

    std::string name() const { return config_.where.text(); }
    tracking tracked() const { return config_.how; }

    snapshot freeze(const revision_id& id) { return freeze(id, {}); }
    snapshot freeze(const revision_id& id, std::vector<std::string> remarks) {
        ceph::image::open(pool(), config_.where, "", ceph::image::access::writable).make_snapshot(snapshot_name(id));
        return {pool(),
                config_,
                id,
                ceph::image::open(pool(), config_.where, snapshot_name(id), ceph::image::access::read_only),
                consistency::crash,
                std::move(remarks)};
    }
    /// The snapshot of that ID, if somebody has made it and it is whole.
    std::optional<snapshot> find(const revision_id& id, consistency c) {
        auto image = ceph::image::find(pool(), config_.where, snapshot_name(id), ceph::image::access::read_only);
        if (!image) return std::nullopt;
        return snapshot(pool(), config_, id, *std::move(image), c, {});
    }
    /// Throws source_error if there is no such image.
    void require() { ceph::image::open(pool(), config_.where, "", ceph::image::access::read_only); }

    std::vector<revision_id> snapshots() {
        std::vector<revision_id> ids;
        const auto image = ceph::image::find(pool(), config_.where, "", ceph::image::access::read_only);
        if (!image) return ids;
        for (const auto& each : image->snapshots())
            if (auto id = id_of_snapshot(each)) ids.push_back(*std::move(id));
        return ids;
    }
    /// An image that is not there may come back from the trash, with its snapshots: that is an error.
    void release(const revision_id& id) {
        ceph::image::open(pool(), config_.where, "", ceph::image::access::writable).remove_snapshot(snapshot_name(id));
    }

private:
    /// Connected when it is needed first.
    std::shared_ptr<const ceph::pool> pool() {
        if (!pool_) pool_ = std::make_shared<const ceph::pool>(config_.access, config_.where);
        return pool_;
    }

    config config_;
    std::shared_ptr<const ceph::pool> pool_;
};
static_assert(TrackedSource<ceph_rbd>);

}  // namespace backy::sources
