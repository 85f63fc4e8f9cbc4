// SPDX-License-Identifier: GPL-3.0-or-later
#include <backy/config/document.hpp>
#include <backy/scheduler/scrub.hpp>
#include <backy/schedules/interval.hpp>

#include <catch2/catch.hpp>

using namespace backy;
using namespace backy::scheduler;
using namespace std::chrono_literals;

namespace {

const timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
constexpr std::chrono::days month{30};

auto schedule_of(const std::string& text) {
    return std::make_shared<const schedules::interval>(schedules::interval::config::from(config::parse(text, "f")));
}
constexpr auto* daily = "daily = { interval = \"1d\", keep = 3 }\n";

/// A job whose newest revision was made an hour ago.
void add(agenda<schedules::interval>& a, const std::string& name, std::optional<timestamp> verified, const std::string& proof = "") {
    standing s;
    s.newest = {"id", now - 1h, 1s, {"daily"}, 0};
    s.tags.push_back({"daily", now - 1h, 1, 0});
    s.proofs.verified = verified;
    a.add(name, schedule_of(daily + proof), now);
    a.know(name, s, now);
}

}  // namespace

TEST_CASE("scrub: the sooner of what the schedule promises and of what is scrubbed anyway") {
    const auto limit = [](const std::string& proof, std::optional<std::chrono::seconds> every) { return limits_of(*schedule_of(daily + proof), every).verified; };
    CHECK(!limit("", std::nullopt));
    CHECK(limit("", month) == month);
    CHECK(limit("proof = { verified = \"7d\" }", month) == std::chrono::days(7));
    CHECK(limit("proof = { verified = \"60d\" }", month) == month);
    CHECK(limit("proof = { verified = \"7d\" }", std::nullopt) == std::chrono::days(7));
    CHECK(limits_of(*schedule_of(daily + std::string("proof = { compared = \"2d\" }")), month).compared == std::chrono::days(2));
}

TEST_CASE("scrub: the job that is nearest to its limit is next, from three quarters of it on") {
    agenda<schedules::interval> a;
    add(a, "fresh", now - 22 * 24h);
    CHECK(!next_to_scrub(a, month, {}, now));
    add(a, "none", std::nullopt);
    CHECK(!next_to_scrub(a, month, {}, now));
    add(a, "old", now - 23 * 24h);
    CHECK(next_to_scrub(a, month, {}, now) == "old");
    add(a, "older", now - 24 * 24h);
    CHECK(next_to_scrub(a, month, {}, now) == "older");
    add(a, "promised", now - 6 * 24h, "proof = { verified = \"7d\" }");
    CHECK(next_to_scrub(a, month, {}, now) == "promised");
    CHECK(next_to_scrub(a, month, {{"promised", now + 1h}}, now) == "older");
    CHECK(next_to_scrub(a, month, {{"promised", now + 1h}}, now + 2h) == "promised");
    CHECK(next_to_scrub(a, std::nullopt, {}, now) == "promised");
    a.run_now("promised", now);
    a.start(now);
    CHECK(next_to_scrub(a, month, {}, now) == "older");
}

TEST_CASE("agenda: quiet is when nothing runs, waits for a worker or is due soon") {
    agenda<schedules::interval> a;
    a.limit(1);
    CHECK(a.is_quiet(now, 1min));
    add(a, "one", now);
    const auto due = *a.find("one")->due;
    CHECK(a.is_quiet(now, 1min));
    CHECK(!a.is_quiet(due - 1min, 1min));
    CHECK(a.start(due).size() == 1);
    CHECK(!a.is_quiet(due, 1min));
    a.ended("one", outcome::failure, a.find("one")->standing, due);
    CHECK(a.is_quiet(due, 1min));  // it comes back in two
    CHECK(!a.is_quiet(due, 2min));
}
