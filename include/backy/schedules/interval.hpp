// SPDX-License-Identifier: GPL-3.0-or-later
// schedules::interval models Schedule: each tag has an interval and a number of revisions to keep.
#pragma once

#include <backy/concepts/schedule.hpp>
#include <backy/core/name.hpp>
#include <backy/history/tags.hpp>

namespace backy::schedules {

class interval {
public:
    static constexpr auto type = name<"interval">;
    struct rule {
        std::string tag;
        std::chrono::seconds every;
        std::int64_t keep;
    };
    /// A table of tags: `daily = { interval = "1d", keep = 7 }`.
    struct config {
        std::vector<rule> rules;
        static config from(const section& table) {
            config c;
            for (const auto& e : table.entries()) {
                if (!is_tag(e.key)) table.refuse(e.key, "is no tag (letters, digits, _ - . : and not digits alone)");
                const auto settings = table.get<section>(e.key);
                settings.allow_only({"interval", "keep"});
                const auto every = parse_duration(settings.get<std::string>("interval"));
                if (!every) settings.refuse("interval", "must be a number with s, m, h, d or w, as in \"1d\"");
                const auto keep = settings.get<std::int64_t>("keep");
                if (keep < 1) settings.refuse("keep", "must be 1 or more");
                c.rules.push_back({e.key, *every, keep});
            }
            return c;
        }
    };

    explicit interval(config c) : config_(std::move(c)) {}
    std::optional<std::chrono::seconds> interval_of(const std::string& tag) const {
        const auto found = std::ranges::find(config_.rules, tag, &rule::tag);
        return found == config_.rules.end() ? std::nullopt : std::optional(found->every);
    }

private:
    config config_;
};
static_assert(Schedule<interval>);

}  // namespace backy::schedules
