// SPDX-License-Identifier: GPL-3.0-or-later
#include "conformance/small_suites.hpp"

#include <backy/config/document.hpp>
#include <backy/schedules/interval.hpp>

using namespace backy;

TEST_CASE("interval schedule: conforms") {
    conformance::schedule_suite<schedules::interval>(config::parse("daily = { interval = \"1d\", keep = 7 }\nweekly = { interval = \"1w\", keep = 4 }", "f"));
}

TEST_CASE("interval schedule: what is wrong in its table is said with its place") {
    const auto from = [](const std::string& text) { return schedules::interval::config::from(config::parse(text, "f")); };
    CHECK_THROWS_WITH(from("daily = 7"), "f:1:1: daily: must be a table");
    CHECK_THROWS_WITH(from("daily = { interval = \"1y\", keep = 7 }"), "f:1:11: daily.interval: must be a number with s, m, h, d or w, as in \"1d\"");
    CHECK_THROWS_WITH(from("daily = { interval = \"1d\", keep = 0 }"), "f:1:28: daily.keep: must be 1 or more");
    CHECK_THROWS_WITH(from("daily = { interval = \"1d\" }"), Catch::EndsWith("daily.keep: missing"));
    CHECK_THROWS_WITH(from("daily = { interval = \"1d\", keep = 1, kep = 2 }"), "f:1:38: daily.kep: unknown key; known here: interval, keep");
    CHECK_THROWS_WITH(from("\"a b\" = { interval = \"1d\", keep = 1 }"), Catch::StartsWith("f:1:1: a b: is no tag"));
}
