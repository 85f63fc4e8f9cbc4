// SPDX-License-Identifier: GPL-3.0-or-later
// What check, metrics and the jobs table are told: how every job stands, and what is needed of the room there is.
#pragma once

#include <backy/monitoring/check.hpp>
#include <backy/scheduler/agenda.hpp>
#include <backy/scheduler/scrub.hpp>
#include <backy/scheduler/survey.hpp>

namespace backy::scheduler {

namespace detail {

template <Schedule P>
std::string state_text(const typename agenda<P>::job& j) {
    switch (j.state) {
        case state::unknown: return "scanning";
        case state::queued: return "queued (" + name_of(j.pool) + ")";
        case state::running: return "running (" + name_of(j.pool) + ")";
        case state::waiting: break;
    }
    return j.failures > 0 ? "waiting (retry)" : "waiting";
}

}  // namespace detail

/// Without what is wrong with the daemon itself. `look_trouble`: of repositories that cannot be read.
template <Schedule P>
monitoring::report overview(const agenda<P>& agenda, const survey& found, const std::map<std::string, std::string>& look_trouble,
                            const std::optional<std::chrono::seconds>& scrub_every, timestamp now) {
    monitoring::report r;
    r.written = now;
    byte_count data_needed = 0;
    std::int64_t revisions = 0, runs = 0;
    for (const auto& [name, j] : agenda.jobs()) {
        if (j.removed) continue;
        auto& one = r.jobs.emplace_back();
        one.job = name;
        one.state = detail::state_text<P>(j);
        if (j.state != state::unknown) monitoring::judge(one, j.standing, *j.schedule, limits_of(*j.schedule, scrub_every));
        std::erase_if(one.proofs, [&](const auto& p) { return p.late_from && *p.late_from > r.written + std::chrono::days(1); });  // most of them, of 10,000 jobs
        if (j.due) one.next = j.wakes(), one.next_tags = agenda.next_tags(name);
        one.failures = j.failures;
        one.trouble = j.trouble;
        if (const auto why = look_trouble.find(name); why != look_trouble.end()) one.damaged.push_back(why->second);
        one.beside_volume = found.beside.contains(name);
        revisions += j.standing.revisions;
        if (!one.next || *one.next > r.written + std::chrono::days(1)) continue;
        ++runs;
        if (j.standing.newest && j.standing.revisions > 1) data_needed += j.standing.newest->bytes_written;
    }
    r.orphans = found.orphans;
    for (const auto& room : found.rooms) {
        // a revision takes of the metadata what those that are there take on average
        const auto needed = room.kind == "data" ? data_needed : revisions > 0 ? room.used / static_cast<byte_count>(revisions) * static_cast<byte_count>(runs) : 0;
        r.space.push_back({room.kind, room.free, needed});
    }
    return r;
}

}  // namespace backy::scheduler
