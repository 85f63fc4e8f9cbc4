// SPDX-License-Identifier: GPL-3.0-or-later
// verify, distrust: what is believed of a revision, and why.
#pragma once

#include <backy/engine/changes.hpp>
#include <backy/engine/mismatches.hpp>
#include <backy/engine/repository.hpp>

namespace backy {

/// How a verification goes about it.
struct verification {
    unsigned workers = default_workers();
    std::optional<timestamp> believed_since = {};           ///< blocks that lie in one place with those of a revision that was verified since then are not read again
    std::function<void(byte_count)> before_read = {};  ///< called by several threads with what is to be read next: may wait, may throw
};

namespace detail {

/// Everything that is wrong with a revision's bytes, in lines for people, where it is, and how and when they were read.
struct verdict {
    std::vector<std::string> faults;
    std::vector<bad_extent> bad;
    backy::proof proof;
};

template <Image I>
class metered_image {
public:
    metered_image(const I& image, const std::function<void(byte_count)>& before_read) : image_(image), before_read_(&before_read) {}
    byte_count size() const { return image_.size(); }
    void extents(const extent_visitor& visit) const { image_.extents(visit); }
    void read(byte_count at, block out) const {
        if (*before_read_) (*before_read_)(out.size());
        image_.read(at, out);
    }

private:
    image_view<I> image_;
    const std::function<void(byte_count)>* before_read_;
};

/// The revision nearest to it in the history, for that one shares most, of those that were verified since then.
inline const revision* witness_for(const history& h, const revision& r, const std::optional<timestamp>& since) {
    const revision* nearest = nullptr;
    if (!since) return nearest;
    std::ptrdiff_t here = 0, best = 0;
    for (std::size_t i = 0; i < h.revisions.size(); ++i)
        if (h.revisions[i].id == r.id) here = static_cast<std::ptrdiff_t>(i);
    for (std::size_t i = 0; i < h.revisions.size(); ++i) {
        const auto& w = h.revisions[i];
        const auto distance = std::abs(static_cast<std::ptrdiff_t>(i) - here);
        if (distance > 0 && w.trust == trust::verified && w.digests && w.verified && w.verified->at >= *since && (!nearest || distance < best))
            nearest = &w, best = distance;
    }
    return nearest;
}

/// Blocks of a revision that were read when the witness was verified: in one place with its, and with the same digests.
template <Store T, Catalog C, Hash H, Clock K>
block_map read_with(const repository<T, C, H, K>& repository, const revision& r, const auto& table, const revision& witness) {
    if constexpr (SharingStore<T>) {
        try {
            auto shared = repository.store().shared(r.id, witness.id, r.size);
            shared.remove(table.differing(repository.digests_of(witness), r.size));
            return shared;
        } catch (const error& e) {
            repository.journal().info("revision " + r.id + ": " + e.what() + " (it is read whole)");
        }
    }
    return block_map(r.size);
}

template <Store T, Catalog C, Hash H, Clock K>
verdict examine(const repository<T, C, H, K>& repository, const revision& r, const verification& how) {
    verdict v;
    v.proof.at = repository.clock().now();
    try {
        const auto image = repository.store().examine(r.id);
        const auto table = repository.digests_of(r);
        if (image.size() != r.size)
            v.faults.push_back("the image has " + std::to_string(image.size()) + " bytes and should have " + std::to_string(r.size));
        auto which = everything(image, table.allocated(r.size));
        const auto all = which.count();
        const auto h = how.believed_since ? repository.catalog().read() : history();
        const auto* const witness = witness_for(h, r, how.believed_since);
        if (witness) which.remove(read_with(repository, r, table, *witness));
        v.bad = mismatches(metered_image(image, how.before_read), table, which, how.workers, repository.journal());
        for (const auto& bad : v.bad)
            v.faults.push_back("offset " + std::to_string(bad.where.offset) + ", " + std::to_string(bad.where.length) + " bytes: " + bad.why);
        v.proof.part = "the whole image, " + origin_of(image);
        if (const auto shared = all - which.count(); shared > 0) {
            v.proof.at = witness->verified->at;  // the older of the two
            v.proof.part += "; " + std::to_string(shared) + " of its " + counted(all, "block") + " as part of revision " + witness->id;
        }
    } catch (const missing_revision& e) {
        v.faults.push_back(e.what());
    } catch (const corrupt_block& e) {
        v.faults.push_back(e.what());
    }
    return v;
}

/// Revisions that count and hold the same bad blocks: reflinks keep what they share at its offset, so those are read in each of them.
template <Store T, Catalog C, Hash H, Clock K>
std::vector<revision_id> sharers_of(const repository<T, C, H, K>& repository, const revision& r, const std::vector<bad_extent>& bad) {
    std::vector<revision_id> ids;
    for (const auto& other : repository.catalog().read().revisions) {
        if (other.id == r.id || !other.counts() || !other.digests) continue;
        block_map those(other.size);
        for (const auto& b : bad) those.add(b.where);
        try {
            const auto image = repository.store().examine(other.id);
            const auto table = repository.digests_of(other);
            auto both = everything(image, table.allocated(other.size)), elsewhere = both;
            elsewhere.remove(those);
            both.remove(elsewhere);
            if (!mismatches(image, table, both, 1, repository.journal()).empty()) ids.push_back(other.id);
        } catch (const halted&) {
            throw;
        } catch (const error& e) {
            repository.journal().warning("revision " + other.id + ": " + e.what() + " (backy verify -r " + other.id + ")");
        }
    }
    return ids;
}

}  // namespace detail

/// Holds every stored byte against its digest. A revision that passes becomes verified, one that fails distrusted, and so do those that
/// share what is bad. Returns what is wrong. Takes no lock while it reads, and waits for it to write down the result. Throws store_error for
/// a revision without digests, no_space if all there is to complain of is that the result cannot be written down. cost: one read of the image, or of what it does not share.
template <Store T, Catalog C, Hash H, Clock K>
std::vector<std::string> verify(const repository<T, C, H, K>& repository, const revision& r, const verification& how = {}) {
    if (!r.digests) throw store_error("revision " + r.id, "verify: it has no digests to check it against");
    const auto v = detail::examine(repository, r, how);
    for (const auto& fault : v.faults) repository.journal().error("revision " + r.id + ": " + fault);
    const auto sharers = v.bad.empty() ? std::vector<revision_id>() : detail::sharers_of(repository, r, v.bad);
    [[maybe_unused]] const auto lock = repository.catalog().lock(true);
    const auto now = repository.catalog().read();
    const auto judge = [&](const revision& judged, trust t) {
        auto changed = judged;
        changed.trust = t;
        if (t == trust::verified) changed.verified = v.proof;
        repository.update(changed);
    };
    const auto* const still = now.find(r.id);
    try {
        for (const auto& id : sharers)
            if (const auto* const sharer = now.find(id)) {
                repository.journal().error("revision " + id + ": it shares bad blocks of revision " + r.id + ", it is distrusted now");
                judge(*sharer, trust::distrusted);
            }
        if (!still) throw history_error("revision " + r.id, "verify: it was removed meanwhile");
        judge(*still, v.faults.empty() ? trust::verified : trust::distrusted);
    } catch (const no_space& e) {
        if (v.faults.empty()) throw no_space("revision " + r.id, std::string("verify: it passed, which cannot be written down: ") + e.what());
        throw error("revision " + r.id, std::string("verify: it failed, which cannot be written down: ") + e.what());
    }
    return v.faults;
}

/// Marks revisions as not to be built upon. Throws lock_busy, error.
template <Store T, Catalog C, Hash H, Clock K>
void distrust(const repository<T, C, H, K>& repository, auto select) {
    [[maybe_unused]] const auto lock = repository.catalog().lock(false);
    const std::vector<revision> chosen = select(repository.catalog().read());
    for (auto r : chosen) {
        r.trust = trust::distrusted;
        repository.update(r);
    }
}

}  // namespace backy
