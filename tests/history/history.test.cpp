// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: history/metadata history/revision history/revision_id history/specifier history/tags
// Revisions, their order and their names: revision, revision_id, history, specifier, tags, metadata.
#include <backy/config/document.hpp>
#include <backy/history/metadata.hpp>
#include <backy/history/specifier.hpp>
#include <backy/history/tags.hpp>

#include <catch2/catch.hpp>

#include <set>

using namespace backy;

namespace {

revision made(std::string id, std::optional<std::uint64_t> sequence, std::vector<std::string> tags, trust t = trust::trusted, int hour = 0) {
    revision r;
    r.id = std::move(id), r.sequence = sequence, r.tags = std::move(tags), r.trust = t;
    r.made_at = timestamp(std::chrono::hours(hour));
    return r;
}

const history sample = [] {
    history h;
    h.revisions = {made("newestXYZ2222222222222", 4, {"daily"}, trust::distrusted), made("aaaaaaXYZ1222222222222", 1, {"weekly", "daily"}),
                   made("aaaaaaXYZ2222222222222", 2, {"daily", "7x"}),             made("bbbbbbXYZ2222222222222", 3, {"hourly"}),
                   made("foreignA22222222222222", {}, {"old"}, trust::trusted, 9), made("foreignB22222222222222", {}, {"old"}, trust::trusted, 5)};
    h.damaged = {{"damaged222222222222222", "x.rev: its checksum does not match: it is damaged"}};
    h.sort();
    return h;
}();

}  // namespace

TEST_CASE("history: by sequence, whatever clocks do, and those without one stand before, by time") {
    std::string order;
    for (const auto& r : sample.revisions) order += r.id.substr(0, 8) + " ";
    CHECK(order == "foreignB foreignA aaaaaaXY aaaaaaXY bbbbbbXY newestXY ");
    CHECK(sample.newest()->id.starts_with("bbbbbb"));
    CHECK(sample.next_sequence() == 5);
    CHECK(history().next_sequence() == 1);
    CHECK(!history().newest());
    CHECK((sample.has("damaged222222222222222") && !sample.find("damaged222222222222222") && !sample.has("x")));
    CHECK(sample.without({"damaged222222222222222", "bbbbbbXYZ2222222222222"}).newest()->sequence == 2);
    auto mended = *sample.find("newestXYZ2222222222222");
    mended.trust = trust::verified;
    CHECK(sample.with(mended).newest()->sequence == 4);
    CHECK(sample.with(mended).revisions.size() == sample.revisions.size());
}

TEST_CASE("specifier: numbers, last, tags and prefixes look at what counts, an ID reaches any") {
    const auto id = [](const std::string& spec) { return resolve(sample, spec).id.substr(0, 8) + std::to_string(resolve(sample, spec).sequence.value_or(0)); };
    CHECK(id("0") == "bbbbbbXY3");
    CHECK(id("1") == "aaaaaaXY2");
    CHECK(id("4") == "foreignB0");
    CHECK(id("00") == "bbbbbbXY3");
    CHECK(id("last") == "bbbbbbXY3");
    CHECK(id("latest") == "bbbbbbXY3");
    CHECK(id("daily") == "aaaaaaXY2");
    CHECK(id("weekly") == "aaaaaaXY1");
    CHECK(id("old") == "foreignA0");
    CHECK(id("7x") == "aaaaaaXY2");
    CHECK(id("newestXYZ2222222222222") == "newestXY4");
    CHECK(id("newest") == "newestXY4");
    CHECK(id("bbbbbb") == "bbbbbbXY3");
}

TEST_CASE("specifier: what is unknown or ambiguous is an error that helps") {
    CHECK_THROWS_WITH(resolve(sample, "5"), "revision 5: there are not that many that count");
    CHECK_THROWS_WITH(resolve(sample, "99999999999999999999999"), "revision 99999999999999999999999: there are not that many that count");
    CHECK_THROWS_WITH(resolve(sample, "aaaaaaX"), "revision \"aaaaaaX\": ambiguous: aaaaaaXYZ1222222222222, aaaaaaXYZ2222222222222");
    CHECK_THROWS_WITH(resolve(sample, "bbbbb"), "revision \"bbbbb\": there is none (an ID can be shortened to 6 characters)");
    CHECK_THROWS_WITH(resolve(sample, "-1"), Catch::StartsWith("revision \"-1\": there is none"));
    CHECK_THROWS_WITH(resolve(sample, "nothing"), "revision \"nothing\": there is none");
    CHECK_THROWS_WITH(resolve(sample, "damaged2"), "revision damaged222222222222222: x.rev: its checksum does not match: it is damaged");
    CHECK_THROWS_AS(resolve(sample, ""), history_error);
    CHECK_THROWS_WITH(resolve(history(), "last"), "revision \"last\": there is none that counts");
    CHECK_THROWS_AS(resolve_id(sample, "daily"), history_error);
    CHECK_THROWS_AS(resolve_id(sample, "0"), history_error);
}

TEST_CASE("revision_id: an ID is a UUID, and known to others as one") {
    CHECK(uuid_text("2222222222222222222222") == "00000000-0000-0000-0000-000000000000");
    CHECK(uuid_text("2222222222222222222223") == "00000000-0000-0000-0000-000000000001");
    CHECK(uuid_text("222222222222222222222z") == "00000000-0000-0000-0000-000000000038");
    CHECK(uuid_text("2222222222222222222232") == "00000000-0000-0000-0000-000000000039");
    CHECK(uuid_text("ab54c4ab-1d4b-4b3e-9b3f-1b2b3c4d5e6f") == "ab54c4ab-1d4b-4b3e-9b3f-1b2b3c4d5e6f");
    std::set<std::string> all;
    for (int i = 0; i < 1000; ++i) {
        const auto text = uuid_text(fresh_id());
        CHECK((text.size() == 36 && text[14] == '4' && std::string("89ab").find(text[19]) != std::string::npos));
        all.insert(text);
    }
    CHECK(all.size() == 1000);
}

TEST_CASE("revision_id: 22 characters of the alphabet, never the same, and nothing else is one") {
    std::set<std::string> seen;
    std::string used;
    for (int i = 0; i < 2000; ++i) {
        const auto id = fresh_id();
        CHECK(is_revision_id(id));
        CHECK(seen.insert(id).second);
        used += id;
    }
    for (const auto c : id_alphabet) CHECK(used.find(c) != used.npos);
    CHECK(is_revision_id("123e4567-e89b-42d3-a456-426614174000"));
    for (const auto* bad : {"", "last", "config", "../../../../etc/passwd", "0123456789012345678901", "222222222222222222222/", "22222222222222222222222",
                            "123e4567-e89b-42d3-a456-42661417400g", "123e4567ae89b-42d3-a456-426614174000"}) {
        INFO(bad);
        CHECK(!is_revision_id(bad));
    }
}

TEST_CASE("tags: separated by commas, blanks dropped, repeated ones merged, anything else refused") {
    CHECK(parse_tags("daily") == std::vector<std::string>{"daily"});
    CHECK(parse_tags(" daily , manual:x.y-z_1,daily") == std::vector<std::string>{"daily", "manual:x.y-z_1"});
    CHECK_THROWS_WITH(parse_tags("daily,"), "tags \"daily,\": an empty tag");
    CHECK_THROWS_WITH(parse_tags(""), "tags \"\": an empty tag");
    for (const auto* bad : {"a b", "a/b", "123", "a\nb", "é", "a;b", "\"a\""}) {
        INFO(bad);
        CHECK_THROWS_AS(parse_tags(bad), config_error);
    }
}

TEST_CASE("metadata: unknown keys are kept when a revision is rewritten, at any depth") {
    const auto read = config::parse("uuid = \"x\"\ntimestamp = 2015-11-04T11:09:26Z\nlater = 7\nstats = { duration = 1.0, speed = 9 }\n[future]\nkey = [1]\n", "f");
    auto r = revision_of(read);
    r.trust = trust::distrusted;
    const auto again = config::parse(config::print(to_section(r)), "g");
    CHECK(again.get<std::int64_t>("later") == 7);
    CHECK(again.table("stats").get<std::int64_t>("speed") == 9);
    CHECK(again.table("future").has("key"));
    CHECK(again.get<std::string>("trust") == "distrusted");
    CHECK(!again.has("sequence"));
}

TEST_CASE("metadata: a newer format, unknown words and wrong types are refused") {
    const auto from = [](const std::string& text) { return revision_of(config::parse("uuid = \"x\"\ntimestamp = 2015-11-04T11:09:26Z\n" + text, "f")); };
    CHECK_THROWS_WITH(from("format = 2"), "f:3:1: format: format 2 is newer than this backy, which knows 1");
    CHECK_THROWS_WITH(from("trust = \"some\""), "f:3:1: trust: unknown: \"some\"");
    CHECK_THROWS_WITH(from("size = -1"), "f:3:1: size: negative");
    CHECK_THROWS_AS(from("tags = \"daily\""), config_error);
    CHECK_THROWS_AS(revision_of(section()), config_error);
    CHECK(from("").trust == trust::trusted);
}
