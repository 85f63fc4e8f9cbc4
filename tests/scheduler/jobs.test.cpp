// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: scheduler/jobs config/global config/repository
#include "support/scratch.hpp"
#include "support/volume.hpp"

#include <backy/hashes/gmac.hpp>
#include <backy/schedules/interval.hpp>
#include <backy/scheduler/jobs.hpp>
#include <backy/sources/file.hpp>
#include <backy/stores/image.hpp>
#include <backy/targets/file.hpp>
#include <backy/targets/stream.hpp>

using namespace backy;
using namespace support;

namespace {

using build = composition<sources_of<sources::file<>>, stores_of<stores::image<>>, hashes::gmac, schedules::interval>;

struct sandbox {
    scratch dir{plain()};
    std::string path = (dir / "backy.conf").string();
    auto read(const std::string& text) const {
        std::ofstream(path) << text;
        return scheduler::read_configuration<build>(path);
    }
    void refused(const std::string& text, const std::string& message) const { CHECK_THROWS_WITH(read(text), path + message); }
};

constexpr auto* schedules_part = "[schedules.default]\ndaily = { interval = \"1d\", keep = 7 }\n";

}  // namespace

TEST_CASE("configuration: the contract's example, and what is not said") {
    const sandbox s;
    const auto c = s.read(std::string("format = 1\n[global]\nbase-dir = \"/b\"\nrequire-mount = true\nworker-limit = 3\nstatus-file = \"/run/s.json\"\nstatus-interval = 10\n"
                                      "telnet-addrs = \"127.0.0.1, ::1\"\ntelnet-port = 7000\nbackup-completed-callback = \"/usr/bin/true\"\n") +
                          schedules_part + "[jobs.test01]\nschedule = \"default\"\nsource = { type = \"file\", filename = \"/path/to/vm/image\" }\nstore = { type = \"image\", reflink = \"require\" }\n");
    CHECK((c.global.base_dir == "/b" && c.global.require_mount && c.global.worker_limit == 3 && c.global.status_file == "/run/s.json"));
    CHECK((c.global.status_interval == std::chrono::seconds(10) && c.global.telnet_port == 7000 && c.global.backup_completed_callback == "/usr/bin/true"));
    CHECK(c.global.telnet_addrs == std::vector<std::string>{"127.0.0.1", "::1"});
    REQUIRE(c.jobs.size() == 1);
    CHECK(c.jobs.at("test01").volume == "/path/to/vm/image");
    CHECK(c.jobs.at("test01").config ==
          "# Written by backy scheduler from " + s.path + ": changes made here are lost\nformat = 1\n\n[source]\nfilename = \"/path/to/vm/image\"\ntype = \"file\"\n\n"
          "[store]\nreflink = \"require\"\ntype = \"image\"\n\n[schedule]\ndaily = { interval = \"1d\", keep = 7 }\n");
    std::ofstream(s.dir / "config") << c.jobs.at("test01").config;
    const auto again = config::repository::read(s.dir.path());
    CHECK((again.source.get<std::string>("filename") == "/path/to/vm/image" && again.schedule.has("daily")));

    const auto least = s.read("");
    CHECK((least.global.base_dir == "/srv/backy" && !least.global.require_mount && least.global.worker_limit == 1 && least.global.status_file == "/srv/backy/.status.json"));
    CHECK((least.global.status_interval == std::chrono::seconds(30) && least.global.telnet_addrs.size() == 2 && least.global.telnet_port == 6023 && least.jobs.empty()));
    CHECK(s.read("[global]\ntelnet-addrs = \"\"").global.telnet_addrs.empty());
}

TEST_CASE("configuration: an error names file, line, column, what is wrong and what is known") {
    const sandbox s;
    s.refused("[global]\nbase-dri = \"/b\"", ":2:1: global.base-dri: unknown key; known here: base-dir, require-mount, worker-limit, status-file, status-interval, telnet-addrs, telnet-port, "
                                             "backup-completed-callback, scrub-every, scrub-rate, read-rate");
    s.refused("globl = 1", ":1:1: globl: unknown key; known here: format, global, schedules, jobs");
    s.refused("format = 2", ":1:1: format: this backy knows format 1");
    s.refused("[global]\nbase-dir = \"b\"", ":2:1: global.base-dir: must be an absolute path: \"b\"");
    s.refused("[global]\nbase-dir = 7", ":2:1: global.base-dir: must be a string");
    s.refused("[global]\nworker-limit = 0", ":2:1: global.worker-limit: must be from 1 to 1000: 0");
    s.refused("[global]\nworker-limit = \"3\"", ":2:1: global.worker-limit: must be a whole number");
    s.refused("[global]\nstatus-interval = 301", ":2:1: global.status-interval: must be from 1 to 200: 301");
    s.refused("[global]\ntelnet-port = 65536", ":2:1: global.telnet-port: must be from 1 to 65535: 65536");
    s.refused("[global]\ntelnet-addrs = \"localhost\"", ":2:1: global.telnet-addrs: \"localhost\" is no IP address");
    s.refused("[global\n", ":1:8: Error while parsing table header: expected ']', saw '\\n'");
    s.refused("[schedules.default]\ndaily = { interval = \"1y\", keep = 7 }", ":2:11: schedules.default.daily.interval: must be a number with s, m, h, d or w, as in \"1d\"");
    s.refused("[schedules]\ndefault = 1", ":2:1: schedules.default: must be a table");
    const std::string job = "schedule = \"default\"\nsource = { type = \"file\", filename = \"/x\" }\n";
    const auto with = [&](const std::string& text) { return schedules_part + text; };
    s.refused(with("[jobs.a]\nschedule = \"dialy\"\nsource = { type = \"file\", filename = \"/x\" }"), ":4:1: jobs.a.schedule: unknown schedule \"dialy\"; known here: default");
    s.refused(with("[jobs.test02]\nschedule = \"default\"\nsource = { type = \"ceph-rdb\", pool = \"rbd\" }"), ":5:12: jobs.test02.source.type: unknown type \"ceph-rdb\"; this build has: file");
    s.refused(with("[jobs.a]\nschedule = \"default\"\nsource = { type = \"file\", filenam = \"/x\" }"), ":5:27: jobs.a.source.filenam: unknown key; known here: type, filename, freeze, freeze-command, thaw-command, changes, full-always, compared-within-runs, compare-time-limit");
    s.refused(with("[jobs.a]\nschedule = \"default\"\n"), ":3:1: jobs.a.source: missing");
    s.refused(with("[jobs.a]\nsource = { type = \"file\", filename = \"/x\" }\n"), ":3:1: jobs.a.schedule: missing");
    s.refused(with("[jobs.a]\n" + job + "store = { type = \"chunks\" }"), ":6:11: jobs.a.store.type: unknown type \"chunks\"; this build has: image");
    s.refused(with("[jobs.a]\n" + job + "scheduel = 1"), ":6:1: jobs.a.scheduel: unknown key; known here: schedule, source, store");
    s.refused(with("[jobs.\".hidden\"]\n" + job), ":3:7: jobs..hidden: is no name for a job (letters, digits, . _ - and not a dot first)");
    for (const auto* name : {"a/b", "..", "../a", "/a", ".", "", "a b", "a\nb"}) {
        INFO(name);
        CHECK(!scheduler::is_job_name(name));
    }
    CHECK(!scheduler::is_job_name({"a\0b", 3}));
    CHECK(!scheduler::is_job_name(std::string(256, 'a')));
    s.refused(with("[jobs.\"a/b\"]\n" + job), ":3:7: jobs.a/b: is no name for a job (letters, digits, . _ - and not a dot first)");
    s.refused(with("[jobs]\na = 1"), ":4:1: jobs.a: must be a table");
    CHECK_THROWS_AS(s.read("jobs = 1"), config_error);
    CHECK_THROWS_AS(scheduler::read_configuration<build>(s.dir / "none"), config_error);
    CHECK_THROWS_AS(scheduler::read_configuration<build>(s.dir.path()), config_error);
    CHECK(s.read(with("[jobs.\"A-b_9.c\"]\n" + job)).jobs.contains("A-b_9.c"));
}

TEST_CASE("configuration: [global] alone, wherever it stands and whatever else is in the file") {
    const sandbox s;
    const auto base = [&](const std::string& text) {
        std::ofstream(s.path) << text;
        return config::read_global(s.path).base_dir.string();
    };
    const std::string global = "[global]\nbase-dir = \"/b\"\n", job = "[jobs.a]\nschedule = \"none\"\n";
    CHECK(base(global + job) == "/b");
    CHECK(base(job + global) == "/b");
    CHECK(base("global = { base-dir = \"/b\" }\n" + job) == "/b");
    CHECK(base(job) == "/srv/backy");
    CHECK(base("[global]\nbase-dir = \"\"\"/b\\\n[jobs\"\"\"\n") == "/b[jobs");
    CHECK_THROWS_WITH(base(global + "x = 1\n" + job), s.path + ":3:1: global.x: unknown key; known here: base-dir, require-mount, worker-limit, status-file, status-interval, telnet-addrs, telnet-port, backup-completed-callback, scrub-every, scrub-rate, read-rate");
}
