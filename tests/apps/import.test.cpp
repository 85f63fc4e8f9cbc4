// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: cli/import
// Moving in, with the real program: from a Python backy's directory to a repository that is backed up, restored, verified, thinned out and left again.
#include "support/python_directory.hpp"

#include <backy/composition.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/scheduler/jobs.hpp>
#include <backy/schedules/interval.hpp>
#include <backy/sources/file.hpp>
#include <backy/stores/image.hpp>

#include <sys/file.h>

using namespace support;
using namespace backy;

namespace {



result convert(const fs::path& dir, const std::string& yaml) {
    std::ofstream(dir / "old.yaml") << yaml;
    return shell("cd '" + dir.string() + "'; \"$BACKY\" import --config old.yaml");
}

}  // namespace

TEST_CASE("import: status, find, restore, backup, verify, expire, forget go on where the Python backy was") {
    randomness random;
    for (const auto& place : copy_on_write()) {
        INFO(place);
        const scratch dir(place);
        const auto disk = dir / "disk.img";
        const python_directory d(dir / "vm");
        d.config(disk);
        auto now = some_volume(random, 40 * block_size + 77);
        auto old = d;
        const auto first = old.revision(now, 1, "daily, weekly"), second = old.revision(now = changed(random, now, now.size()), 2);
        const repository_directory backy(d.path());

        const auto dry = backy("import --dry-run");
        INFO(dry.out << dry.err);
        CHECK(dry.code == 0);
        CHECK(dry.out.find(first + ": 2015-11-04 01:09:26, 2.50 MiB, trusted, daily,weekly\n") != std::string::npos);
        CHECK(slurp(d / "config").starts_with("filename: "));

        const auto done = backy("import");
        INFO(done.err);
        REQUIRE(done.code == 0);
        CHECK((done.out.empty() && done.err.empty()));
        CHECK(backy("status").out.find("| 2015-11-04 01:09:26 | " + first.substr(0, 10) + " |") != std::string::npos);
        CHECK(backy("find").out == fs::canonical(d / second).string() + "\n");
        CHECK(backy("find -r weekly").out == fs::canonical(d / first).string() + "\n");
        CHECK(backy("restore -r weekly '" + (dir / "restored").string() + "'").code == 0);
        CHECK(slurp(dir / "restored") == old.images[first]);

        auto today = old.images[second];
        today.replace(5 * block_size, block_size, block_size, 'n');
        spill(disk, today);
        const auto backup = backy("backup daily");
        INFO(backup.err);
        CHECK(backup.code == 0);
        const auto third = fs::read_symlink(d / "last").string();
        CHECK((third != second && slurp(d / third) == today));
        const auto rev = slurp(d / (third + ".rev"));
        CHECK(rev.find("parent = \"" + second + "\"") != std::string::npos);
        CHECK(rev.find("bytes_written = " + std::to_string(block_size) + "\n") != std::string::npos);
        CHECK(shell("filefrag -v '" + (d / third).string() + "'").out.find("shared") != std::string::npos);
        CHECK(backy("verify").code == 0);
        const auto unproven = backy("verify -r " + first);
        CHECK(unproven.code == 1);
        CHECK(unproven.err == "revision " + first + ": verify: it has no digests to check it against\n");
        CHECK(backy("restore '" + (dir / "restored").string() + "'").code == 0);
        CHECK(slurp(dir / "restored") == today);

        std::ofstream(d / "config", std::ios::app) << "\n[schedule]\ndaily = { interval = \"1d\", keep = 1 }\n";
        CHECK(backy("expire").code == 0);
        CHECK(!fs::exists(d / second));           // its tag has run out
        CHECK(slurp(d / first) == old.images[first]);  // it is weekly, too
        CHECK(backy("forget -r " + first).code == 0);
        auto there = std::vector<std::string>{".lock", ".python-backy", third, third + ".digests", third + ".rev", "backy.log", "config", "last", "last.rev"};
        std::ranges::sort(there);
        CHECK(names_in(d.path()) == there);
        CHECK(backy("status").err.empty());
        CHECK(backy("import").code == 0);  // nothing is left to do
    }
}

TEST_CASE("import: an image that is cut off afterwards is damaged, and neither restored nor built upon") {
    const scratch dir(plain());
    python_directory d(dir / "vm");
    spill(dir / "disk.img", content(3000, 'n'));
    d.config(dir / "disk.img");
    const auto id = d.revision(content(3000, 'x'), 1);
    const repository_directory backy(d.path());
    REQUIRE(backy("import").code == 0);
    fs::permissions(d / id, fs::perms(0640));
    fs::resize_file(d / id, 1000);
    CHECK(backy("status").out.find("damaged") != std::string::npos);
    const auto restored = backy("restore '" + (dir / "out").string() + "'");
    CHECK(restored.code == 1);
    CHECK(restored.err.ends_with("revision " + id + ": restore: its image has 1000 bytes and should have 3000: nothing was written\n"));
    const auto next = backy("backup daily");
    CHECK((next.code == 3 && next.err.find(id + ": its image has another size than its metadata say (not built upon") != std::string::npos));
    CHECK(slurp(d / fs::read_symlink(d / "last")) == content(3000, 'n'));
}

TEST_CASE("import: what is left is named, and the exit code says so") {
    const scratch dir(plain());
    spill(dir / "disk.img", "x");
    python_directory d(dir / "vm");
    d.config(dir / "disk.img");
    const auto chunked = d.revision("{\"mapping\": {}, \"size\": 5}", 1, "daily", "backend_type: chunked\n");
    const repository_directory backy(d.path());
    const auto why = (d / (chunked + ".rev")).string() + ": its image is chunked: pieces, which only the Python backy can put together\n";
    const auto refused = backy("import");
    CHECK(refused.code == 1);
    CHECK(refused.err == why + d.path().string() + ": import: no revision in it can be adopted; nothing was changed\n");
    CHECK(slurp(d / "config").starts_with("filename: "));
    const auto dry = backy("import --dry-run");
    CHECK(dry.out == "would leave " + why);
    CHECK((dry.code == 1 && dry.err == d.path().string() + ": import: no revision in it can be adopted; nothing was changed\n"));
    for (const auto* command : {"status", "backup daily", "forget -r 0"}) CHECK(backy(command).err.ends_with(": not TOML (is it a Python backy's? backy import takes it over)\n"));

    d.revision("raw", 2);
    CHECK(backy("import --dry-run").code == 3);
    const auto partly = backy("import");
    CHECK(partly.code == 3);
    CHECK(partly.err == why);
    CHECK(backy("find").code == 0);
    CHECK(backy("import").code == 3);
    CHECK(backy("backup daily").code == 0);
}

TEST_CASE("import: a configuration that is neither's, or of a source that this build does not have") {
    const scratch dir(plain());
    const python_directory d(dir / "vm");
    const repository_directory backy(d.path());
    const auto config = (d / "config").string();
    const auto none = backy("import");
    CHECK(none.code == 2);
    CHECK(none.err == config + ": there is none (backy init TYPE SOURCE, then import again; --all for every job's directory in it)\n");
    d.write("config", "type: tape\ndrive: 1\n");
    const auto unknown = backy("import");
    CHECK(unknown.code == 2);
    CHECK(unknown.err.starts_with(config + ":1:1: type: unknown type \"tape\"; this build has: "));
    d.write("config", "type: [file\n");
    CHECK(backy("import").code == 2);
    d.write("config", "type: file\nfilename: disk.img\n");
    CHECK(backy("import").err == config + ":2:1: filename: must be the absolute path of a file: \"disk.img\"\n");
    CHECK(names_in(d.path()) == std::vector<std::string>{"config"});
}

#ifdef BACKY_CEPH
TEST_CASE("import: of Ceph images, without their cluster") {
    const scratch dir(plain());
    for (const auto* config : {"image: x\npool: rbd\ntype: ceph-rbd\nfull-always: no\n", "consul_acl_token: null\nimage: x\npool: rbd\ntype: flyingcircus\nvm: x\n"}) {
        python_directory d(dir / std::string(config).substr(0, 5));
        d.write("config", config);
        const auto id = d.revision("bytes", 1, "daily", "backend_type: cowfile\n");
        const auto r = shell("\"$BACKY\" -b '" + d.path().string() + "' import");
        INFO(r.err);
        CHECK(r.code == 0);
        const auto rev = slurp(d / (id + ".rev"));
        CHECK(rev.find("consistency = \"crash\"") != std::string::npos);
        CHECK(rev.find("name = \"rbd/x\"") != std::string::npos);
        CHECK(slurp(d / "config").find("consul") == std::string::npos);
    }
}
#endif

TEST_CASE("import: without a configuration init makes one first") {
    const scratch dir(plain());
    spill(dir / "disk.img", "x");
    python_directory d(dir / "vm");
    const auto id = d.revision("x", 1);
    const repository_directory backy(d.path());
    REQUIRE(backy("init file '" + (dir / "disk.img").string() + "'").code == 0);
    CHECK(backy("import").code == 0);
    CHECK(backy("find").out == fs::canonical(d / id).string() + "\n");
}

TEST_CASE("import: every job of a base directory, and one that cannot be adopted does not keep the others from it") {
    const scratch dir(plain());
    const repository_directory backy(dir / "base");
    for (const auto* name : {"a", "b", "c"}) {
        python_directory d(backy / name);
        d.config(dir / "disk.img");
        d.revision(name, 1);
    }
    fs::create_directory(backy / "no job");
    std::ofstream(backy / "status") << "";
    std::ofstream(backy / ".lock") << "";
    python_directory(backy / "b").write("config", "type: tape\n");
    python_directory(backy / "c").write("config", "schedule:\n  daily: {interval: 1d, keep: 7}\n  '7': {interval: 1d, keep: 7}\nsource: {type: file, filename: /x}\n");

    const int lock = ::open((backy / ".lock").c_str(), O_RDONLY);
    REQUIRE(::flock(lock, LOCK_EX) == 0);
    const auto busy = backy("import --all");
    CHECK(busy.code == 75);
    CHECK(busy.err == (backy / ".lock").string() + ": lock: held by a scheduler (stop it; those of the Python backy write over what is adopted)\n");
    CHECK(shell("\"$BACKY\" -b '" + (backy / "a").string() + "' import").code == 75);
    CHECK(shell("\"$BACKY\" -b '" + (backy / "a").string() + "' import --dry-run").code == 75);
    fs::create_directory(dir / "elsewhere"), fs::rename(backy / "a", dir / "elsewhere" / "a"), fs::create_symlink(dir / "elsewhere" / "a", backy / "a");
    CHECK(shell("\"$BACKY\" -b '" + (backy / "a").string() + "/' import").code == 75);  // the scheduler knows it by that name
    ::close(lock);
    const auto link = backy("import --all --dry-run");
    CHECK((link.code == 1 && link.err.find((backy / "a").string() + ": import: it is a symlink, which a scheduler of ours does not follow") != std::string::npos));
    fs::remove(backy / "a"), fs::rename(dir / "elsewhere" / "a", backy / "a");

    const auto r = backy("import --all");
    CHECK(r.code == 1);
    CHECK(r.err.find((backy / "b").string() + "/config:1:1: type: unknown type \"tape\"") != std::string::npos);
    CHECK(r.err.find((backy / "c").string() + "/config:3:3: schedule.7: is no tag") != std::string::npos);
    for (const auto* name : {"a", "c"}) CHECK(repository_directory(backy / name)("find").code == 0);
    CHECK(slurp(backy / "b" / "config") == "type: tape\n");
    CHECK(shell("\"$BACKY\" -b '" + dir.path().string() + "' import --all").code == 1);  // base is no job's directory
}

TEST_CASE("import --config: what it prints is accepted by the scheduler") {
    const scratch dir(plain());
    const auto r = convert(dir.path(),
                           "global: {base-dir: " + dir.path().string() + ", worker-limit: 3, status-interval: 5, telnet-port: 6023, telnet-addrs: '::1, 127.0.0.1', status-file: /run/x/status}\n"
                           "schedules:\n  default: &d\n    daily: {interval: 1d, keep: 9}\n    fast: {interval: '90', keep: 2}\n  other: *d\n"
                           "jobs:\n  test01:\n    schedule: default\n    source: {type: file, filename: /x, cow: no}\n  test.02: {schedule: other, source: {type: file, filename: '/y \"z\"'}}\n");
    INFO(r.err);
    CHECK(r.code == 0);
    CHECK(r.err.empty());
    CHECK(r.out ==
          "# Converted from old.yaml\nformat = 1\n\n[global]\nbase-dir = \"" + dir.path().string() + "\"\nworker-limit = 3\nstatus-interval = 5\ntelnet-port = 6023\ntelnet-addrs = \"::1, 127.0.0.1\"\nstatus-file = \"/run/x/status\"\n"
          "\n[schedules.default]\ndaily = { interval = \"1d\", keep = 9 }\nfast = { interval = \"90s\", keep = 2 }\n\n[schedules.other]\ndaily = { interval = \"1d\", keep = 9 }\nfast = { interval = \"90s\", keep = 2 }\n"
          "\n[jobs.test01]\nschedule = \"default\"\nsource = { type = \"file\", filename = \"/x\" }\n\n[jobs.\"test.02\"]\nschedule = \"other\"\nsource = { type = \"file\", filename = \"/y \\\"z\\\"\" }\n");
    std::ofstream(dir / "new.conf") << r.out;
    const auto check = shell("\"$BACKY\" check -c '" + (dir / "new.conf").string() + "'");
    CHECK(check.out.find("status") != std::string::npos);  // it understands it, and misses the status file
    const auto other = scheduler::read_configuration<composition<sources_of<sources::file<>>, stores_of<stores::image<>>, hashes::gmac, schedules::interval>>(dir / "new.conf");
    CHECK(other.jobs.size() == 2);
    CHECK(other.jobs.at("test.02").volume == "/y \"z\"");
}

TEST_CASE("import --config: what we would refuse is left out and named") {
    const scratch dir(plain());
    const auto r = convert(dir.path(), "global:\n  base-dir: srv\n  api: {port: 1}\n  status-interval: 900\npeers: {}\nschedules:\n  default:\n    daily: {interval: 1d, keep: 9}\n    '5': {interval: 1d, keep: 9}\n"
                                       "    proof: {interval: 1d, keep: 9}\n  empty: {}\njobs:\n  a b: {schedule: default, source: {type: file, filename: /x}}\n  rel: {schedule: default, source: {type: file, filename: x}}\n"
                                       "  none: {schedule: nope, source: {type: file, filename: /x}}\n  tape: {schedule: default, source: {type: tape}}\n  nothing:\n  good: {schedule: default, source: {type: file, filename: /x}}\n");
    CHECK(r.code == 3);
    for (const auto* why : {"old.yaml:2:3: global.base-dir: must be an absolute path: \"srv\"", "old.yaml:3:3: global.api: unknown key", "old.yaml:4:3: global.status-interval: must be from 1 to 200: 900",
                            "old.yaml:5:1: peers: unknown key", "old.yaml:9:5: schedules.default.5: is no tag", "old.yaml:10:13: schedules.default.proof", "old.yaml:11:10: schedules.empty: no tags in it",
                            "jobs.a b: is no name for a job", "jobs.rel.source.filename: must be the absolute path", "jobs.none.schedule: unknown schedule \"nope\"", "jobs.tape.source.type: unknown type \"tape\""}) {
        INFO(r.err);
        CHECK(r.err.find(why) != std::string::npos);
CHECK(r.out.find(why) != std::string::npos);
    }
    CHECK(r.out.substr(r.out.find("format = 1")) == "format = 1\n\n[schedules.default]\ndaily = { interval = \"1d\", keep = 9 }\n\n[jobs.good]\nschedule = \"default\"\nsource = { type = \"file\", filename = \"/x\" }\n");
    CHECK(convert(dir.path(), "a: [").code == 2);
    CHECK(shell("\"$BACKY\" import --config /nowhere").code == 2);
}
