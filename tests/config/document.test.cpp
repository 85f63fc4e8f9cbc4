// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: core/section
// TOML to sections and back, and what a section says of values that are wrong.
#include <backy/config/document.hpp>

#include <catch2/catch.hpp>

using namespace backy;
using config::parse;

TEST_CASE("document: every kind of value is read, with the place it stands at") {
    const auto s = parse("a = \"x\"\nb = 7\n[t]\nc = true\nd = [\"p\", \"q\"]\ne = 1.5\nf = 2015-11-04T12:09:26.5+01:00\ng = { h = 1 }\n", "f");
    CHECK(s.get<std::string>("a") == "x");
    CHECK(s.get<std::int64_t>("b") == 7);
    const auto t = s.get<section>("t");
    CHECK(t.get<bool>("c"));
    CHECK(t.strings("d") == std::vector<std::string>{"p", "q"});
    CHECK(t.get<double>("e") == 1.5);
    CHECK(s.get<double>("b") == 7.0);
    CHECK(to_rfc3339(t.get<timestamp>("f")) == "2015-11-04T11:09:26.500000Z");
    CHECK(t.table("g").get<std::int64_t>("h") == 1);
    CHECK_THROWS_WITH(t.table("g").refuse("h", "no"), "f:8:7: t.g.h: no");
    CHECK(s.get<std::int64_t>("absent", 3) == 3);
    CHECK(!s.find<std::string>("absent"));
    CHECK(s.table("absent").entries().empty());
}

TEST_CASE("document: what is wrong is said with file, line, column and key") {
    const auto s = parse("a = 1\n[t]\nb = 2015-11-04\nc = [1]\n", "/etc/x");
    CHECK_THROWS_WITH(s.get<std::string>("a"), "/etc/x:1:1: a: must be a string");
    CHECK_THROWS_WITH(s.get<section>("a"), "/etc/x:1:1: a: must be a table");
    CHECK_THROWS_WITH(s.get<std::string>("zz"), Catch::EndsWith("zz: missing"));
    CHECK_THROWS_WITH(s.table("t").get<timestamp>("b"), "/etc/x:3:1: t.b: must be a date-time with an offset");
    CHECK_THROWS_WITH(s.table("t").strings("c"), "/etc/x:4:1: t.c: must be an array of strings");
    CHECK_THROWS_WITH(s.table("t").allow_only({"b", "d"}), "/etc/x:4:1: t.c: unknown key; known here: b, d");
    CHECK_THROWS_AS(parse("a = \n", "f"), config_error);
    CHECK_THROWS_WITH(parse("x = 1\na = = 2\n", "f"), Catch::StartsWith("f:2:"));
    CHECK_THROWS_AS(parse("a = 1\na = 2\n", "f"), config_error);
    CHECK_THROWS_AS(parse("a = \"\xff\"\n", "f"), config_error);
}

TEST_CASE("document: what is printed reads as the same, whatever is in it") {
    section inner, s;
    inner.set("quote\"d key", {std::string("line\nbreak\t\"\\\x01\x7f é")}).set("empty", {std::string()});
    s.set("plain", {std::int64_t{-5}}).set("", {true}).set("f", {1.0}).set("tiny", {1e-300}).set("huge", {1e300});
    s.set("list", {std::vector<value>{{std::string("a")}, {std::vector<value>{}}, {section().set("k", {false})}}});
    s.set("when", {timestamp(std::chrono::microseconds(1'446'635'366'000'001))}).set("inner", {inner}).set("last", {std::string("after a table")});
    s.set("deep", {section().set("er", {section().set("est", {std::int64_t{1}})})});
    const auto text = config::print(s);
    const auto again = parse(text, "f");
    CHECK(config::print(parse(config::print(again), "f")) == config::print(again));
    CHECK(again.table("inner").get<std::string>("quote\"d key") == "line\nbreak\t\"\\\x01\x7f é");
    CHECK(again.table("inner").get<std::string>("empty").empty());
    CHECK((again.get<double>("f") == 1.0 && again.get<double>("tiny") == 1e-300 && again.get<double>("huge") == 1e300 && again.get<bool>("")));
    CHECK(again.get<timestamp>("when") == s.get<timestamp>("when"));
    CHECK(again.table("deep").table("er").get<std::int64_t>("est") == 1);
    CHECK(again.get<std::string>("last") == "after a table");
    CHECK(again.get<std::vector<value>>("list").size() == 3);
}

TEST_CASE("document: kinds that no policy asks for survive being read and printed") {
    const std::string text = "date = 2015-11-04\ninfinite = -inf\nlocal = 2015-11-04T11:09:26.5\ntime = 11:09:26\n";
    CHECK(config::print(parse(text, "f")) == text);
    CHECK(config::print(parse("n = nan", "f")) == "n = nan\n");
}

TEST_CASE("section: keys keep their order, are replaced in place and erased") {
    section s;
    s.set("b", {std::int64_t{1}}).set("a", {std::int64_t{2}}).set("b", {std::int64_t{3}});
    CHECK(config::print(s) == "b = 3\na = 2\n");
    s.erase("b");
    CHECK((!s.has("b") && s.has("a")));
}

TEST_CASE("document: what is read can be written and read again") {
    const auto again = [](const std::string& text) { return config::print(parse(config::print(parse(text, "f")), "printed")); };
    // in UTC they are of years that RFC 3339 cannot write: no timestamps, but kept
    for (const std::string odd : {"t = 0000-01-01T00:00:00+23:59\n", "t = 9999-12-31T23:59:59-23:59\n"}) {
        CHECK(again(odd) == odd);
        CHECK_THROWS_WITH(parse(odd, "f").get<timestamp>("t"), "f:1:1: t: must be a date-time with an offset");
    }
    CHECK(again("t = 9999-12-31T23:59:59Z\n") == "t = 9999-12-31T23:59:59.000000Z\n");

    std::string dots = "a";
    for (int i = 0; i < 63; ++i) dots += ".a";
    CHECK(again(dots + " = 1\n") == config::print(parse(dots + " = 1\n", "f")));
    CHECK_THROWS_WITH(parse(dots + ".a = 1\n", "f"), Catch::StartsWith("f:1:133: a.a.") && Catch::EndsWith(": nested too deeply"));
    CHECK_THROWS_AS(parse("a = " + std::string(65, '[') + std::string(65, ']'), "f"), config_error);
}
