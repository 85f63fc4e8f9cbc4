// SPDX-License-Identifier: GPL-3.0-or-later
// my::calendar models Schedule: every day at one time of UTC, `weekly` on Sundays and `monthly` on the first, and so many of each are kept.
#pragma once

#include <backy/concepts/schedule.hpp>
#include <backy/core/name.hpp>

#include <map>

namespace my {
namespace chrono = std::chrono;

class calendar {
    static constexpr std::array<std::string_view, 3> words{"daily", "weekly", "monthly"};
    static constexpr std::array<chrono::seconds, 3> longest{chrono::days(1), chrono::weeks(1), chrono::days(31)};
    struct rule {
        std::size_t word;
        std::int64_t keep;
        std::string tag() const { return std::string(words[word]); }
    };

public:
    static constexpr auto type = backy::name<"calendar">;
    struct config {  // at = "2h", daily = 7, weekly = 4, monthly = 12
        chrono::seconds at;
        std::vector<rule> rules;
        static config from(const backy::section& table) {
            table.allow_only({"at", "daily", "weekly", "monthly"});
            config c{table.duration("at", "2h"), {}};
            if (c.at >= chrono::days(1)) table.refuse("at", "must be less than a day");
            for (std::size_t i = 0; i < words.size(); ++i)
                if (table.has(words[i])) c.rules.push_back({i, table.get<std::int64_t>(words[i])});
            for (const auto& r : c.rules)
                if (r.keep < 1) table.refuse(words[r.word], "must be 1 or more");
            return c;
        }
    };

    explicit calendar(config c) : config_(std::move(c)) {}

    std::vector<std::string> tags() const {
        std::vector<std::string> all;
        for (const auto& r : config_.rules) all.push_back(r.tag());
        return all;
    }
    std::optional<chrono::seconds> interval_of(const std::string& tag) const {
        const auto* const r = rule_for(tag);
        return r ? std::optional(longest[r->word]) : std::nullopt;
    }
    backy::proof_limits proofs() const { return {}; }

    std::optional<backy::timestamp> next_run(const std::string&, const backy::standing& known, backy::timestamp now) const {
        std::optional<backy::timestamp> next;
        for (const auto& r : config_.rules) {
            auto turn = last_turn(r, now);  // owed since then, if it was not made
            if (!known.newest) turn = now;
            else if (is_made(r, known, now))
                for (turn += chrono::days(1); last_turn(r, turn) != turn;) turn += chrono::days(1);
            next = std::min(next.value_or(turn), turn);
        }
        return next;
    }
    std::vector<std::string> tags_due(const std::string&, const backy::standing& known, backy::timestamp after, backy::timestamp until) const {
        std::vector<std::string> due;
        for (const auto& r : config_.rules)
            if (last_turn(r, until) > after || !is_made(r, known, until)) due.push_back(r.tag());
        return due;
    }
    backy::expiry expired(const backy::history& h, backy::timestamp) const {
        backy::expiry e;
        std::map<std::string, std::int64_t> newer;
        for (auto r = h.revisions.rbegin(); r != h.revisions.rend(); ++r) {
            std::vector<std::string> kept;
            for (const auto& tag : r->tags)
                if (const auto* const known = rule_for(tag); !known || newer[tag] < known->keep) kept.push_back(tag);
            if (kept.empty() && &*r != h.newest()) e.removed.insert(e.removed.begin(), r->id);  // the oldest goes first
            else if (kept != r->tags) e.retagged.push_back({r->id, kept});
            if (r->counts())
                for (const auto& tag : r->tags) ++newer[tag];
        }
        return e;
    }

private:
    const rule* rule_for(const std::string& tag) const {
        const auto found = std::ranges::find(config_.rules, tag, &rule::tag);
        return found == config_.rules.end() ? nullptr : &*found;
    }
    /// The last one that is not after t.
    backy::timestamp last_turn(const rule& r, backy::timestamp t) const {
        auto day = chrono::floor<chrono::days>(t - config_.at);
        if (words[r.word] == "weekly") day -= chrono::weekday(day) - chrono::Sunday;
        if (words[r.word] == "monthly") day -= chrono::year_month_day(day).day() - chrono::day(1);
        return day + config_.at;
    }
    /// Since its last turn. One dated in the future was made by a wrong clock.
    bool is_made(const rule& r, const backy::standing& known, backy::timestamp now) const {
        const auto newest = known.newest_with(r.tag());
        return newest && *newest >= last_turn(r, now) && *newest <= now;
    }
    config config_;
};
static_assert(backy::Schedule<calendar>);

}  // namespace my
