// SPDX-License-Identifier: GPL-3.0-or-later
#include <backy/config/document.hpp>
#include <backy/history/metadata.hpp>
#include <backy/legacy/revision.hpp>

#include <catch2/catch.hpp>

using namespace backy;
using legacy::parse_moment;
using legacy::parse_revision;

namespace {

constexpr auto* id = "iBSRLQ4koy8zAPhqJaC9Re";

std::string refusal(const std::string& text) {
    try {
        (void)parse_revision(text, "x.rev");
        return "accepted";
    } catch (const config_error& e) {
        return e.what();
    }
}
std::string with(const std::string& lines) { return std::string("uuid: ") + id + "\ntimestamp: 2026-11-22 20:02:25+00:00\n" + lines; }

}  // namespace

TEST_CASE("an old revision: as 2.1 wrote it") {
    const auto old = parse_revision(
        "parent: UT7PkENubwfPnbSvEHHy23\nstats: {bytes_written: 524277, ceph-verification: partial, duration: 0.0412}\n"
        "tags: [daily, weekly, daily, '']\ntimestamp: 2026-11-22 20:02:25.885246+00:00\nuuid: iBSRLQ4koy8zAPhqJaC9Re\n", "x.rev");
    CHECK(old.complete);
    CHECK(old.backend == "cowfile");
    CHECK(old.r.id == id);
    CHECK(!old.r.sequence);
    CHECK(!old.r.digests);
    CHECK(old.r.parent == "UT7PkENubwfPnbSvEHHy23");
    CHECK(old.r.tags == std::vector<std::string>{"daily", "weekly"});
    CHECK(old.r.trust == trust::trusted);
    CHECK(old.r.stats.bytes_written == 524'277);
    CHECK(old.r.stats.duration.count() == 0.0412);
    CHECK(to_rfc3339(old.r.made_at) == "2026-11-22T20:02:25.885246Z");
    CHECK(config::print(to_section(old.r)).find("ceph-verification = \"partial\"") != std::string::npos);
}

TEST_CASE("an old revision: what may be missing, and what later versions added") {
    const auto least = parse_revision(with(""), "x.rev");
    CHECK(!least.complete);
    CHECK(least.r.tags.empty());
    CHECK(!least.r.parent);
    const auto later = parse_revision(with("backend_type: chunked\nparent:\ntrust: distrusted\nstats: {duration: 1}\n"), "x.rev");
    CHECK(later.complete);
    CHECK(later.backend == "chunked");
    CHECK(later.r.trust == trust::distrusted);
    CHECK(parse_revision(with("trust: verified\n"), "x.rev").r.trust == trust::verified);
    CHECK(parse_revision("uuid: 2b0c1d9e-58a5-4c8b-9d8f-0f3f4f9f7a11\ntimestamp: 1448623446.5\n", "x.rev").r.made_at.time_since_epoch().count() == 1'448'623'446'500'000);
}

TEST_CASE("an old revision: nothing in it can pass for what only ours can say") {
    const auto old = parse_revision(with("sequence: 7\nformat: 9\nsize: x\nsource: {type: [a]}\ndigests: {sha256: x}\nproof: 1\nmine: {a: [b]}\n"), "x.rev");
    CHECK(config::print(to_section(parse_revision(with("parent: ''\n"), "x.rev").r)).find("parent") == std::string::npos);
    const auto r = revision_of(config::parse(config::print(to_section(old.r)), "x.rev"));
    CHECK(!r.sequence);
    CHECK(!r.digests);
    CHECK(r.unknown.has("mine"));
    CHECK(r.size == 0);
}

TEST_CASE("an old revision: what is refused, with its place") {
    CHECK(refusal("tags: []\n") == "x.rev:1:1: uuid: missing");
    CHECK(refusal("uuid: ../../etc/passwd\n") == "x.rev:1:1: uuid: \"../../etc/passwd\" is no ID that this backy can have (22 characters without 0 1 I O l, or a UUID)");
    CHECK(refusal(std::string("uuid: ") + id + "\ntimestamp: yesterday\n") == "x.rev:2:1: timestamp: \"yesterday\" is no date and time");
    CHECK(refusal(with("trust: maybe\n")) == "x.rev:3:1: trust: unknown: \"maybe\"");
    CHECK(refusal(with("tags: daily\n")) == "x.rev:3:1: tags: must be an array");
    CHECK(refusal(with("stats: {bytes_written: -1}\n")) == "x.rev:3:9: stats.bytes_written: \"-1\" is no number of bytes");
    CHECK(refusal(with("stats: {duration: .nan}\n")) == "x.rev:3:9: stats.duration: \".nan\" is no number of seconds");
    CHECK(refusal(with("stats: {duration: -1}\n")) == "x.rev:3:9: stats.duration: \"-1\" is no number of seconds");
}

TEST_CASE("moments: with and without a zone, a T, a fraction, or seconds since 1970") {
    const auto text = [](std::string_view t) { return parse_moment(t) ? to_rfc3339(*parse_moment(t)) : "none"; };
    for (const auto* same : {"2026-11-22 20:02:25", "2026-11-22T20:02:25Z", "2026-11-22 20:02:25 +00:00", "2026-11-22 21:32:25+01:30", "2026-11-22t15:02:25.0-5", "1795377745", "1795377745.0"})
        CHECK(text(same) == "2026-11-22T20:02:25.000000Z");
    CHECK(text("2026-1-2 3:04:05.1234567") == "2026-01-02T03:04:05.123456Z");
    CHECK(text("1969-12-31 23:59:59.5") == "1969-12-31T23:59:59.500000Z");
    for (const auto* wrong : {"", "2026-11-22", "2026-02-30 00:00:00", "2026-11-22 24:00:00", "2026-11-22 20:60:00", "2026-11-22 20:02:25 CET", "2026-11-22 20:02:25+25:00", "20261122T200225",
                              "9999-12-31 23:59:59-01:00", "0001-01-01 00:00:00+01:00", "1e300", "nan", "inf", "-99999999999", "2026-11-22 20:02:25Zx"})
        CHECK(text(wrong) == "none");
}
