// SPDX-License-Identifier: GPL-3.0-or-later
// Scrub: the bytes of every revision are read again after some time, one job at once and only while no backup wants the disks.
#pragma once

#include <backy/scheduler/agenda.hpp>

namespace backy::scheduler {

/// How old the last reading of a job's bytes may become: as its schedule promises it, or as all are scrubbed, whichever is sooner.
template <Schedule P>
proof_limits limits_of(const P& schedule, const std::optional<std::chrono::seconds>& scrub_every) {
    auto limits = schedule.proofs();
    if (scrub_every) limits.verified = std::min(limits.verified.value_or(*scrub_every), *scrub_every);
    return limits;
}

/// Reading begins at three quarters of the limit: time for days on which the disks are never free.
inline std::chrono::seconds begins_after(std::chrono::seconds limit) { return limit - limit / 4; }

/// The job that is nearest to its limit, of those that may be begun now; nothing: none. `later`: not before that, whatever its limit is.
template <Schedule P>
std::optional<std::string> next_to_scrub(const agenda<P>& agenda, const std::optional<std::chrono::seconds>& scrub_every,
                                         const std::map<std::string, timestamp>& later, timestamp now) {
    std::optional<std::string> next;
    timestamp nearest = timestamp::max();
    for (const auto& [name, j] : agenda.jobs()) {
        const auto limit = limits_of(*j.schedule, scrub_every).verified;
        const auto& read = j.standing.proofs.verified;
        if (!limit || !read || j.state != state::waiting || *read + begins_after(*limit) > now) continue;
        if (const auto pause = later.find(name); pause != later.end() && pause->second > now) continue;
        if (*read + *limit < nearest) next = name, nearest = *read + *limit;
    }
    return next;
}

}  // namespace backy::scheduler
