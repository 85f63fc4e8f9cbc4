// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: schedules/interval history/standing
#include <backy/config/document.hpp>
#include <backy/conformance/small_suites.hpp>
#include <backy/schedules/interval.hpp>

using namespace backy;

TEST_CASE("interval schedule: conforms") {
    conformance::schedule_suite<schedules::interval>(config::parse("daily = { interval = \"1d\", keep = 7 }\nweekly = { interval = \"1w\", keep = 4 }", "f"));
}

TEST_CASE("interval schedule: what is wrong in its table is said with its place") {
    const auto from = [](const std::string& text) { return schedules::interval::config::from(config::parse(text, "f")); };
    CHECK_THROWS_WITH(from("daily = 7"), "f:1:1: daily: must be a table");
    CHECK_THROWS_WITH(from("daily = { interval = \"1y\", keep = 7 }"), "f:1:11: daily.interval: must be a number with s, m, h, d or w, as in \"1d\"");
    CHECK_THROWS_WITH(from("daily = { interval = \"1d\", keep = 0 }"), "f:1:28: daily.keep: must be from 1 to 100000");
    CHECK_THROWS_WITH(from("daily = { interval = \"1d\" }"), Catch::EndsWith("daily.keep: missing"));
    CHECK_THROWS_WITH(from("daily = { interval = \"1d\", keep = 1, kep = 2 }"), "f:1:38: daily.kep: unknown key; known here: interval, keep");
    CHECK_THROWS_WITH(from("\"a b\" = { interval = \"1d\", keep = 1 }"), Catch::StartsWith("f:1:1: a b: is no tag"));
}

namespace {

timestamp at(const std::string& text) {  // "2015-09-01 07:06:47"
    return timestamp(*parse_date(text.substr(0, 10))) + std::chrono::hours(std::stoi(text.substr(11, 2))) +
           std::chrono::minutes(std::stoi(text.substr(14, 2))) + std::chrono::seconds(std::stoi(text.substr(17, 2)));
}
schedules::interval schedule_of(const std::string& text) { return schedules::interval(schedules::interval::config::from(config::parse(text, "f"))); }

history history_of(const std::vector<std::pair<timestamp, std::string>>& revisions) {
    history h;
    for (const auto& [made_at, tags] : revisions) {
        revision r;
        r.id = "r" + std::to_string(h.revisions.size());
        r.sequence = h.revisions.size() + 1;
        r.made_at = made_at;
        r.tags = parse_tags(tags);
        h.revisions.push_back(r);
    }
    return h;
}
using tags = std::vector<std::string>;
constexpr std::chrono::microseconds tick{1};

}  // namespace

TEST_CASE("interval schedule: a job has its own time of day, the same every day and for all its tags") {
    const auto s = schedule_of("daily = { interval = \"1d\", keep = 7 }\nweekly = { interval = \"1w\", keep = 4 }\nhourly = { interval = \"1h\", keep = 1 }");
    // the first 15 digits of SHA-256("test01") modulo a week: 596,974 s, which is 21:49:34 on the sixth day after a Thursday
    const auto weekly_slot = at("2015-09-02 21:49:34");
    auto now = at("2015-09-02 21:49:33");
    const auto fresh = [&] { return standing_of(history_of({{now, "daily,weekly,hourly"}})); };
    CHECK(to_text(*s.next_run("test01", fresh(), now)) == to_text(weekly_slot));
    CHECK(s.tags_due("test01", fresh(), weekly_slot - tick, weekly_slot) == tags{"hourly", "daily", "weekly"});
    now = weekly_slot;  // exactly at a slot it is past
    CHECK(to_text(*s.next_run("test01", fresh(), now)) == "2015-09-02 22:49:34");
    CHECK(s.tags_due("test01", fresh(), now, now + std::chrono::hours(1)) == tags{"hourly"});
    CHECK(s.tags_due("test01", fresh(), now, now + std::chrono::hours(23) - tick) == tags{"hourly"});
    CHECK(s.tags_due("test01", fresh(), now + std::chrono::hours(23), now + std::chrono::hours(24) - tick) == tags{"hourly"});
    CHECK(s.tags_due("test01", fresh(), now + std::chrono::hours(23), now + std::chrono::hours(24)) == tags{"hourly", "daily"});
    CHECK(*s.next_run("test02", fresh(), now) != *s.next_run("test01", fresh(), now));
    const auto before_1970 = timestamp(std::chrono::sys_days(std::chrono::year(1969) / 7 / 1)) + std::chrono::hours(3);
    const auto daily = schedule_of("daily = { interval = \"1d\", keep = 7 }");
    const auto slot = *daily.next_run("test01", standing_of(history_of({{before_1970, "daily"}})), before_1970);
    CHECK(to_text(slot) == "1969-07-01 21:49:34");
}

TEST_CASE("interval schedule: what was missed is due at once, unless the slot is near") {
    const auto daily = schedule_of("daily = { interval = \"1d\", keep = 7 }");
    const auto slot = *daily.next_run("job", standing_of(history_of({{at("2015-09-01 00:00:00"), "daily"}})), at("2015-09-01 00:00:00"));
    const auto next = [&](timestamp made, timestamp now) { return *daily.next_run("job", standing_of(history_of({{made, "daily"}})), now); };
    using namespace std::chrono;
    CHECK(next(slot - hours(2), slot - hours(1)) == slot);
    CHECK(next(slot - hours(25), slot - minutes(5) - tick) == slot - hours(1));  // owed since an hour before the slot
    CHECK(next(slot - hours(25), slot - minutes(5)) == slot);
    CHECK(next(slot - hours(40), slot - hours(2)) == slot - hours(16));
    CHECK(next(slot - hours(18), slot - hours(17)) == slot);            // a run by hand does not put the slot off
    CHECK(next(slot - hours(3) - days(1), slot - hours(23)) == slot - hours(3));  // it will be missed well before the slot: then it is due
    CHECK(!standing_of(history()).newest);
    CHECK(*daily.next_run("job", {}, slot - hours(2)) == slot - hours(2));  // never backed up: at once
    auto distrusted = history_of({{slot - hours(3), "daily"}});
    distrusted.revisions[0].trust = trust::distrusted;
    CHECK(*daily.next_run("job", standing_of(distrusted), slot - hours(2)) == slot - hours(2));

    const auto three = schedule_of("daily = { interval = \"1d\", keep = 7 }\nweekly = { interval = \"1w\", keep = 4 }\nhourly = { interval = \"1h\", keep = 1 }");
    const auto now = at("2015-09-03 12:00:00");
    const auto late = standing_of(history_of({{now - hours(29), "daily"}}));
    CHECK(*three.next_run("job", late, now) <= now);
    CHECK(three.tags_due("job", late, now - tick, now) == tags{"hourly", "daily", "weekly"});
    const auto unknown = standing_of(history_of({{now, "daily,weekly,hourly,something"}}));
    CHECK(*three.next_run("job", unknown, now) > now);
}

TEST_CASE("interval schedule: a revision dated in the future by a wrong clock holds its tag for no longer than an interval") {
    using namespace std::chrono;
    const auto daily = schedule_of("daily = { interval = \"1d\", keep = 7 }");
    const auto now = at("2015-09-01 12:00:00");
    const auto next = [&](timestamp made) { return *daily.next_run("job", standing_of(history_of({{made, "daily"}})), now); };
    CHECK(next(now + hours(2)) > now);
    CHECK(next(now + hours(2)) <= now + days(1));
    CHECK(next(now + days(400)) == now);
    const auto h = history_of({{now + days(400), "daily"}, {now, "daily"}});
    CHECK(*daily.next_run("job", standing_of(h), now) > now);  // the newest is the last of the history, whatever its date
    CHECK(standing_of(h).newest->made_at == now);
}

TEST_CASE("standing: a revision that does not count holds no tag, and its tags are in use all the same") {
    auto h = history_of({{at("2015-09-01 00:00:00"), "daily"}, {at("2015-09-02 00:00:00"), "daily,weekly"}});
    h.revisions[1].trust = trust::distrusted;
    const auto s = standing_of(h);
    CHECK((s.newest->id == "r0" && s.revisions == 2 && s.distrusted == 1));
    CHECK(s.newest_with("daily") == at("2015-09-01 00:00:00"));
    CHECK(!s.newest_with("weekly"));
    CHECK((s.tags.size() == 2 && s.tags[0].revisions == 2 && s.tags[1].revisions == 1));
}

TEST_CASE("interval schedule: a tag runs out when there are enough newer ones and its time is over") {
    using namespace std::chrono;
    const auto s = schedule_of("daily = { interval = \"1d\", keep = 5 }");
    const auto now = at("2015-05-10 10:00:00");
    const std::vector<std::pair<timestamp, std::string>> five{{now - days(4), "daily"}, {now - days(3), "daily"}, {now - days(2), "daily"}, {now - days(1), "daily"}, {now, "daily"}};
    const auto with = [&](timestamp made, const std::string& carried) {
        auto all = five;
        all.insert(all.begin(), {made, carried});
        return s.expired(history_of(all), now);
    };
    CHECK((s.expired(history_of(five), now).removed.empty() && s.expired(history_of(five), now + days(300)).removed.empty()));
    CHECK(with(at("2015-05-06 11:00:00"), "daily").removed.empty());
    CHECK(with(now - days(5), "daily").removed.empty());  // exactly keep * interval is not older
    CHECK(with(now - days(5) - tick, "daily").removed == std::vector<revision_id>{"r0"});
    const auto tagged = with(at("2015-05-04 11:00:00"), "daily,test");
    CHECK((tagged.removed.empty() && tagged.retagged.size() == 1 && tagged.retagged[0].id == "r0" && tagged.retagged[0].tags == tags{"test"}));

    auto h = history_of({{now - days(9), "daily"}, {now - days(8), "daily"}, {now - days(4), "daily"}, {now - days(3), "daily"}, {now - days(2), "daily"}, {now - days(1), "daily"}});
    CHECK(s.expired(h, now).removed == std::vector<revision_id>{"r0"});
    CHECK(s.expired(h, now + days(1)).removed == std::vector<revision_id>{"r0"});
    h.revisions.push_back(h.revisions.back());
    h.revisions.back().id = "r6";
    CHECK(s.expired(h, now + days(1)).removed == std::vector<revision_id>{"r0", "r1"});  // the oldest first
    h.revisions.pop_back();
    h.revisions[3].trust = trust::distrusted;  // one that does not count does not make others run out
    CHECK(s.expired(h, now).removed.empty());
    h.revisions[3].tags.clear();
    CHECK(s.expired(h, now).removed == std::vector<revision_id>{"r3"});
    auto newest_only = history_of({{now - days(99), "daily"}});
    newest_only.revisions[0].tags.clear();
    CHECK(s.expired(newest_only, now).removed.empty());
}
