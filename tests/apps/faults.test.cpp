// SPDX-License-Identifier: GPL-3.0-or-later
// The sweep over the real programs, on real btrfs and XFS: by strace each call of a command that changes something is the last one before
// a SIGKILL, or fails. Between two such calls the disk stays as it is, so these are all the states that a kill can leave. Then the model has
// to hold, and the real program's next run needs no help. The normal run draws a part of the faults from a printed seed.
#include "support/long.hpp"
#include "support/model.hpp"
#include "support/running_scheduler.hpp"

#include <iostream>
#include <regex>

using namespace support;

namespace {

constexpr auto* changing = "openat,pwrite64,write,fsync,fchmod,ftruncate,fallocate,ioctl,renameat,unlinkat,symlinkat,mkdirat,flock";

std::vector<std::string> strace(const fs::path& trace, const std::string& injection) {
    std::vector<std::string> words{path_of_program("strace"), "-f", "-qq", "-o", trace.string(), "-e", std::string("trace=") + changing};
    if (!injection.empty()) words.insert(words.end(), {"-e", "inject=" + injection});
    return words;
}

struct fault {
    std::string injection;  ///< for strace
    std::string call;       ///< as it was without the fault
    bool kills;
};

/// Of a command that strace has written down: of all its calls from the first one that names `from` on. strace counts each kind of call, and
/// each thread, by itself.
std::vector<fault> faults_in(const fs::path& trace, const std::string& from) {
    std::vector<fault> faults;
    std::map<std::string, int> count;
    std::istringstream lines(slurp(trace));
    const std::regex shape("^(\\d+) +(\\w+)\\((.*)$");
    std::smatch match;
    bool begun = false;
    for (std::string line; std::getline(lines, line);) {
        if (!std::regex_match(line, match, shape)) continue;
        const auto name = match[2].str(), arguments = match[3].str(), when = ":when=" + std::to_string(++count[match[1].str() + name]);
        begun = begun || arguments.find(from) != arguments.npos;
        const bool changes = (name != "openat" || arguments.find("O_CREAT") != arguments.npos) && (name != "write" || !arguments.starts_with("2, "));
        if (!begun || !changes) continue;
        faults.push_back({name + ":signal=KILL" + when, line, true});
        faults.push_back({name + ":error=EIO" + when, line, false});
        if (name != "fsync" && name != "flock" && name != "unlinkat") faults.push_back({name + ":error=ENOSPC" + when, line, false});
    }
    return faults;
}

/// A repository with three revisions; trials work on copies of it. The source is one for all of them, so that it is the same volume for all.
class setting {
public:
    explicit setting(const fs::path& place) : place_(place), template_(place) {
        randomness random;
        const repository_directory backy(template_ / "r");
        now = some_volume(random, 1'200'077);
        spill(disk(), now);
        REQUIRE(backy("init file '" + disk().string() + "'").code == 0);
        auto config = slurp(backy / "config");
        std::ofstream(backy / "config") << config << "freeze = \"reflink\"\n\n[schedule]\ndaily = { interval = \"1s\", keep = 1 }\n";
        for (const auto* tags : {"daily", "daily,manual", "daily"}) {
            INFO(slurp(backy / "config"));
            REQUIRE(backy(std::string("backup ") + tags).code == 0);
            order.push_back(fs::read_symlink(backy / "last").string());
            truth.revisions[order.back()] = now;
            now = changed(random, now, now.size());
            spill_in_place(now);
        }
        std::this_thread::sleep_for(std::chrono::seconds(2));  // daily runs out
    }
    fs::path disk() const { return template_ / "disk.img"; }
    const fs::path& place() const { return place_; }
    fs::path repository() const { return template_ / "r"; }

    model truth;
    std::vector<revision_id> order;
    content now;

private:
    void spill_in_place(const content& c) const { std::ofstream(disk(), std::ios::in | std::ios::out | std::ios::binary) << c; }
    fs::path place_;
    scratch template_;
};

/// What there is before the command.
enum class beginning { nothing, configuration, revisions };

/// One command under one fault.
struct trial {
    trial(const setting& of, beginning b) : s(of), dir(of.place()), backy(dir / "r"), m(b == beginning::revisions ? of.truth : model{}) {
        if (b != beginning::nothing) fs::create_directory(backy.path());
        for (const auto& entry : fs::directory_iterator(s.repository()))
            if (b == beginning::revisions || (b == beginning::configuration && entry.path().filename() == "config"))
                fs::copy(entry.path(), backy / entry.path().filename().string(), fs::copy_options::copy_symlinks);
        spill(target(), content(900'000, 't'));
    }
    fs::path target() const { return dir / "target"; }
    fs::path trace() const { return dir / "trace"; }
    result run(const std::string& words, const std::string& injection) const {
        return shell(join(strace(trace(), injection), " ") + " \"$BACKY\" -b '" + backy.path().string() + "' " + words);
    }

    const setting& s;
    scratch dir;
    repository_directory backy;
    model m;
    int code = 0;  ///< of the command
};

struct command {
    const char* name;
    beginning before;
    std::function<std::string(const trial&)> words;
    std::string begins;  ///< the first call that names this is the first of the sweep
    std::function<violations(trial&, bool acknowledged)> judge;  ///< brings the trial's model up to date, too
};

std::vector<command> commands(const setting& s) {
    const auto backup_judge = [](trial& t, bool acknowledged) -> violations {
        if (acknowledged) t.m.revisions[fs::read_symlink(t.backy / "last").string()] = t.s.now;
        else t.m.arriving = t.s.now;
        return none;
    };
    const auto removes = [](const revision_id& id) {
        return [id](trial& t, bool acknowledged) -> violations {
            if (!acknowledged) t.m.leaving.insert(id);
            else t.m.revisions.erase(id);
            return none;
        };
    };
    const auto trust_of = [](const trial& t, const revision_id& id) { return catalogs::files<>(t.backy.path()).read().find(id)->trust; };
    return {
        {"init", beginning::nothing, [](const trial& t) { return "init file '" + t.s.disk().string() + "'"; }, "/r",
         [](trial& t, bool acknowledged) -> violations {
             if (acknowledged && !fs::exists(t.backy / "config")) return {"there is no configuration, and it said success"};
             const auto again = t.backy("init file '" + t.s.disk().string() + "'");
             if (!fs::exists(t.backy / "config") || (again.code != 0 && again.err.find("there is a configuration already") == again.err.npos)) return {"the next init fails: " + again.err};
             return none;
         }},
        {"first backup", beginning::configuration, [](auto&) { return "backup daily"; }, ".lock", backup_judge},
        {"backup", beginning::revisions, [](auto&) { return "backup daily"; }, ".lock", backup_judge},
        {"restore", beginning::revisions, [](const trial& t) { return "restore -r " + t.s.order[1] + " '" + t.target().string() + "'"; }, "/target",
         [](trial& t, bool acknowledged) -> violations {
             const auto& truth = t.s.truth.revisions.at(t.s.order[1]);
             if (acknowledged && slurp(t.target()) != truth) return {"the target has other bytes, and it said success"};
             if (t.backy("restore -r " + t.s.order[1] + " '" + t.target().string() + "'").code != 0 || slurp(t.target()) != truth) return {"the next restore is wrong"};
             return none;
         }},
        {"verify", beginning::revisions, [](const trial& t) { return "verify -r " + t.s.order[2]; }, ".lock",
         [=](trial& t, bool) -> violations {
             const auto trust = trust_of(t, t.s.order[2]);
             if (trust == trust::distrusted || (t.code == 0 && trust != trust::verified)) return {"it is " + name_of(trust)};  // 3: it could not be written down
             return none;
         }},
        {"distrust", beginning::revisions, [](const trial& t) { return "distrust -r " + t.s.order[2]; }, ".lock",
         [=](trial& t, bool acknowledged) -> violations {
             if (acknowledged) t.m.distrusted.insert(t.s.order[2]);
             return none;
         }},
        {"forget", beginning::revisions, [](const trial& t) { return "forget -r " + t.s.order[2]; }, ".lock", removes(s.order[2])},
        {"expire", beginning::revisions, [](auto&) { return "expire"; }, ".lock", removes(s.order[0])},
    };
}

violations violations_under(const fault& f, const command& c, const setting& s) {
    trial t(s, c.before);
    const auto r = t.run(c.words(t), f.injection);
    t.code = r.code;
    const bool acknowledged = r.code == 0 || r.code == 3;
    violations found;
    if (f.kills && r.code != 128 + SIGKILL) found.push_back("it was not killed: exit code " + std::to_string(r.code));
    if (!f.kills && !acknowledged && (r.code != 1 || r.err.empty())) found.push_back("exit code " + std::to_string(r.code) + ": " + r.err);
    const auto add = [&](const violations& more) { found.insert(found.end(), more.begin(), more.end()); };
    try {
        add(c.judge(t, acknowledged));
        add(violations_of(t.backy.path(), t.m, acknowledged ? expected_links::present : expected_links::present_or_absent));
        add(violations_of_next_run(t.backy.path(), s.disk(), t.m, s.now, {"config", "backy.log"}, [&] {
            if (const auto next = t.backy("backup next"); next.code != 0) throw error("backup", next.err);
        }));
    } catch (const std::exception& e) {
        found.push_back(e.what());
    }
    return found;
}

}  // namespace

TEST_CASE("programs: whatever call of a command fails or is its last, the model holds and the next run needs no help") {
    if (shell("command -v strace").code != 0) {
        WARN("SKIPPED: no strace");
        return;
    }
    randomness random;
    for (const auto& place : copy_on_write()) {
        const setting s(place);
        for (const auto& c : commands(s)) {
            trial clean(s, c.before);
            REQUIRE(clean.run(c.words(clean), "").code == 0);
            const auto faults = faults_in(clean.trace(), c.begins);
            CHECK(faults.size() > 10);
            std::size_t tried = 0, wrong = 0;
            for (const auto& f : faults) {
                if (!is_drawn(random, 4)) continue;
                const auto found = violations_under(f, c, s);
                ++tried, wrong += !found.empty();
                INFO(place << ", " << c.name << ", " << f.injection << ": " << f.call);
                CHECK(found == none);
            }
            std::cout << place.filename().string() << ", " << c.name << ": " << tried << " of " << faults.size() << " faults tried, " << wrong << " violations" << std::endl;
        }
    }
}

TEST_CASE("programs: whatever call of the scheduler or of its children fails or is its last, the next scheduler goes on") {
    if (shell("command -v strace").code != 0) {
        WARN("SKIPPED: no strace");
        return;
    }
    randomness random;
    const auto under = [](const fs::path& place, const std::string& injection, auto judge) {
        running_scheduler d(place);
        d.configure("[schedules.daily]\ndaily = { interval = \"1d\", keep = 2 }\n", {{"vm1", "daily"}});
        d.volumes({"vm1"});
        auto words = strace(d.dir / "trace", injection);
        words.insert(words.end(), {BACKY_PROGRAM, "-l", d.log().string(), "scheduler", "-c", d.config().string()});
        const auto tracer = spawn(words, {.log = d.dir / "errors"});
        int status = 0;
        const auto ended = [&] { return ::waitpid(tracer, &status, WNOHANG) != 0; };
        const auto finished = [&] { return d.logged("vm1: finished") + d.logged("vm1: failed") > 0 && d.check().code != 3; };
        bool over = false;
        eventually(std::chrono::seconds(20), [&] { return (over = ended()) || finished(); });
        for (int i = 0; i < 10 && !over; ++i) {  // strace holds back a signal, but its first line names the daemon; more than once, since a fault may take
            ::kill(std::stoi(slurp(d.dir / "trace")), SIGTERM);  // the write by which a handler tells of it
            over = eventually(std::chrono::seconds(2), ended);
        }
        if (!over) ::kill(tracer, SIGKILL), ::waitpid(tracer, &status, 0);
        INFO((fs::exists(d.log()) ? slurp(d.log()) : "no log") << slurp(d.dir / "errors"));
        CHECK(over);
        judge(d);
    };
    const auto count = [](const fs::path& repository) { return fs::exists(repository / "last") ? 1 : 0; };
    for (const auto& place : copy_on_write()) {
        std::vector<fault> faults;
        under(place, "", [&](const running_scheduler& d) {
            REQUIRE(count(d.base / "vm1") == 1);
            faults = faults_in(d.dir / "trace", ".lock");
        });
        std::size_t tried = 0;
        for (const auto& f : faults) {
            if (!is_drawn(random, faults.size() / 8)) continue;
            ++tried;
            INFO(place << ", " << f.injection << ": " << f.call);
            under(place, f.injection, [&](running_scheduler& d) {
                const auto repository = d.base / "vm1";
                if (fs::exists(repository / ".lock")) CHECK(shell("flock -w 20 '" + (repository / ".lock").string() + "' true").code == 0);  // an orphan at work
                const content truth = slurp(d.volume("vm1"));
                model m;
                m.arriving = truth;
                if (fs::exists(repository)) CHECK(violations_of(repository, m, expected_links::present_or_absent) == none);
                const bool is_owed_one = d.revisions("vm1") == 0;  // else nothing is due, and what is unfinished waits for the next run
                d.start();
                CHECK(d.check_becomes(0));
                CHECK(d.stop() == 0);
                REQUIRE(d.revisions("vm1") == 1);
                CHECK(violations_of(repository, m, is_owed_one ? expected_links::present : expected_links::present_or_absent) == none);
                CHECK(violations_of_next_run(repository, d.volume("vm1"), m, truth, {"config", "backy.log"}, [&] {
                          if (const auto next = d.repository("vm1")("backup next"); next.code != 0) throw error("backup", next.err);
                      }) == none);
            });
        }
        std::cout << place.filename().string() << ", scheduler: " << tried << " of " << faults.size() << " faults tried" << std::endl;
        CHECK(tried > 0);
    }
}
