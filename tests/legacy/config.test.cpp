// SPDX-License-Identifier: GPL-3.0-or-later
#include <backy/config/document.hpp>
#include <backy/legacy/config.hpp>

#include <catch2/catch.hpp>

using namespace backy;
using legacy::parse_yaml;

TEST_CASE("old configurations: a source keeps its keys, but for how it was stored") {
    CHECK(config::print(legacy::source_of(parse_yaml("type: ceph-rbd\npool: 5\nimage: x\nfull-always: Yes\nbackend: cowfile\ncow: false\n", "old"))) ==
          "type = \"ceph-rbd\"\npool = \"5\"\nimage = \"x\"\nfull-always = true\n");
    CHECK(config::print(legacy::source_of(parse_yaml("type: flyingcircus\nconsul_acl_token:\nvm: v\n", "old"))) == "type = \"flyingcircus\"\nvm = \"v\"\n");
}

TEST_CASE("old configurations: intervals of digits alone are seconds, numbers are numbers") {
    CHECK(config::print(legacy::schedule_of(parse_yaml("daily: {interval: 1d, keep: 9}\nfast: {interval: '5', keep: x}\n", "old"))) ==
          "\n[daily]\ninterval = \"1d\"\nkeep = 9\n\n[fast]\ninterval = \"5s\"\nkeep = \"x\"\n");
    CHECK(config::print(legacy::global_of(parse_yaml("worker-limit: 3\ntelnet-port: '6023'\nstatus-interval: 1h\nbase-dir: /7\n", "old"))) ==
          "worker-limit = 3\ntelnet-port = 6023\nstatus-interval = \"1h\"\nbase-dir = \"/7\"\n");
}

TEST_CASE("old configurations: what is wrong with a value is said with its place in the old file") {
    const auto table = legacy::schedule_of(parse_yaml("daily:\n  interval: 1d\n  keep: many\n", "old"));
    CHECK_THROWS_WITH(table.get<section>("daily").get<std::int64_t>("keep"), "old:3:3: daily.keep: must be a whole number");
}

TEST_CASE("old configurations: a job's own, before and after 2.5") {
    const auto before = legacy::job_config_of(parse_yaml("type: file\nfilename: /x\n", "old"));
    CHECK(before.source.get<std::string>("filename") == "/x");
    CHECK(before.schedule.entries().empty());
    const auto after = legacy::job_config_of(parse_yaml("schedule:\n  daily: {interval: 1d, keep: 7}\nsource:\n  type: file\n  filename: /x\n", "old"));
    CHECK(after.source.get<std::string>("type") == "file");
    CHECK(after.schedule.get<section>("daily").get<std::int64_t>("keep") == 7);
    CHECK_THROWS_WITH(legacy::job_config_of(parse_yaml("source: {}\nother: 1\n", "old")), "old:2:1: other: unknown key; known here: source, schedule, path");
}
