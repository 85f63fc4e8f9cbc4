// SPDX-License-Identifier: GPL-3.0-or-later
// Report: how the jobs of a scheduler are. The daemon makes it, the status file holds it (docs/format.md), the shell and `check`
// tell it.
#pragma once

#include <backy/concepts/schedule.hpp>
#include <backy/monitoring/json.hpp>

namespace backy {

void fields(auto& visit, auto& s)
    requires std::same_as<std::remove_cvref_t<decltype(s)>, tag_use>
{
    visit("tag", s.tag), visit("newest", s.newest), visit("revisions", s.revisions), visit("bytes_written", s.bytes_written);
}

}  // namespace backy

namespace backy::monitoring {

struct tag_report {
    std::string tag;
    std::optional<timestamp> last, late_from;  ///< nothing: no revision that counts carries it

    friend void fields(auto& visit, auto& t)
        requires std::same_as<std::remove_cvref_t<decltype(t)>, tag_report>
    {
        visit("tag", t.tag), visit("last", t.last), visit("late_from", t.late_from);
    }
};

/// One thing that is to be done to a job's bytes again and again.
struct proof_report {
    std::string what;
    std::optional<timestamp> last, late_from;

    bool late(timestamp now) const { return !late_from || now > *late_from; }

    friend void fields(auto& visit, auto& p)
        requires std::same_as<std::remove_cvref_t<decltype(p)>, proof_report>
    {
        visit("what", p.what), visit("last", p.last), visit("late_from", p.late_from);
    }
};

struct job_report {
    std::string job, state;
    bool known = false;  ///< its repository was looked at
    std::optional<timestamp> last, late_from;
    std::string last_id;
    std::vector<std::string> last_tags;
    seconds last_duration{};
    std::optional<timestamp> next;
    std::vector<std::string> next_tags;
    std::vector<tag_report> tags;
    std::vector<proof_report> proofs;  ///< that the schedule promises, once there is a revision; of the daemon's report only what is late, or will be within a day
    std::int64_t failures = 0;  ///< in a row
    std::string trouble;        ///< of the last run; empty: there was none
    std::int64_t distrusted = 0;
    std::vector<std::string> damaged, strangers;
    std::vector<tag_use> tags_by_hand;  ///< that the schedule does not know
    bool beside_volume = false;                   ///< the volume is on the filesystem of its backups

    bool late(timestamp now) const { return known && (!last || !late_from || now > *late_from); }

    friend void fields(auto& visit, auto& j)
        requires std::same_as<std::remove_cvref_t<decltype(j)>, job_report>
    {
        visit("job", j.job), visit("state", j.state), visit("known", j.known), visit("last", j.last), visit("late_from", j.late_from);
        visit("last_id", j.last_id), visit("last_tags", j.last_tags), visit("last_duration", j.last_duration);
        visit("next", j.next), visit("next_tags", j.next_tags), visit("tags", j.tags), visit("proofs", j.proofs), visit("failures", j.failures), visit("trouble", j.trouble);
        visit("distrusted", j.distrusted), visit("damaged", j.damaged), visit("strangers", j.strangers);
        visit("tags_by_hand", j.tags_by_hand), visit("beside_volume", j.beside_volume);
    }
};

struct orphan_report {  ///< a directory that no job owns
    std::string name;
    byte_count bytes = 0;

    friend void fields(auto& visit, auto& o)
        requires std::same_as<std::remove_cvref_t<decltype(o)>, orphan_report>
    {
        visit("name", o.name), visit("bytes", o.bytes);
    }
};

struct space_report {  ///< of one kind: "data", "metadata"
    std::string kind;
    byte_count free = 0, needed = 0;

    friend void fields(auto& visit, auto& s)
        requires std::same_as<std::remove_cvref_t<decltype(s)>, space_report>
    {
        visit("kind", s.kind), visit("free", s.free), visit("needed", s.needed);
    }
};

struct report {
    static constexpr std::int64_t format_known = 1;
    std::int64_t format = format_known;
    timestamp written;
    std::vector<job_report> jobs;
    std::vector<orphan_report> orphans;
    std::vector<space_report> space;
    std::vector<std::string> trouble;  ///< of the daemon itself: a clock that jumped, a configuration that was refused

    static constexpr auto* long_list = "jobs";
    static auto& elements_of(report& r) { return r.jobs; }
    friend void fields(auto& visit, auto& r)
        requires std::same_as<std::remove_cvref_t<decltype(r)>, report>
    {
        visit("format", r.format), visit("written", r.written), visit("jobs", r.jobs), visit("orphans", r.orphans), visit("space", r.space);
        visit("trouble", r.trouble);
    }
};

/// 1.5 times the interval after the newest: an interval, and half of one for the run itself and a queue before it.
inline timestamp late_after(timestamp last, std::chrono::seconds interval) { return last + std::chrono::microseconds(interval) * 3 / 2; }

/// What the schedule promises to be done to the bytes, and what was. Without a revision that counts: nothing, for that is late itself.
inline std::vector<proof_report> judge_proofs(const standing& known, const proof_limits& limits) {
    std::vector<proof_report> all;
    if (!known.newest) return all;
    const auto add = [&](const char* what, const std::optional<timestamp>& last, const std::optional<std::chrono::seconds>& limit) {
        if (limit) all.push_back({what, last, last ? std::optional(*last + *limit) : std::nullopt});
    };
    add("read_back", known.proofs.read_back, limits.read_back);
    add("compared", known.proofs.compared, limits.compared);
    add("verified", known.proofs.verified, limits.verified);
    return all;
}

/// What the schedule makes of a repository's standing: how old its backups may become. `limits`: the schedule's, or tighter ones.
void judge(job_report& j, const standing& known, const Schedule auto& schedule, const proof_limits& limits) {
    j.known = true;
    const auto promised = schedule.tags();
    if (known.newest) {
        j.last = known.newest->made_at;
        j.last_id = known.newest->id;
        j.last_duration = known.newest->duration;
        j.last_tags = known.newest->tags;
        if (!promised.empty()) j.late_from = late_after(*j.last, *schedule.interval_of(promised.front()));
    }
    for (const auto& tag : promised) {
        const auto last = known.newest_with(tag);
        j.tags.push_back({tag, last, last ? std::optional(late_after(*last, *schedule.interval_of(tag))) : std::nullopt});
    }
    j.proofs = judge_proofs(known, limits);
    for (const auto& use : known.tags)
        if (!schedule.interval_of(use.tag)) j.tags_by_hand.push_back(use);
    j.distrusted = known.distrusted;
    j.damaged = known.damaged;
    j.strangers = known.strangers;
}

}  // namespace backy::monitoring
