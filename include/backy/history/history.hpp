// SPDX-License-Identifier: GPL-3.0-or-later
// History: the revisions of one repository in their order, and what in it deserves a look.
#pragma once

#include <backy/history/revision.hpp>

#include <range/v3/view/filter.hpp>
#include <range/v3/view/reverse.hpp>

#include <algorithm>
#include <tuple>

namespace backy {

/// Metadata that could not be understood: the revision exists, but nothing is known of it and nothing is done to it.
struct damaged_revision {
    revision_id id;
    std::string why;
};

struct history {
    std::vector<revision> revisions;  ///< oldest first
    std::vector<damaged_revision> damaged;
    std::vector<std::string> strangers;  ///< what belongs to no revision: reported, never touched

    /// By sequence; those without one stand before them, by time.
    void sort() {
        std::ranges::sort(revisions, {}, [](const revision& r) { return std::tuple(r.sequence.value_or(0), r.made_at, r.id); });
    }
    const revision* find(const revision_id& id) const {
        const auto found = std::ranges::find(revisions, id, &revision::id);
        return found == revisions.end() ? nullptr : &*found;
    }
    bool has(const revision_id& id) const { return find(id) != nullptr || std::ranges::count(damaged, id, &damaged_revision::id) > 0; }

    /// Those that count, newest first.
    auto counting() const { return revisions | ranges::views::reverse | ranges::views::filter(&revision::counts); }
    /// The newest one that counts: `last`, and the parent of the next.
    const revision* newest() const {
        for (const auto& r : counting()) return &r;
        return nullptr;
    }
    std::uint64_t next_sequence() const { return revisions.empty() ? 1 : revisions.back().sequence.value_or(0) + 1; }

    history without(const std::vector<revision_id>& ids) const {
        auto rest = *this;
        std::erase_if(rest.revisions, [&](const revision& r) { return std::ranges::count(ids, r.id) > 0; });
        std::erase_if(rest.damaged, [&](const damaged_revision& r) { return std::ranges::count(ids, r.id) > 0; });
        return rest;
    }
    /// With this one's metadata in place of the old ones.
    history with(const revision& changed) const {
        auto all = without({changed.id});
        all.revisions.push_back(changed);
        all.sort();
        return all;
    }
};

}  // namespace backy
