// SPDX-License-Identifier: GPL-3.0-or-later
// schedules::interval models Schedule: each tag has an interval and a number of revisions to keep.
#pragma once

#include <backy/concepts/schedule.hpp>
#include <backy/core/name.hpp>
#include <backy/core/sha256.hpp>
#include <backy/history/tags.hpp>

#include <range/v3/algorithm/min.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/remove_if.hpp>
#include <range/v3/view/transform.hpp>

#include <map>

namespace backy::schedules {

/// Time is cut into intervals that are counted from 1970-01-01 UTC. A tag has its slot once in each, at the job's own offset, the
/// same for all its tags: slots of intervals that are multiples of each other fall together, and one revision carries all their tags.
class interval {
public:
    static constexpr auto type = name<"interval">;
    struct rule {
        std::string tag;
        std::chrono::seconds every;
        std::int64_t keep;
        bool operator==(const rule&) const = default;
    };
    /// A table of tags: `daily = { interval = "1d", keep = 7 }`; and in it `proof = { compared = "2d", verified = "30d" }`.
    struct config {
        std::vector<rule> rules;  ///< the shortest interval first, equal ones by name
        proof_limits proofs = {};
        bool operator==(const config&) const = default;
        static config from(const section& table) {
            config c;
            for (const auto& e : table.entries()) {
                if (e.key == "proof") {
                    c.proofs = proofs_from(table.get<section>(e.key));
                    continue;
                }
                if (!is_tag(e.key)) table.refuse(e.key, "is no tag (letters, digits, _ - . : and not digits alone)");
                const auto settings = table.get<section>(e.key);
                settings.allow_only({"interval", "keep"});
                const auto every = parse_duration(settings.get<std::string>("interval"));
                if (!every) settings.refuse("interval", "must be a number with s, m, h, d or w, as in \"1d\"");
                const auto keep = settings.get<std::int64_t>("keep");
                if (keep < 1 || keep > most_kept) settings.refuse("keep", "must be from 1 to " + std::to_string(most_kept));
                c.rules.push_back({e.key, *every, keep});
            }
            std::ranges::sort(c.rules, {}, [](const rule& r) { return std::tuple(r.every, r.tag); });
            return c;
        }
        static proof_limits proofs_from(const section& table) {
            table.allow_only({"read_back", "compared", "verified"});
            const auto limit = [&](const char* key) { return table.has(key) ? std::optional(table.duration(key, "")) : std::nullopt; };
            return {limit("read_back"), limit("compared"), limit("verified")};
        }
    };

    explicit interval(config c) : rules_(std::move(c.rules)), proofs_(c.proofs) {}

    std::vector<std::string> tags() const { return rules_ | ranges::views::transform(&rule::tag) | ranges::to<std::vector>(); }
    std::optional<std::chrono::seconds> interval_of(const std::string& tag) const {
        const auto found = std::ranges::find(rules_, tag, &rule::tag);
        return found == rules_.end() ? std::nullopt : std::optional(found->every);
    }

    proof_limits proofs() const { return proofs_; }

    /// The next slot; or, where that is more than five minutes later, the moment from which a tag is missed. A job without any
    /// revision that counts is owed one since `now`.
    std::optional<timestamp> next_run(const std::string& job, const standing& known, timestamp now) const {
        if (rules_.empty()) return std::nullopt;
        if (!known.newest) return now;
        const auto offset = offset_of(job);
        const auto slot = ranges::min(rules_ | ranges::views::transform([&](const rule& r) { return slot_after(now, r, offset); }));
        const auto owed = ranges::min(rules_ | ranges::views::transform([&](const rule& r) { return missed_from(r, known, now); }));
        return std::max(owed, now) + near < slot ? owed : slot;
    }

    std::vector<std::string> tags_due(const std::string& job, const standing& known, timestamp after, timestamp until) const {
        const auto offset = offset_of(job);
        return rules_ | ranges::views::filter([&](const rule& r) {
                   return slot_after(after, r, offset) <= until || missed_from(r, known, until) <= until;
               }) | ranges::views::transform(&rule::tag) | ranges::to<std::vector>();
    }

    /// A tag is lost when `keep` newer revisions that count carry it *and* the revision is older than keep × interval.
    expiry expired(const history& h, timestamp now) const {
        expiry e;
        const auto last = h.newest() ? h.newest()->id : revision_id();
        std::map<std::string, std::int64_t> newer;  // of the revisions looked at so far, those that count, by tag
        for (const auto& r : h.revisions | ranges::views::reverse) {
            const auto has_run_out = [&](const std::string& tag) {
                const auto found = std::ranges::find(rules_, tag, &rule::tag);
                return found != rules_.end() && newer[tag] >= found->keep &&
                       seconds(now - r.made_at) > static_cast<double>(found->keep) * seconds(found->every);
            };
            const auto kept = r.tags | ranges::views::remove_if(has_run_out) | ranges::to<std::vector>();
            if (kept.empty() && r.id != last) e.removed.push_back(r.id);
            else if (kept != r.tags) e.retagged.push_back({r.id, kept});
            if (r.counts())
                for (const auto& tag : r.tags) ++newer[tag];
        }
        std::ranges::reverse(e.removed);  // the oldest goes first
        return e;
    }

private:
    static constexpr std::int64_t most_kept = 100'000;
    static constexpr std::chrono::minutes near{5};  // a slot so close is not worth a run of its own before it (2.2 of the original)

    /// Stable over restarts, machines and versions.
    std::uint64_t offset_of(const std::string& job) const {
        if (rules_.empty()) return 0;
        return std::stoull(sha256_of(job).substr(0, 15), nullptr, 16) % static_cast<std::uint64_t>(rules_.back().every.count());
    }
    /// Strictly after.
    static timestamp slot_after(timestamp t, const rule& r, std::uint64_t offset) {
        const timestamp first{std::chrono::seconds(offset % static_cast<std::uint64_t>(r.every.count()))};
        const auto since = t - first;
        auto passed = since / r.every;
        if (since < timestamp::duration::zero() && since % r.every != timestamp::duration::zero()) --passed;  // rounded down, not to zero
        return first + (passed + 1) * r.every;
    }
    /// A revision dated further ahead than one interval was made by a wrong clock, and does not hold its tag.
    static timestamp missed_from(const rule& r, const standing& known, timestamp now) {
        const auto newest = known.newest_with(r.tag);
        return newest && *newest <= now + r.every ? *newest + r.every : now;
    }
    std::vector<rule> rules_;
    proof_limits proofs_;
};
static_assert(Schedule<interval>);

}  // namespace backy::schedules
