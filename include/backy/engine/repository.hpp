// SPDX-License-Identifier: GPL-3.0-or-later
// Repository: one job's revisions, bytes in a store and metadata in a catalog, and how the two are brought to rest.
#pragma once

#include <backy/concepts/catalog.hpp>
#include <backy/concepts/clock.hpp>
#include <backy/concepts/source.hpp>
#include <backy/engine/digests.hpp>

namespace backy {

inline void add_missing(std::vector<revision_id>& ids, const std::vector<revision_id>& more) {
    for (const auto& id : more)
        if (std::ranges::count(ids, id) == 0) ids.push_back(id);
}

enum class links { required, if_there_is_space };

/// threads: one. The store, the catalog and the journal outlive it.
template <Store T, Catalog C, Hash H, Clock K>
class repository {
public:
    using hash = H;
    using layout = digests_layout<H>;
    using digests_image = decltype(std::declval<C&>().digests().open(revision_id{}));
    using table = digest_table<H, digests_image>;

    repository(T& store, C& catalog, backy::journal& journal) : store_(store), catalog_(catalog), journal_(journal) {}

    T& store() const { return store_; }
    C& catalog() const { return catalog_; }
    backy::journal& journal() const { return journal_; }
    K clock() const { return {}; }

    /// The digests of a revision, once the file is what its metadata say. Throws missing_revision, corrupt_block for a damaged
    /// one, store_error for one of another kind, and error. Reads the file whole: 0.2 s for a dense volume of 1 TiB in the cache.
    table digests_of(const revision& r) const {
        if (!r.digests) throw store_error("revision " + r.id, "it has no digests");
        auto image = catalog_.digests().open(r.id);
        if (seal_of_digests(image) != r.digests->sha256)
            throw corrupt_block("revision " + r.id, "its digests are damaged: their SHA-256 does not match");
        return table(std::move(image));
    }

    /// `last` follows the history.
    void point(const history& h) const {
        const auto* const last = h.newest();
        std::optional<std::filesystem::path> image;
        if constexpr (FileStore<T>)
            if (last) image = store_.path(last->id);
        catalog_.point(last ? std::optional(last->id) : std::nullopt, image);
    }

    /// Rewrites the metadata of a revision. `last` names one that counts at every moment.
    void update(const revision& r) const {
        const auto after = catalog_.read().with(r);
        if (!r.counts()) point(after);
        catalog_.put(r);
        point(after);
    }

    /// The only clean-up there is: after a success, after an error, and after a kill in the next run. What .run announced goes if it
    /// does not exist whole; links and source snapshots follow the history. Returns the snapshots that could not be released:
    /// .run goes on naming them, and they are a warning and no failure.
    /// `links`: whether it is an error that there is no space for `last`, or a warning and there is none.
    std::vector<revision_id> settle(Source auto& source, backy::links links = backy::links::required) const {
        const auto left = catalog_.announced();
        const auto h = catalog_.read();
        if (left)
            for (const auto& id : left->revisions)
                if (!h.has(id)) {
                    store_.remove(id);
                    catalog_.digests().remove(id);
                }
        try {
            point(h);
        } catch (const no_space& e) {
            if (links == backy::links::required) throw;
            journal_.warning(std::string(e.what()) + " (there is no `last` until there is space)");
            catalog_.point(std::nullopt, std::nullopt);
        }
        if (!left) {
            catalog_.at_rest();
            return {};
        }
        const auto held = release(source, h, *left);
        try {
            if (held.empty()) catalog_.at_rest();
            else if (held != left->snapshots || !left->revisions.empty()) catalog_.announce({{}, held, source.name()});
        } catch (const no_space& e) {
            journal_.warning(e.what());  // what stands in .run now names more, and does no harm
        }
        return held;
    }

private:
    /// Of the snapshots that this repository made, all but the one that the next run can build on. Those of no revision are released even if
    /// the source does not list them: it may have asked somebody for them.
    template <Source S>
    std::vector<revision_id> release(S& source, const history& h, const announcement& left) const {
        std::vector<revision_id> ours, existing, held;
        add_missing(ours, left.snapshots), add_missing(ours, left.revisions);
        try {
            existing = source.snapshots();
        } catch (const error& e) {
            journal_.warning(std::string(e.what()) + " (snapshots stay until a later run can release them)");
            return ours;
        }
        const auto release_or_hold = [&](const revision_id& id) {
            try {
                source.release(id);
            } catch (const error& e) {
                journal_.warning(std::string(e.what()) + " (the snapshot stays until a later run can release it)");
                held.push_back(id);
            }
        };
        for (const auto& id : existing)
            if (h.has(id) && !(keeps_a_base(source) && h.newest() && h.newest()->id == id)) release_or_hold(id);
        for (const auto& id : ours)
            if (!h.has(id)) release_or_hold(id);
        return held;
    }

    static bool keeps_a_base(Source auto& source) {
        const auto how = tracking_of(source);
        return how.has_map && !how.full_always;
    }

    T& store_;
    C& catalog_;
    backy::journal& journal_;
};

}  // namespace backy
