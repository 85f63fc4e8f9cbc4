// SPDX-License-Identifier: GPL-3.0-or-later
#include "calendar.hpp"

#include <backy/conformance/small_suites.hpp>

using namespace std::chrono;

TEST_CASE("calendar: conforms") {
    backy::conformance::schedule_suite<my::calendar>(backy::section().set("daily", {std::int64_t{7}}).set("weekly", {std::int64_t{4}}));
}

TEST_CASE("calendar: a month") {
    const my::calendar schedule(my::calendar::config::from(backy::section().set("at", {std::string("3h")}).set("daily", {std::int64_t{2}}).set(
        "weekly", {std::int64_t{1}}).set("monthly", {std::int64_t{1}})));
    backy::history h;
    std::string line;
    for (backy::timestamp now = sys_days(2027y / January / 29); now < sys_days(2027y / February / 9); ++now += hours(1)) {
        const auto known = backy::standing_of(h);
        if (*schedule.next_run("vm1", known, now) > now) continue;
        backy::revision r;
        r.id = std::to_string(h.revisions.size());
        r.sequence = h.revisions.size() + 1;
        r.made_at = now;
        r.tags = schedule.tags_due("vm1", known, now, now);
        line += (line.empty() ? "" : " ") + std::to_string(unsigned(year_month_day(floor<days>(now)).day())) + ":" + backy::join(r.tags, "+");
        h.revisions.push_back(r);
    }
    // January 31st and February 7th of 2027 are Sundays
    CHECK(line == "29:daily+weekly+monthly 29:daily 30:daily 31:daily+weekly 1:daily+monthly 2:daily 3:daily 4:daily 5:daily 6:daily 7:daily+weekly 8:daily");
    CHECK(schedule.expired(h, sys_days(2027y / February / 9)).removed.size() == h.revisions.size() - 3);  // the last two days, and that of February 1st
}
