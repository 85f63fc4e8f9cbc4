// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: scheduler/survey
#include "engine/setup.hpp"

#include <backy/scheduler/overview.hpp>
#include <backy/schedules/interval.hpp>

using namespace support;
using namespace backy::scheduler;
using namespace std::chrono_literals;
using catalog = catalogs::files<>;

namespace {

const timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

auto every(const std::string& interval) {
    return std::make_shared<const schedules::interval>(
        schedules::interval::config::from(config::parse("tag = { interval = \"" + interval + "\", keep = 3 }\n", "f")));
}

standing made(byte_count written, std::int64_t revisions) {
    standing s;
    s.newest = {"id", now - 1h, 1s, {"tag"}, written};
    s.tags.push_back({"tag", now - 1h, revisions, 0});
    s.revisions = revisions;
    return s;
}

}  // namespace

TEST_CASE("overview: of the room there is, the runs of the next day need what they took last time") {
    agenda<schedules::interval> a;
    const auto add = [&](const std::string& name, const std::string& interval, byte_count written, std::int64_t revisions) {
        a.add(name, every(interval), now);
        a.know(name, made(written, revisions), now);
    };
    add("changes", "12h", 3'000, 4);
    add("first", "12h", 80'000, 1);  // the next one takes less
    add("later", "90d", 500, 5);
    a.add("unseen", every("12h"), now);
    survey found{{{"old", 12}}, {{"data", 9'000, 1'000}, {"metadata", 70, 100}}, {"later"}};
    const auto r = overview(a, found, {{"first", "its .rev cannot be read"}}, std::nullopt, now);
    CHECK(r.written == now);
    REQUIRE(r.jobs.size() == 4);
    const auto of = [&](const std::string& name) { return *std::ranges::find(r.jobs, name, &monitoring::job_report::job); };
    CHECK((of("changes").state == "waiting" && of("changes").next_tags == std::vector<std::string>{"tag"}));
    CHECK((of("unseen").state == "scanning" && !of("unseen").next));
    CHECK((of("later").beside_volume && !of("changes").beside_volume));
    CHECK((of("first").damaged == std::vector<std::string>{"its .rev cannot be read"} && of("later").damaged.empty()));
    REQUIRE((r.orphans.size() == 1 && r.space.size() == 2));
    CHECK((r.space[0].kind == "data" && r.space[0].free == 9'000 && r.space[0].needed == 3'000));
    CHECK(r.space[1].needed == 20);  // 10 revisions have 100: two runs
}

TEST_CASE("survey: what no job owns, what it takes, and which volumes lie beside their backups") {
    scratch dir{plain()};
    for (const auto* name : {"job", "old", "junk", ".hidden", "lost+found"}) fs::create_directory(dir / name);
    revision r;
    r.id = fresh_id();
    r.sequence = 1;
    r.made_at = now;
    r.stats.bytes_written = 700;
    catalog(dir / "old").put(r);
    std::ofstream(dir / "junk" / "file") << std::string(10'000, 'x') << std::flush;
    std::ofstream(dir / "file") << "no directory";
    const io::directory<io::posix> base(dir.path());
    io::file<io::posix>(io::posix{}, (dir / "junk" / "file").string(), O_RDWR).sync();  // it takes nothing before that
    const auto found = survey_of<catalog>(base, {{"job", dir / "volume"}, {"elsewhere", "/proc/volume"}, {"ceph", ""}, {"gone", "/nowhere/volume"}});
    auto orphans = found.orphans;
    std::ranges::sort(orphans, {}, &monitoring::orphan_report::name);
    REQUIRE(orphans.size() == 2);
    CHECK((orphans[0].name == "junk" && orphans[0].bytes >= 10'000));
    CHECK((orphans[1].name == "old" && orphans[1].bytes == 700));
    CHECK(found.beside == std::set<std::string>{"job"});
    CHECK((!found.rooms.empty() && found.rooms[0].kind == "data" && found.rooms[0].free > 0));
}
