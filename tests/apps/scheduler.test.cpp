// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: cli/scheduler cli/check cli/shell cli/expire cli/program core/interruption scheduler/daemon scheduler/background_journal scheduler/children scheduler/disk_threads scheduler/status_files scheduler/survey scheduler/service_manager scheduler/child scheduler/known scheduler/shell_client
// The real daemon with real backups: what an admin sees of it, and what it does when the world is as it is.
#include "support/running_scheduler.hpp"

#include <regex>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

using namespace support;
using namespace std::chrono_literals;

namespace {

constexpr auto* fast = "[schedules.fast]\noften = { interval = \"4s\", keep = 2 }\nseldom = { interval = \"40s\", keep = 2 }\n";
constexpr auto* daily = "[schedules.daily]\ndaily = { interval = \"1d\", keep = 2 }\n";

/// A program to stand in for backy in the daemon's children: `lines` see the arguments as $@, and $BACKY is the real one.
void stand_in(const running_scheduler& d, const std::string& lines) {
    const auto path = d.dir / "stand-in";
    std::ofstream(path) << "#!/bin/bash\nBACKY='" BACKY_PROGRAM "'\n" << lines << "\n";
    fs::permissions(path, fs::perms(0755));
    ::setenv("BACKY_CMD", path.c_str(), 1);
}
struct no_stand_in {
    ~no_stand_in() { ::unsetenv("BACKY_CMD"); }
};

constexpr auto* slow_writes = "[[ $3 == backup ]] && exec strace -D -f -qq -o /dev/null -e inject=pwrite64:delay_exit=400000 \"$BACKY\" \"$@\"\nexec \"$BACKY\" \"$@\"";

}  // namespace

TEST_CASE("scheduler: every volume has its revisions, and a source that breaks is critical until it is mended") {
    running_scheduler d;
    d.configure(fast, {{"vm1", "fast"}, {"vm2", "fast"}, {"vm3", "fast"}}, "worker-limit = 3\n");
    d.volumes({"vm1", "vm2", "vm3"});
    CHECK(d.check().out == "UNKNOWN: No status file found at " + (d.base / ".status.json").string() + "\n");
    CHECK(d.check().code == 3);
    d.start();
    REQUIRE(d.check_becomes(0));
    const auto fine = d.check();
    INFO(fine.out);
    CHECK(fine.out.starts_with("OK: 3 jobs within SLA | jobs=3 late=0;;0 "));
    CHECK(fine.out.find("\nremark: 3 volumes are on the filesystem of the backups, so that one fault takes both: vm1, vm2, vm3\n") != std::string::npos);

    const auto config = slurp(d.base / "vm1" / "config");
    CHECK(config.starts_with("# Written by backy scheduler from " + d.config().string() + ": changes made here are lost\nformat = 1\n"));
    CHECK((fs::status(d.base / "vm1" / "config").permissions() & fs::perms::all) == fs::perms(0640));
    struct ::stat written {};
    REQUIRE(::stat((d.base / "vm1" / "config").c_str(), &written) == 0);

    // runs by the schedule, expires by it, and one revision carries both tags when both are due
    REQUIRE(eventually(30s, [&] { return d.logged("vm1: finished") >= 5; }));
    CHECK(d.revisions("vm1") <= 5);
    const auto status = d.repository("vm1")("status").out;
    INFO(status);
    CHECK(status.find("often (live) ") != std::string::npos);
    CHECK(d.logged("vm1: running backup [often,seldom]") >= 1);
    struct ::stat later {};
    REQUIRE(::stat((d.base / "vm1" / "config").c_str(), &later) == 0);
    CHECK(written.st_ino == later.st_ino);  // written only when it changes
    CHECK((fs::status(d.base / ".status.json").permissions() & fs::perms::all) == fs::perms(0644));

    // as any user, by the status file alone
    const auto by_nobody = shell("cp " + (d.base / ".status.json").string() + " /tmp/backy-status-$$.json; chmod 644 /tmp/backy-status-$$.json; cp \"$BACKY\" /tmp/backy-$$; chmod 755 /tmp/backy-$$; "
                                 "setpriv --reuid 65534 --clear-groups /tmp/backy-$$ check --status /tmp/backy-status-$$.json; rc=$?; rm -f /tmp/backy-status-$$.json /tmp/backy-$$; exit $rc");
    INFO(by_nobody.out + by_nobody.err);
    CHECK(by_nobody.code == 0);

    fs::remove(d.volume("vm2"));
    REQUIRE(d.check_becomes(2));
    const auto broken = d.check();
    INFO(broken.out);
    CHECK(std::regex_search(broken.out, std::regex("^CRITICAL: 1 job not within SLA \\| jobs=3 late=1;;0 .*\nvm2 \\(last time: \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC\\), last run: exit status 1\n")));
    CHECK(slurp(d.base / "vm2" / "backy.log").find("vm2.img: open: No such file or directory") != std::string::npos);
    CHECK(d.shell("jobs vm2\\n").find("| vm2 | TOO OLD | waiting (retry) |") != std::string::npos);

    d.volumes({"vm2"});
    CHECK(d.shell("run vm2\\nquit\\n").find("vm2: due now\r\n") != std::string::npos);
    REQUIRE(d.check_becomes(0));
    CHECK(d.stop() == 0);
    CHECK(d.logged("stopped") == 1);
    CHECK(!fs::exists(d.base / ".shell"));
}

TEST_CASE("scheduler: revisions are read again while nothing is due, what has rotted is told, and the next run makes it good") {
    running_scheduler d;
    d.configure("[schedules.daily]\ndaily = { interval = \"1d\", keep = 3 }\nproof = { compared = \"1d\", verified = \"30d\" }\n", {{"vm1", "daily"}}, "scrub-every = \"4s\"\nscrub-rate = 1\n");
    d.volumes({"vm1"});
    d.start();
    REQUIRE(d.check_becomes(0));
    REQUIRE(eventually(30s, [&] { return d.logged("vm1: its revisions are what they were") >= 2; }));
    const auto last = [&] { return d.base / "vm1" / fs::read_symlink(d.base / "vm1" / "last"); };
    CHECK(slurp(last().string() + ".rev").find("trust = \"verified\"") != std::string::npos);
    CHECK(std::regex_search(d.repository("vm1")("status").out, std::regex("\nproven: compared 20\\d\\d-.{14}, verified 20\\d\\d-.{14}\n$")));

    const auto rotten = last();
    rot(rotten, 100'000);
    REQUIRE(eventually(30s, [&] { return d.logged("vm1: verify: exit status 1 (its backy.log says what was found)") == 1; }));
    CHECK(slurp(d.base / "vm1" / "backy.log").find("revision " + rotten.filename().string() + ": offset 65536, 65536 bytes: does not match its digest") != std::string::npos);
    REQUIRE(eventually(30s, [&] { return d.revisions("vm1") == 2; }));
    CHECK(eventually(30s, [&] { return d.check().out.find("vm1: 1 revision is distrusted (backy verify --distrusted, or forget)") != std::string::npos; }));
    CHECK((slurp(last()) == slurp(d.volume("vm1"))));
    CHECK(d.stop() == 0);
}

TEST_CASE("scheduler: nothing is read again where that is so configured, and check tells what is overdue elsewhere") {
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}}, "scrub-every = \"never\"\n");
    d.volumes({"vm1"});
    d.start();
    REQUIRE(d.check_becomes(0));
    std::this_thread::sleep_for(5s);
    CHECK(d.logged("reading revisions again") == 0);
    d.configure(daily, {{"vm1", "daily"}}, "scrub-every = \"4s\"\n");
    d.signal(SIGHUP);
    REQUIRE(eventually(30s, [&] { return d.logged("vm1: its revisions are what they were") >= 1; }));
    CHECK(d.stop() == 0);
    std::this_thread::sleep_for(5s);
    CHECK(d.check().out.starts_with("WARNING: vm1: proof verified is late (last time: 20"));
}

TEST_CASE("scheduler: while a run is due nothing is read again, and the reading goes on after it") {
    running_scheduler d;
    d.configure("[schedules.daily]\ndaily = { interval = \"1d\", keep = 3 }\n", {{"vm1", "daily"}, {"vm2", "daily"}}, "scrub-every = \"4s\"\nscrub-rate = 4\n");
    std::ofstream(d.volume("vm1")) << content(16 << 20, 'x');  // 4 s of reading
    d.volumes({"vm2"});
    const no_stand_in undo;
    stand_in(d, "echo \"$(date +%s%N) ${2##*/} $3 begins\" >>'" + (d.dir / "times").string() + "'\n[[ $2 == */vm2 && $3 == backup && -e '" + (d.dir / "slow").string() + "' ]] && sleep 8\n\"$BACKY\" \"$@\"\ncode=$?\necho \"$(date +%s%N) ${2##*/} $3 ends\" >>'" + (d.dir / "times").string() + "'\nexit $code");
    d.start();
    REQUIRE(eventually(30s, [&] { return d.logged("vm1: finished") + d.logged("vm2: finished") == 2; }));
    const auto moment_of = [&](const std::string& what) {  // the last of it
        std::istringstream lines(slurp(d.dir / "times"));
        std::int64_t at = 0;
        for (std::string line; std::getline(lines, line);)
            if (line.ends_with(" " + what)) at = std::stoll(line);
        return at;
    };
    INFO(slurp(d.dir / "times"));
    CHECK(eventually(30s, [&] { return moment_of("vm1 verify begins") > moment_of("vm1 verify ends"); }));
    std::ofstream(d.dir / "slow") << "";
    const auto verified = moment_of("vm1 verify ends");
    REQUIRE(d.shell("run vm2\n").find("due now") != std::string::npos);
    REQUIRE(eventually(40s, [&] { return moment_of("vm2 backup ends") > moment_of("vm2 backup begins"); }));
    CHECK(moment_of("vm1 verify ends") == verified);  // in 8 s it would have been at its end
    CHECK(eventually(40s, [&] { return moment_of("vm1 verify ends") > verified; }));
    CHECK(d.logged("vm1: its revisions are what they were") >= 1);
    CHECK(d.stop() == 0);
}

TEST_CASE("scheduler: all backups together read no faster than they may, and a reload lets them go") {
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}, {"vm2", "daily"}}, "worker-limit = 2\nread-rate = 4\n");
    for (const auto* name : {"vm1", "vm2"}) std::ofstream(d.volume(name)) << content(16 << 20, 'x');
    const auto begun = std::chrono::steady_clock::now();
    d.start();
    REQUIRE(eventually(60s, [&] { return d.logged("vm1: finished") + d.logged("vm2: finished") == 2; }));
    CHECK(std::chrono::steady_clock::now() - begun > 6s);  // 32 MiB
    for (const auto* name : {"vm1", "vm2"}) CHECK((slurp(d.base / name / "last") == slurp(d.volume(name))));

    d.configure(daily, {{"vm1", "daily"}, {"vm2", "daily"}}, "read-rate = 1\n");
    d.signal(SIGHUP);
    REQUIRE(eventually(20s, [&] { return d.logged("reload: 2 jobs: 0 new, 0 changed, 0 removed") == 1; }));
    REQUIRE(d.shell("run vm1\n").find("due now") != std::string::npos);
    std::this_thread::sleep_for(3s);
    CHECK(d.logged("vm1: finished") == 1);
    d.configure(daily, {{"vm1", "daily"}, {"vm2", "daily"}});
    d.signal(SIGHUP);
    CHECK(eventually(6s, [&] { return d.logged("vm1: finished") == 2; }));
    CHECK(d.stop() == 0);
}

TEST_CASE("scheduler: as a program of its own it runs the backy beside it") {
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}});
    d.volumes({"vm1"});
    d.start(fs::path(BACKY_PROGRAM).parent_path() / "backy-scheduler");
    CHECK(d.check_becomes(0));
    CHECK(d.stop() == 0);
}

TEST_CASE("scheduler: SIGTERM ends children, which clean up, and then the daemon") {
    const no_stand_in after;
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}});
    std::ofstream(d.volume("vm1")) << content(60'000'000, 'x');
    stand_in(d, slow_writes);
    d.start();
    REQUIRE(eventually(10s, [&] { return fs::exists(d.base / "vm1" / ".run"); }));
    std::this_thread::sleep_for(500ms);
    const auto begun = std::chrono::steady_clock::now();
    CHECK(d.stop() == 0);
    CHECK(std::chrono::steady_clock::now() - begun < 20s);
    CHECK(names_in(d.base / "vm1") == std::vector<std::string>{".lock", "backy.log", "config"});
    CHECK(slurp(d.base / "vm1" / "backy.log").find("interrupted: signal 15 asked for an end") != std::string::npos);
}

TEST_CASE("scheduler: killed in the middle of a backup and started again, nothing is lost and nothing done twice") {
    const no_stand_in after;
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}, {"vm2", "daily"}});
    std::ofstream(d.volume("vm1")) << content(30'000'000, 'x');
    d.volumes({"vm2"});
    stand_in(d, slow_writes);
    d.start();
    REQUIRE(eventually(10s, [&] { return fs::exists(d.base / "vm1" / ".run"); }));
    d.signal(SIGKILL);
    d.wait();
    ::unsetenv("BACKY_CMD");
    d.start();  // its port and its socket are free
    REQUIRE(eventually(60s, [&] { return d.revisions("vm1") == 1 && d.revisions("vm2") == 1; }));
    CHECK(d.check_becomes(0));
    CHECK(d.logged("vm1: finished") == 0);  // the orphan has made it
    CHECK(d.logged("vm1: another backy is at the repository") >= 1);
    CHECK(d.repository("vm1")("verify").code == 0);  // changes the repository, which the scheduler has to see
    std::this_thread::sleep_for(4s);
    CHECK((d.revisions("vm1") == 1 && d.revisions("vm2") == 1));
    const auto settled = [&] {  // both directories have been at rest for longer than a tick of the kernel's clock for files
        const auto known = slurp(d.base / ".known.json");
        return known.find("\"thorough\"") != known.rfind("\"thorough\"");
    };
    REQUIRE(eventually(20s, settled));
    CHECK(d.stop() == 0);
    d.start();
    CHECK(d.logged("2 jobs, 0 of them to be looked at") == 1);  // what was known is known
    CHECK((d.revisions("vm1") == 1 && d.revisions("vm2") == 1));
    CHECK(d.stop() == 0);
}

TEST_CASE("scheduler: one for a base directory, and nothing without a mount, a base directory or a configuration") {
    running_scheduler d;
    d.configure(daily, {});
    d.start();
    const auto scheduler = [&](const std::string& config) { return shell("cd '" + d.dir.path().string() + "'; \"$BACKY\" scheduler -c '" + config + "'"); };
    const auto second = scheduler(d.config().string());
    CHECK(second.code == 69);
    CHECK(second.err == (d.base / ".lock").string() + ": lock: held by another scheduler\n");
    CHECK(d.stop() == 0);
    CHECK(d.check().out.starts_with("OK: 0 jobs within SLA"));

    const auto refused = [&](const std::string& text, int code, const std::string& message) {
        std::ofstream(d.dir / "other.conf") << text;
        const auto r = scheduler((d.dir / "other.conf").string());
        CHECK(r.err == message + "\n");
        CHECK((r.code == code && r.out.empty()));
    };
    const auto base = "[global]\nbase-dir = \"" + d.base.string() + "\"\n";
    refused(base + "require-mount = true\n", 1, d.base.string() + ": require-mount: nothing is mounted there (mount it)");
    refused("[global]\nbase-dir = \"" + (d.dir / "none").string() + "\"\n", 1, (d.dir / "none").string() + ": open: No such file or directory");
    CHECK(!fs::exists(d.dir / "none"));
    refused(base + "telnet-addrs = \"192.0.2.1\"\n", 1, "telnet 192.0.2.1 port 6023: listen: Cannot assign requested address");
    CHECK(scheduler((d.dir / "none.conf").string()).code == 2);
    for (const auto& words : {"-c '" + (d.dir / "none.conf").string() + "'", "--status '" + (d.dir / "none" / "status.json").string() + "'", std::string("--nonsense")}) {
        const auto check = shell("\"$BACKY\" check " + words);
        CHECK((check.code == 3 && check.out.starts_with("UNKNOWN: ") && !fs::exists(d.dir / "none")));
    }
    for (const auto& mounted : copy_on_write()) {
        std::ofstream(d.dir / "other.conf") << "[global]\nbase-dir = \"" << mounted.string() << "\"\nrequire-mount = true\ntelnet-port = " << d.port << "\n";
        const auto before = d.logged(" ready: ");
        const auto pid = backy::spawn({BACKY_PROGRAM, "-l", d.log().string(), "scheduler", "-c", (d.dir / "other.conf").string()}, {.log = d.dir / "errors"});
        CHECK(eventually(10s, [&] { return d.logged(" ready: ") > before; }));
        ::kill(pid, SIGTERM);
        ::waitpid(pid, nullptr, 0);
        for (const auto* left : {".status.json", ".known.json", ".lock"}) fs::remove(mounted / left);
    }
}

TEST_CASE("scheduler: reload takes new, changed and removed jobs, and a broken configuration is told and the old one stays") {
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}, {"vm2", "daily"}});
    d.volumes({"vm1", "vm2", "vm3"});
    d.start();
    REQUIRE(d.check_becomes(0));
    d.configure("[schedules.daily]\ndaily = { interval = \"1d\", keep = 9 }\nweekly = { interval = \"1w\", keep = 9 }\n", {{"vm1", "daily"}, {"vm3", "daily"}});
    CHECK(d.shell("reload\\n").find("2 jobs: 1 new, 1 changed, 1 removed\r\n") != std::string::npos);
    REQUIRE(eventually(20s, [&] { return d.revisions("vm3") == 1 && d.revisions("vm1") == 2; }));  // vm1 owes its weekly
    CHECK(eventually(20s, [&] { return d.check().out.starts_with("WARNING: vm2: no job owns this directory, 292.97 KiB | "); }));
    CHECK(d.check().code == 1);
    CHECK(d.revisions("vm2") == 1);
    fs::remove_all(d.base / "vm2");
    REQUIRE(d.check_becomes(0));

    std::ofstream(d.config(), std::ios::app) << "[jobs.vm4]\nschedule = \"dialy\"\nsource = { type = \"file\", filename = \"/x\" }\n";
    d.signal(SIGHUP);
    REQUIRE(d.check_becomes(1));
    CHECK(d.check().out.find("jobs.vm4.schedule: unknown schedule \"dialy\"; known here: daily") != std::string::npos);
    CHECK(d.shell("jobs\\n").find("2 jobs shown") != std::string::npos);
    CHECK(d.shell("reload\\n").find("unknown schedule") != std::string::npos);
    d.configure(daily, {{"vm1", "daily"}});
    fs::rename(d.base / "vm3", d.dir / "vm3");
    d.signal(SIGHUP);
    REQUIRE(d.check_becomes(0));
    CHECK(d.shell("jobs\\n").find("1 job shown") != std::string::npos);
    CHECK(d.stop() == 0);
}

TEST_CASE("scheduler: relative paths go on meaning what they did, and a log that was renamed is opened anew") {
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}});
    d.volumes({"vm1", "vm2"});
    d.start_as({"/bin/sh", "-c", "cd \"$0\" && exec \"$1\" -l scheduler.log scheduler -c backy.conf", d.dir.path().string(), BACKY_PROGRAM});
    REQUIRE(eventually(20s, [&] { return d.logged("vm1: finished") == 1; }));
    fs::rename(d.log(), d.dir / "scheduler.log.1");
    d.configure(daily, {{"vm1", "daily"}, {"vm2", "daily"}});
    d.signal(SIGHUP);
    CHECK(eventually(20s, [&] { return d.logged("vm2: finished") == 1; }));
    CHECK(d.stop() == 0);
    CHECK(d.logged("stopped") == 1);
    CHECK(slurp(d.dir / "scheduler.log.1").find("stopped") == std::string::npos);
}

TEST_CASE("scheduler: a repository that somebody else is at is tried again soon, and it is no failure") {
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}});
    d.volumes({"vm1"});
    fs::create_directory(d.base / "vm1");
    REQUIRE(shell("flock '" + (d.base / "vm1" / ".lock").string() + "' sleep 4 & sleep 0.5").code == 0);
    d.start();
    REQUIRE(eventually(10s, [&] { return d.logged("vm1: another backy is at the repository") == 1; }));
    CHECK(d.check().out.find("failure") == std::string::npos);
    REQUIRE(eventually(40s, [&] { return d.logged("vm1: finished") == 1; }));
    CHECK(d.check_becomes(0));
    CHECK(d.stop() == 0);
}

TEST_CASE("scheduler: what a child's end means") {
    const no_stand_in after;
    running_scheduler d;
    d.configure(daily, {{"asks", "daily"}, {"crashes", "daily"}, {"fine", "daily"}, {"lies", "daily"}}, "worker-limit = 3\nbackup-completed-callback = \"" + (d.dir / "callback").string() + "\"\n");
    d.volumes({"asks", "crashes", "fine"});
    std::ofstream(d.dir / "callback") << "#!/bin/sh\ncat > '" << d.dir.path().string() << "'/called-$1\necho said by the callback\nexit 1\n";
    fs::permissions(d.dir / "callback", fs::perms(0755));
    stand_in(d, "[[ $2 == */crashes && $3 == backup ]] && { echo words of the dying >&2; kill -SEGV $$; }\n[[ $2 == */lies ]] && exit 0\n\"$BACKY\" \"$@\" || exit\n[[ $2 == */asks && $3 == backup ]] && exit 3\nexit 0");
    d.start();
    REQUIRE(eventually(20s, [&] { return d.logged("crashes: killed by signal 11") == 1 && fs::exists(d.dir / "called-fine") && d.revisions("asks") == 1; }));
    CHECK(slurp(d.base / "crashes" / "backy.log").find("words of the dying") != std::string::npos);
    REQUIRE(eventually(20s, [&] { return d.logged("callback: exit status 1") == 2; }));
    CHECK(slurp(d.dir / "called-fine").starts_with("{\n  \"format\": 1,"));
    CHECK(slurp(d.dir / "called-fine").find("\"daily\"") != std::string::npos);
    CHECK(fs::exists(d.dir / "called-asks"));
    CHECK(!fs::exists(d.dir / "called-crashes"));
    CHECK(eventually(10s, [&] { return d.check().out.find("lies (last time: -), last run: backup: it made no revision, and said that it did\n") != std::string::npos; }));
    CHECK(d.logged("lies: running backup") == 1);
    CHECK(!fs::exists(d.dir / "called-lies"));
    CHECK(slurp(d.base / "fine" / "backy.log").find("said by the callback") != std::string::npos);
    REQUIRE(d.check_becomes(2));
    CHECK(eventually(10s, [&] { return d.check().out.find("warning: asks: the last run made a good revision and asks for a look") != std::string::npos; }));
    CHECK(d.check().out.find("crashes (last time: -), last run: killed by signal 11\n") != std::string::npos);

    d.shell("run crashes\\n");
    REQUIRE(eventually(20s, [&] { return d.logged("crashes: killed by signal 11") == 2; }));
    CHECK(eventually(10s, [&] { return d.check().out.find("warning: crashes: 2 failures in a row: killed by signal 11") != std::string::npos; }));
    CHECK(d.stop() == 0);
}

TEST_CASE("scheduler: what was done by hand is seen") {
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}});
    d.volumes({"vm1"});
    d.start();
    REQUIRE(d.check_becomes(0));
    REQUIRE(d.repository("vm1")("backup by-hand").code == 0);
    REQUIRE(eventually(10s, [&] { return d.check().out.find("remark: vm1: tag by-hand is not in the schedule and never expires: 1 revision, ") != std::string::npos; }));
    CHECK(d.check().code == 0);
    const auto id = fs::read_symlink(d.base / "vm1" / "last").string();
    REQUIRE(d.repository("vm1")("distrust -r " + id).code == 0);
    REQUIRE(d.check_becomes(1));
    CHECK(d.check().out.starts_with("WARNING: vm1: 1 revision is distrusted (backy verify --distrusted, or forget) | "));
    d.stop();

    std::this_thread::sleep_for(2100ms);  // a .rev that is edited in place while no daemon runs, under a directory of the same time
    d.start();
    std::this_thread::sleep_for(2500ms);
    CHECK(d.stop() == 0);
    for (const auto& name : names_in(d.base / "vm1"))
        if (name.ends_with(".rev") && name != "last.rev") rot(d.base / "vm1" / name, 30);
    d.start();
    CHECK(eventually(10s, [&] { return d.check().out.find("its checksum does not match: it is damaged") != std::string::npos; }));
    CHECK(d.stop() == 0);
}

TEST_CASE("scheduler: what revisions hold and do not use is given back when nothing is due") {
    for (const auto& place : copy_on_write()) {
        if (place.filename() != "btrfs") continue;
        running_scheduler d(place);
        d.configure(daily, {{"vm1", "daily"}});
        randomness random;
        content volume(16 << 20, '\0');
        const auto rewrite = [&](std::size_t every) {
            for (std::size_t b = 0; b < volume.size(); b += every * backy::block_size) random.fill(volume, b, backy::block_size);
            spill(d.volume("vm1"), volume);
        };
        rewrite(1);
        d.start();
        REQUIRE(eventually(20s, [&] { return d.revisions("vm1") == 1; }));
        const auto first = fs::read_symlink(d.base / "vm1" / "last").string();
        rewrite(2);
        REQUIRE(eventually(20s, [&] { return d.shell("run vm1\n").find("due now") != std::string::npos; }));
        REQUIRE(eventually(20s, [&] { return d.revisions("vm1") == 2 && d.logged("vm1: finished") == 2; }));
        REQUIRE(eventually(20s, [&] { return d.repository("vm1")("forget -r " + first).code == 0; }));
        CHECK(eventually(30s, [&] { return slurp(d.base / "vm1" / "backy.log").find("8.00 MiB copied, now 16.00 MiB held for 16.00 MiB in use") != std::string::npos; }));
        CHECK(slurp(d.base / "vm1" / "last") == volume);
        CHECK(d.stop() == 0);
    }
}

TEST_CASE("scheduler: a re-layout makes way for a run, and is gone on with later") {
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}});
    d.volumes({"vm1"});
    const no_stand_in undo;
    stand_in(d, "[[ $3 == relayout ]] || exec \"$BACKY\" \"$@\"\necho begun >>'" + (d.dir / "relayouts").string() + "'\nexec sleep 100");
    const auto begun = [&] { return fs::exists(d.dir / "relayouts") ? slurp(d.dir / "relayouts").size() / 6 : 0; };
    d.start();
    std::string first;
    for (const std::size_t runs : {1, 2}) {
        REQUIRE(eventually(20s, [&] { return d.revisions("vm1") == runs && d.logged("vm1: finished") == runs; }));
        if (runs == 1) first = fs::read_symlink(d.base / "vm1" / "last").string();
        REQUIRE(eventually(20s, [&] { return d.shell("run vm1\n").find("due now") != std::string::npos; }));
    }
    REQUIRE(eventually(20s, [&] { return d.logged("vm1: finished") == 3; }));
    std::this_thread::sleep_for(3s);
    CHECK(begun() == 0);  // as long as nothing was removed there is nothing to give back
    REQUIRE(d.repository("vm1")("forget -r " + first).code == 0);
    REQUIRE(eventually(20s, [&] { return begun() == 1; }));
    REQUIRE(d.shell("run vm1\n").find("due now") != std::string::npos);
    CHECK(eventually(5s, [&] { return d.logged("vm1: finished") == 4; }));
    CHECK(d.logged("vm1: the re-layout made way for a run") == 1);
    CHECK(eventually(20s, [&] { return begun() == 2; }));
    CHECK(d.stop() == 0);
}

TEST_CASE("scheduler: tells the service manager that started it how it is") {
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}});
    d.volumes({"vm1"});
    const auto socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto name = "/tmp/backy-notify-" + std::to_string(::getpid());
    std::strncpy(address.sun_path, name.c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(socket, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) == 0);
    std::vector<std::string> said;
    const auto heard = [&](const std::string& what) {
        return eventually(20s, [&] {
            char text[256];
            for (ssize_t n; (n = ::recv(socket, text, sizeof text, MSG_DONTWAIT)) > 0;) said.emplace_back(text, static_cast<std::size_t>(n));
            const auto found = std::ranges::find(said, what);
            if (found == said.end()) return false;
            said.erase(said.begin(), found + 1);
            return true;
        });
    };
    d.start_as({"/bin/sh", "-c", "NOTIFY_SOCKET=" + name + " WATCHDOG_USEC=200000 WATCHDOG_PID=$$ exec '" BACKY_PROGRAM "' -l '" + d.log().string() + "' scheduler -c '" + d.config().string() + "'"});
    CHECK(heard("READY=1"));
    for (int i = 0; i < 3; ++i) CHECK(heard("WATCHDOG=1"));
    d.signal(SIGHUP);
    CHECK(heard("RELOADING=1"));
    CHECK(heard("READY=1"));
    CHECK(heard("WATCHDOG=1"));
    d.signal(SIGTERM);
    CHECK(heard("STOPPING=1"));
    CHECK(d.wait() == 0);
    CHECK(std::ranges::count(names_in(d.base), ".status.prom") == 1);
    ::close(socket);
    ::unlink(name.c_str());
}
