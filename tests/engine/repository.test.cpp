// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: engine/expire engine/forget
// What goes and what stays when revisions are forgotten, expire, or were not finished.
#include "setup.hpp"

using namespace support;

namespace {

void with_revisions(int number, auto use) {
    const scratch dir(plain());
    silent_journal journal;
    memory_source::named(dir.path().string()).now = std::make_shared<content>(content(100'000, 'x'));
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        std::vector<revision_id> ids;
        for (int i = 0; i < number; ++i) ids.push_back(backup(r, s, {"daily", "n" + std::to_string(i)}).made.id);
        use(r, s, ids, dir.path());
    });
}

}  // namespace

TEST_CASE("settle: what a kill kept from being renamed goes with the next command that changes something") {
    with_revisions(1, [](auto& r, auto& s, const auto& ids, const auto& dir) {
        for (const auto* name : {".rev.new", ".run.new"}) spill(dir / name, "half a fi");
        forget(r, s, [](const history&) { return std::vector<revision_id>(); });
        CHECK(names_in(dir) == names_of(ids));
    });
}

TEST_CASE("forget: of those that are named everything goes, and of the others nothing") {
    with_revisions(4, [](auto& r, auto& s, const auto& ids, const fs::path& dir) {
        CHECK(forget(r, s, [&](const history&) { return std::vector{ids[0], ids[3]}; }).size() == 2);
        CHECK(names_in(dir) == names_of({ids[1], ids[2]}));
        CHECK(fs::read_symlink(dir / "last") == ids[2]);
        CHECK(s.snapshots().empty());  // that of the newest has gone with it
        CHECK(forget(r, s, [](const history&) { return std::vector<revision_id>{}; }).empty());
        CHECK(names_in(dir) == names_of({ids[1], ids[2]}));
    });
}

TEST_CASE("forget: a snapshot that could not be released stays announced whatever else is forgotten, until it can be") {
    with_revisions(3, [](auto& r, auto& s, const auto& ids, const fs::path& dir) {
        auto& volume = memory_source::named(dir.string());
        const auto forgets = [&](std::size_t number) { forget(r, s, [&](const history&) { return std::vector{ids[number]}; }); };
        volume.holds_snapshots = true;
        forgets(2);
        CHECK(r.catalog().announced()->snapshots == std::vector{ids[2]});
        forgets(1);
        REQUIRE(r.catalog().announced());
        CHECK(r.catalog().announced()->revisions.empty());
        CHECK(std::ranges::count(r.catalog().announced()->snapshots, ids[2]) == 1);
        volume.holds_snapshots = false;
        forgets(0);
        CHECK(!r.catalog().announced());
        CHECK(s.snapshots().empty());
    });
}

TEST_CASE("expire: a tag that has run out goes from the metadata, and with its last one the revision") {
    with_revisions(3, [](auto& r, auto& s, const auto& ids, const fs::path& dir) {
        for (auto one : r.catalog().read().revisions) {
            one.made_at -= std::chrono::hours(1);
            if (one.id == ids[0]) one.tags = {"daily"};
            r.catalog().put(one);
        }
        const auto report = expire(r, s, schedules::interval({{{"daily", std::chrono::seconds(1), 1}}}));
        CHECK((report.removed == std::vector{ids[0]} && report.kept.empty()));
        CHECK(names_in(dir) == names_of({ids[1], ids[2]}));
        const auto h = r.catalog().read();
        CHECK(h.find(ids[1])->tags == std::vector<std::string>{"n1"});
        CHECK(h.find(ids[2])->tags == std::vector<std::string>{"daily", "n2"});
    });
}

TEST_CASE("settle: what was announced goes unless there are metadata of it, and damaged ones are metadata") {
    with_revisions(2, [](auto& r, auto& s, const auto& ids, const fs::path& dir) {
        const auto unfinished = fresh_id();
        for (const auto& name : {unfinished, "." + unfinished + ".new", unfinished + ".digests", "." + unfinished + ".digests.new"}) std::ofstream(dir / name) << "x";
        rot(dir / (ids[0] + ".rev"), 3);
        r.catalog().announce({{ids[0], ids[1], unfinished}, {}, ""});
        auto expected = ids;
        SECTION("by itself") { r.settle(s); }
        SECTION("before a backup") { expected.push_back(backup(r, s, {}).made.id); }
        SECTION("before something is forgotten") {
            forget(r, s, [&](const history&) { return std::vector{ids[1]}; });
            expected.pop_back();
        }
        auto names = names_of(expected);
        if (expected.size() == 1) std::erase_if(names, [](const std::string& name) { return name.starts_with("last"); });  // nothing is known of it
        CHECK(names_in(dir) == names);
        CHECK(!r.catalog().announced());
    });
}
