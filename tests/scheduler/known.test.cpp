// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/setup.hpp"

#include <backy/scheduler/known.hpp>

#include <sys/stat.h>
#include <thread>

using namespace support;
using namespace backy::scheduler;
using catalog = catalogs::files<>;

namespace {

void age(const fs::path& path) {  // to before the ticks of the kernel's clock matter
    const std::array<::timespec, 2> then{{{1'700'000'000, 0}, {1'700'000'000, 0}}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), then.data(), 0) == 0);
}

struct sandbox {
    scratch dir{plain()};
    io::directory<io::posix> base{dir.path()};
    silent_journal journal;
    revision_id made;
    sandbox() {
        fs::create_directory(dir / "job");
        revision r;
        r.id = made = fresh_id();
        r.sequence = 1;
        r.made_at = timestamp(std::chrono::sys_days(std::chrono::year(2026) / 5 / 1));
        r.tags = {"daily", "by-hand"};
        r.stats = {7, 8, std::chrono::duration<double>(12.5)};
        catalog(dir / "job").put(r);
    }
};

}  // namespace

TEST_CASE("known: a look says how a repository stands, and whether it still does") {
    const sandbox s;
    CHECK(look_at<catalog>(s.base, "job").fingerprint.empty());  // it changed within the last second: nobody can tell
    age(s.dir / "job");
    const auto seen = look_at<catalog>(s.base, "job");
    REQUIRE(seen.standing.newest);
    CHECK((seen.standing.newest->id == s.made && seen.standing.newest->duration == std::chrono::duration<double>(12.5) && seen.standing.revisions == 1));
    CHECK((seen.standing.newest_with("by-hand") == seen.standing.newest->made_at && !seen.standing.newest_with("weekly")));
    CHECK(is_current<catalog>(s.base, seen, false));
    CHECK(!is_current<catalog>(s.base, seen, true));  // its .rev is younger than a second
    std::this_thread::sleep_for(std::chrono::milliseconds(2100));
    const auto later = look_at<catalog>(s.base, "job");
    CHECK(is_current<catalog>(s.base, later, true));
    fs::permissions(s.dir / "job" / (s.made + ".rev"), fs::perms(0400));  // by somebody who edits in place
    age(s.dir / "job");
    CHECK(is_current<catalog>(s.base, later, false));
    CHECK(!is_current<catalog>(s.base, later, true));
    catalog(s.dir / "job").remove(s.made);
    CHECK(!is_current<catalog>(s.base, later, false));

    const auto none = look_at<catalog>(s.base, "none");
    CHECK((!none.standing.newest && is_current<catalog>(s.base, none, true)));
    fs::create_directory(s.dir / "none");
    CHECK(!is_current<catalog>(s.base, none, false));
    fs::remove(s.dir / "none");
    fs::remove_all(s.dir / "job");
    CHECK(!is_current<catalog>(s.base, later, false));
    std::ofstream(s.dir / "file") << "x";
    CHECK_THROWS_AS(look_at<catalog>(s.base, "file"), error);
}

TEST_CASE("known: the file of it, whole, damaged and not there") {
    sandbox s;
    known_repositories all;
    all.looks.push_back(look_at<catalog>(s.base, "job"));
    all.looks.back().standing.damaged = {"why"};
    all.looks.back().standing.strangers = {"a", "b"};
    const auto text = monitoring::print_json(all);
    s.base.replace(known_repositories::file, text, ".new", io::private_mode);
    const auto read = read_known(s.base, s.journal);
    REQUIRE(read.size() == 1);
    known_repositories again;
    again.looks.push_back(read.at("job"));
    CHECK(monitoring::print_json(again) == text);

    noisy_journal told;
    for (const auto& damaged : {text.substr(0, text.size() / 2), std::string("{\"format\":9}"), std::string()}) {
        s.base.replace(known_repositories::file, damaged, ".new", io::private_mode);
        CHECK(read_known(s.base, told).empty());
    }
    CHECK(told.text.find(".known.json: format 9; this backy knows 1 (all repositories are read again)") != std::string::npos);
    s.base.remove(known_repositories::file);
    CHECK(read_known(s.base, s.journal).empty());
}
