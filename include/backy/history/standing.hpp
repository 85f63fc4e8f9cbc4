// SPDX-License-Identifier: GPL-3.0-or-later
// Standing: how a repository stands, in as little as a schedule and the monitoring need. A history of a hundred revisions is some
// hundred KiB, its standing less than one, so a daemon can hold those of ten thousand jobs.
#pragma once

#include <backy/history/history.hpp>

namespace backy {

/// The newest revision that counts.
struct last_backup {
    revision_id id;
    timestamp made_at;
    seconds duration{};
    std::vector<std::string> tags;
    byte_count bytes_written = 0;
};
struct tag_use {
    std::string tag;
    std::optional<timestamp> newest;  ///< when the newest revision with it was made; nothing: none of them counts
    std::int64_t revisions = 0;
    byte_count bytes_written = 0;
};

/// Since when something was not done again to the revisions that count; nothing: there are none.
struct proof_times {
    std::optional<timestamp> read_back, compared;  ///< of the newest
    std::optional<timestamp> verified;             ///< of the one whose bytes were not read for the longest time: when they were, or when it was made
};

/// When a revision's bytes were last read, all of them; before that, when it was made. Nothing: they cannot be, it has no digests.
inline std::optional<timestamp> read_at(const revision& r) {
    if (!r.digests) return std::nullopt;
    return r.verified ? std::max(r.verified->at, r.made_at) : r.made_at;
}

/// Of those that count, the oldest first.
inline std::vector<revision> unread_since(const history& h, timestamp t) {
    std::vector<revision> all;
    for (const auto& r : h.revisions)
        if (const auto at = read_at(r); r.counts() && at && *at <= t) all.push_back(r);
    return all;
}

struct standing {
    std::optional<last_backup> newest;
    std::vector<tag_use> tags;           ///< every tag that a revision carries
    std::int64_t revisions = 0, distrusted = 0;
    proof_times proofs;
    std::vector<std::string> damaged;    ///< why, one line for each
    std::vector<std::string> strangers;  ///< what belongs to no revision

    std::optional<timestamp> newest_with(std::string_view tag) const {
        const auto found = std::ranges::find(tags, tag, &tag_use::tag);
        return found == tags.end() ? std::nullopt : found->newest;
    }
};

/// "Newest" is by the order of the history: a clock that was wrong for a day does not hide what came after it.
inline standing standing_of(const history& h) {
    standing s;
    if (const auto* const r = h.newest()) {
        s.newest = {r->id, r->made_at, r->stats.duration, r->tags, r->stats.bytes_written};
        if (r->read_back) s.proofs.read_back = r->read_back->at;
        if (r->compared) s.proofs.compared = r->compared->at;
    }
    s.revisions = static_cast<std::int64_t>(h.revisions.size());
    for (const auto& r : h.revisions) {
        if (!r.counts()) ++s.distrusted;
        else if (const auto at = read_at(r)) s.proofs.verified = std::min(s.proofs.verified.value_or(*at), *at);
        for (const auto& tag : r.tags) {
            auto use = std::ranges::find(s.tags, tag, &tag_use::tag);
            if (use == s.tags.end()) use = s.tags.insert(use, {tag, {}, 0, 0});
            if (r.counts()) use->newest = r.made_at;
            ++use->revisions;
            use->bytes_written += r.stats.bytes_written;
        }
    }
    for (const auto& d : h.damaged) s.damaged.push_back(d.why);
    s.strangers = h.strangers;
    return s;
}

}  // namespace backy
