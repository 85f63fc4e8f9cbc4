// SPDX-License-Identifier: GPL-3.0-or-later
// Who may do what: users without privileges, modes, symlinks that somebody put there, repositories of others, names that lead elsewhere,
// secrets, and what commands that only read and write are kept from.
#include "support/running_scheduler.hpp"

#include <backy/catalogs/files.hpp>
#include <backy/core/confinement.hpp>

#include <map>
#include <regex>
#include <sys/stat.h>

using namespace support;
using namespace std::chrono_literals;

namespace {

constexpr auto* daily = "[schedules.daily]\ndaily = { interval = \"1d\", keep = 2 }\n";
constexpr ::uid_t nobody = 65534;

bool can_be_another() {
    if (::geteuid() == 0 && shell("command -v setpriv").code == 0) return true;
    WARN("SKIPPED: not root");
    return false;
}

/// Where any user can come to, with a program that any user can run.
struct open_place {
    open_place() : dir(fs::temp_directory_path()), program(dir / "backy") {
        fs::permissions(dir.path(), fs::perms(0755));
        fs::copy(BACKY_PROGRAM, program);
        fs::permissions(program, fs::perms(0755));
    }
    /// A directory of that user.
    fs::path home(::uid_t user) const {
        const auto made = dir / ("home-" + std::to_string(user));
        fs::create_directory(made);
        fs::permissions(made, fs::perms(0755));
        REQUIRE(::chown(made.c_str(), user, user) == 0);
        return made;
    }
    result as(::uid_t user, const std::string& command) const {
        return shell("BACKY='" + program.string() + "'; export BACKY; exec setpriv --reuid " + std::to_string(user) + " --regid " + std::to_string(user) + " --clear-groups sh -c '" + command + "'");
    }
    scratch dir;
    fs::path program;
};

/// Everything below a directory: owner, kind and mode, size, time of change; where links lead.
std::map<std::string, std::string> picture(const fs::path& dir) {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(dir)) {
        struct ::stat st {};
        REQUIRE(::lstat(entry.path().c_str(), &st) == 0);
        all[fs::relative(entry.path(), dir).string()] = std::to_string(st.st_uid) + " " + std::to_string(st.st_mode) + " " + std::to_string(st.st_size) + " " + std::to_string(st.st_ctim.tv_sec) + "." +
                                                        std::to_string(st.st_ctim.tv_nsec) + (entry.is_symlink() ? " " + fs::read_symlink(entry.path()).string() : "");
    }
    return all;
}

int mode_of(const fs::path& path) {
    struct ::stat st {};
    REQUIRE(::lstat(path.c_str(), &st) == 0);
    return static_cast<int>(st.st_mode & 07777);
}

struct fixture {
    explicit fixture(const fs::path& place = plain()) : dir(place), backy(dir / "r"), disk(dir / "disk.img") {
        spill(disk, content(300'000, 'x'));
        REQUIRE(backy("init file '" + disk.string() + "'").code == 0);
    }
    std::string backup(const std::string& tags) {
        const auto r = backy("backup " + tags);
        INFO(r.err);
        REQUIRE(r.code == 0);
        return fs::read_symlink(backy / "last").string();
    }
    scratch dir;
    repository_directory backy;
    fs::path disk;
};

constexpr std::array changing{"backup b", "verify", "distrust -r 0", "expire", "init file /x"};

}  // namespace

TEST_CASE("rights: every command, and the scheduler with its children, work without any privilege") {
    if (!can_be_another()) return;
    const open_place place;
    const auto home = place.home(nobody);
    const auto in_home = [&](const std::string& words) {
        const auto r = place.as(nobody, "cd " + home.string() + " && " + words);
        INFO(words << ": " << r.err);
        CHECK(r.code == 0);
        return r.out;
    };
    in_home("head -c 300000 /dev/urandom >disk.img; $BACKY -b r init file disk.img");
    for (const auto* tags : {"daily", "daily,weekly"}) in_home("$BACKY -b r backup " + std::string(tags) + " && printf changed | dd of=disk.img conv=notrunc status=none");
    CHECK(in_home("$BACKY -b r status").find("2 revisions\n") != std::string::npos);
    in_home("$BACKY -b r verify --all && $BACKY -b r distrust -r 0 && $BACKY -b r verify --distrusted && $BACKY -b r restore new.img && cmp new.img r/last && $BACKY -b r restore disk.img && cmp disk.img r/last");
    in_home("$BACKY -b r restore - | cmp - r/last && $BACKY -b r expire && $BACKY -b r forget -r $($BACKY -b r find -r 1 | sed s,.*/,,) && test -s r/backy.log");
    CHECK(in_home("$BACKY -b r status 2>&1").find("\n1 revision\n") != std::string::npos);
    for (const auto& [name, text] : picture(home)) {
        INFO(name << ": " << text);
        CHECK(text.starts_with(std::to_string(nobody) + " "));
    }

    running_scheduler d(home);
    d.configure(daily, {{"vm1", "daily"}, {"vm2", "daily"}});
    d.volumes({"vm1", "vm2"});
    REQUIRE(shell("chown -R 65534:65534 '" + d.dir.path().string() + "'").code == 0);
    d.start_as({backy::path_of_program("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups", place.program.string(), "-l", d.log().string(), "scheduler", "-c", d.config().string()});
    CHECK(d.check_becomes(0));
    CHECK((d.revisions("vm1") == 1 && d.revisions("vm2") == 1));
    CHECK(d.stop() == 0);
    CHECK(slurp(d.dir / "errors") == "");
}

TEST_CASE("rights: files are 0440 or 0640 and directories 0750, whatever the umask") {
    const auto expected = [](const fs::path& path) {
        const auto name = path.filename().string();
        if (fs::is_directory(path)) return 0750;
        if (name == ".status.json" || name == ".status.prom") return 0644;  // check and node_exporter read them as any user
        if (name == ".shell") return 0660;
        const bool sealed = backy::is_revision_id(path.stem().string()) && (path.extension() == "" || name.ends_with(".rev") || name.ends_with(".digests"));
        return sealed ? 0440 : 0640;
    };
    const auto check_modes = [&](const fs::path& root) {
        for (const auto& entry : fs::recursive_directory_iterator(root)) {
            if (entry.is_symlink()) continue;
            INFO(entry.path() << " " << std::oct << mode_of(entry.path()));
            CHECK(mode_of(entry.path()) == expected(entry.path()));
        }
    };
    for (const auto* umask : {"0", "077", "0777"}) {
        INFO("umask " << umask);
        const scratch dir(plain());
        spill(dir / "disk.img", content(300'000, 'x'));
        const auto in_umask = [&](const std::string& words) {
            const auto r = shell("cd '" + dir.path().string() + "'; umask " + umask + "; " + words);
            INFO(words << ": " << r.err);
            CHECK(r.code == 0);
        };
        in_umask("\"$BACKY\" -b all/a/r init file disk.img && \"$BACKY\" -b all/a/r backup a && \"$BACKY\" -b all/a/r backup b && \"$BACKY\" -b all/a/r verify && \"$BACKY\" -b all/a/r distrust -r 1 && "
                 "\"$BACKY\" -b all/a/r restore all/restored");
        if (shell("command -v strace").code == 0)  // killed before the image is sealed
            in_umask("! strace -f -qq -o /dev/null -e inject=fchmod:signal=KILL:when=2 \"$BACKY\" -b all/a/r backup c && test -e all/a/r/.run");
        CHECK(mode_of(dir / "all") == 0750);
        check_modes(dir / "all");
    }
    for (const auto* umask : {"0", "0777"}) {
        INFO("umask " << umask);
        running_scheduler d;
        d.configure(daily, {{"vm1", "daily"}});
        d.volumes({"vm1"});
        d.start_as({"/bin/sh", "-c", std::string("umask ") + umask + "; exec \"$0\" -l \"$1\" scheduler -c \"$2\"", BACKY_PROGRAM, d.log().string(), d.config().string()});
        CHECK(d.check_becomes(0));
        REQUIRE(eventually(10s, [&] { return fs::exists(d.base / ".known.json"); }));
        check_modes(d.base);
        CHECK(mode_of(d.log()) == 0640);
        CHECK(d.stop() == 0);
    }
}

namespace {

/// What a symlink may lead to, and must stay as it is.
struct victims {
    explicit victims(const fs::path& in) : root(in / "elsewhere") {
        fs::create_directories(root / "folder");
        spill(root / "file", "precious");
        before = picture(root);
    }
    void check_untouched() const {
        CHECK(picture(root) == before);
        CHECK(slurp(root / "file") == "precious");
    }
    fs::path root;
    std::map<std::string, std::string> before;
};

void put_link(const fs::path& to, const fs::path& name) {
    fs::remove(name);
    fs::create_symlink(to, name);
}

}  // namespace

TEST_CASE("rights: a symlink in a repository is followed neither to write nor to remove") {
    fixture f;
    const victims v(f.dir.path());
    const auto commands = [&](const std::string& id) {
        for (const auto* command : changing) f.backy(command);
        f.backy("forget -r " + id);
        v.check_untouched();
    };
    for (const auto* target : {"file", "new"})
        for (const auto* name : {".lock", ".run", ".run.new", ".rev.new", "last", "last.rev", ".last.new", ".last.rev.new", "backy.log", ".config.new", "config"}) {
            INFO(name << " leads to " << target);
            const auto id = f.backup("a"), config = slurp(f.backy / "config");
            put_link(v.root / target, f.backy / name);
            commands(id);
            fs::remove(f.backy / name);
            backy::io::directory<backy::io::posix>(f.backy.path()).replace("config", config, ".config.new", 0640);
        }
    for (const auto* target : {"file", "new"})
        for (const auto* suffix : {"", ".rev", ".digests"}) {
            INFO("ID" << suffix << " leads to " << target);
            f.backup("a");
            const auto id = f.backup("b");
            put_link(v.root / target, f.backy / (id + suffix));
            put_link(v.root / target, f.backy / (".retired-" + id));
            put_link(v.root / target, f.backy / ("." + id + suffix + ".new"));
            commands(id);
            CHECK(!fs::exists(fs::symlink_status(f.backy / (id + suffix))));  // the link itself is gone
        }
}

TEST_CASE("rights: a log that is a symlink is told of and not written") {
    fixture f;
    const victims v(f.dir.path());
    put_link(v.root / "file", f.backy / "backy.log");
    const auto r = f.backy("backup a");
    CHECK(r.code == 0);
    CHECK(r.err.starts_with((f.backy / "backy.log").string() + ": open: Too many levels of symbolic links\n"));
    v.check_untouched();
    fs::remove(f.backy / "backy.log");
    put_link(f.dir / "mine.log", f.dir / "link");
    CHECK(f.backy("-l '" + (f.dir / "link").string() + "' backup b").code == 0);  // that one was asked for
    CHECK(slurp(f.dir / "mine.log").find("complete: ") != std::string::npos);
}

TEST_CASE("rights: symlinks in the scheduler's directories are not followed") {
    running_scheduler d;
    const victims v(d.dir.path());
    d.configure(daily, {{"config", "daily"}, {"fine", "daily"}, {"itself", "daily"}, {"log", "daily"}});
    d.volumes({"config", "fine", "itself", "log"});
    for (const auto* name : {".status.json", ".status.json.new", ".known.json", ".known.json.new", ".shell"}) put_link(v.root / "file", d.base / name);
    put_link(v.root / "folder", d.base / "itself");
    for (const auto* job : {"config", "log"}) fs::create_directory(d.base / job);
    put_link(v.root / "file", d.base / "config" / "config");
    put_link(v.root / "new", d.base / "log" / "backy.log");
    d.start();
    REQUIRE(eventually(20s, [&] { return d.logged("fine: finished") == 1; }));
    REQUIRE(eventually(10s, [&] { return d.check().out.find("itself (last time: -), last run: " + (d.base / "itself").string() + ": open: Not a directory\n") != std::string::npos; }));
    REQUIRE(eventually(10s, [&] { return d.check().out.find((d.base / "log" / "backy.log").string() + ": open: Too many levels of symbolic links\n") != std::string::npos; }));
    REQUIRE(eventually(10s, [&] { return d.check().out.find((d.base / "config" / "config").string() + ": open: Too many levels of symbolic links\n") != std::string::npos; }));
    CHECK(d.shell("jobs fine\\n").find("| fine | OK ") != std::string::npos);
    CHECK(d.stop() == 0);
    v.check_untouched();
    put_link(v.root / "file", d.base / ".lock");
    CHECK(shell("\"$BACKY\" -l '" + d.log().string() + "' scheduler -c '" + d.config().string() + "'").code == 1);
    v.check_untouched();
}

TEST_CASE("rights: a repository of another user is read by whoever may read it, and changed by its owner alone") {
    if (!can_be_another()) return;
    const open_place place;
    const auto theirs = place.home(nobody), ours = place.home(0);
    const auto run = [&](::uid_t user, const std::string& words, const fs::path& repository) { return place.as(user, "cd / && $BACKY -b " + repository.string() + " " + words); };
    struct side {
        ::uid_t owner, other;
        fs::path repository;
    };
    for (const auto& [owner, other, r] : {side{nobody, 0, theirs / "r"}, side{0, nobody, ours / "r"}}) {
        INFO("of " << owner << ", used by " << other);
        spill(r.parent_path() / "disk.img", content(100'000, 'x'));
        fs::permissions(r.parent_path() / "disk.img", fs::perms(0644));
        REQUIRE(run(owner, "init file " + (r.parent_path() / "disk.img").string(), r).code == 0);
        REQUIRE(run(owner, "backup a", r).code == 0);
        REQUIRE(shell("chgrp -hR 65534 '" + r.string() + "'").code == 0);  // whoever is in the group may read
        const auto id = fs::read_symlink(r / "last").string();
        const auto before = picture(r);
        CHECK(run(other, "status", r).out.find("1 revision\n") != std::string::npos);
        CHECK(run(other, "status --json", r).code == 0);
        CHECK(run(other, "find", r).out == (r / id).string() + "\n");
        CHECK(run(other, "restore -", r).out == content(100'000, 'x'));
        for (std::string words : {"backup b", "verify", "distrust -r 0", "expire", "init file /x", "forget -r "}) {
            if (words.ends_with(' ')) words += id;
            INFO(words);
            const auto refused = run(other, words, r);
            CHECK(refused.code == 1);
            CHECK(refused.err == r.string() + ": it belongs to " + backy::io::user_name(owner) + ", not to " + backy::io::user_name(other) + " (run it as " + backy::io::user_name(owner) + ")\n");
        }
        CHECK(picture(r) == before);
    }
}

TEST_CASE("rights: a repository that others may write to is refused until they may not") {
    fixture f;
    const auto id = f.backup("a");
    const auto refused = [&](const fs::path& what) {
        const auto before = picture(f.backy.path());
        for (std::string words : {"backup b", "verify", "distrust -r 0", "expire", "forget -r "}) {
            if (words.ends_with(' ')) words += id;
            INFO(words);
            const auto r = f.backy(words);
            CHECK(r.code == 1);
            CHECK(r.err == what.string() + ": others than its owner may write to it (chmod go-w)\n");
        }
        for (const auto* words : {"status", "find", "restore -"}) CHECK(f.backy(words).code == 0);
        CHECK(picture(f.backy.path()) == before);
    };
    for (const auto mode : {0770, 0752, 01777}) {
        fs::permissions(f.backy.path(), fs::perms(mode));
        refused(f.backy.path());
        CHECK(f.backy("init file /x").err == f.backy.path().string() + ": others than its owner may write to it (chmod go-w)\n");
    }
    fs::permissions(f.backy.path(), fs::perms(0750));
    for (const auto mode : {0660, 0642}) {
        fs::permissions(f.backy / "config", fs::perms(mode));
        refused(f.backy / "config");
    }
    fs::permissions(f.backy / "config", fs::perms(0640));
    f.backup("b");

    fs::create_directory(f.dir / "shared");
    fs::permissions(f.dir / "shared", fs::perms(0777));
    CHECK(repository_directory(f.dir / "shared")("init file /x").code == 1);
    CHECK(fs::is_empty(f.dir / "shared"));
}

TEST_CASE("rights: the scheduler refuses a base directory that is not its own, and the jobs whose directories are not") {
    running_scheduler d;
    d.configure(daily, {{"fine", "daily"}, {"shared", "daily"}, {"theirs", "daily"}});
    d.volumes({"fine", "shared", "theirs"});
    const auto refused = [&](const std::string& why) {
        const auto before = picture(d.base);
        const auto r = shell("\"$BACKY\" -l '" + d.log().string() + "' scheduler -c '" + d.config().string() + "'");
        CHECK(r.code == 1);
        CHECK(r.err == d.base.string() + ": " + why + "\n");
        CHECK(picture(d.base) == before);
    };
    for (const auto mode : {0775, 0757}) {
        fs::permissions(d.base, fs::perms(mode));
        refused("others than its owner may write to it (chmod go-w)");
    }
    fs::permissions(d.base, fs::perms(0750));
    const bool root = can_be_another();
    if (root) {
        REQUIRE(::chown(d.base.c_str(), nobody, nobody) == 0);
        refused("it belongs to " + backy::io::user_name(nobody) + ", not to " + backy::io::user_name(0) + " (run it as " + backy::io::user_name(nobody) + ")");
        REQUIRE(::chown(d.base.c_str(), 0, 0) == 0);
    }
    for (const auto* job : {"shared", "theirs"}) fs::create_directory(d.base / job);
    fs::permissions(d.base / "shared", fs::perms(0770));
    if (root) REQUIRE(::chown((d.base / "theirs").c_str(), nobody, nobody) == 0);
    d.start();
    REQUIRE(eventually(20s, [&] { return d.logged("fine: finished") == 1; }));
    REQUIRE(eventually(10s, [&] { return d.check().out.find("shared (last time: -), last run: " + (d.base / "shared").string() + ": others than its owner may write to it (chmod go-w)\n") != std::string::npos; }));
    CHECK(names_in(d.base / "shared").empty());
    if (root) {
        REQUIRE(eventually(10s, [&] { return d.check().out.find("theirs (last time: -), last run: " + (d.base / "theirs").string() + ": it belongs to ") != std::string::npos; }));
        CHECK(names_in(d.base / "theirs").empty());
    }
    CHECK(d.stop() == 0);
}

TEST_CASE("rights: names in metadata and of snapshots lead out of no directory") {
    fixture f;
    const victims v(f.dir.path());
    const auto id = f.backup("a");
    const auto rewrite = [&](const std::string& key, const std::string& value) {
        auto text = slurp(f.backy / (id + ".rev"));
        text.erase(text.rfind("# sha256 "));
        text = std::regex_replace(text, std::regex("(^|\n)" + key + " = [^\n]*\n"), "\n");
        fs::remove(f.backy / (id + ".rev"));
        spill(f.backy / (id + ".rev"), backy::catalogs::detail::sealed(key + " = " + value + "\n" + text));
    };
    const auto to = [&](const std::string& name) { return "\"" + fs::relative(v.root / name, f.backy.path()).string() + "\""; };
    const auto original = slurp(f.backy / (id + ".rev"));
    for (const auto* key : {"uuid", "parent", "tags"})
        for (const auto* name : {"file", "folder", "new"}) {
            INFO(key << " = " << to(name));
            rewrite(key, std::string(key) == "tags" ? "[" + to(name) + "]" : to(name));
            for (const auto* command : {"status", "find", "verify", "expire", "backup b", "verify --all", "distrust -r b", "restore -r b -"}) f.backy(command);
            f.backy("forget -r " + to(name));
            v.check_untouched();
            CHECK(fs::exists(f.backy / id));
            backy::io::directory<backy::io::posix>(f.backy.path()).replace(id + ".rev", original, ".rev.new", 0440);
        }
    for (const auto& name : {std::string("../../elsewhere/file"), std::string("backy-../file"), std::string("backy-"), std::string("backy-config"), "backy-" + id + "/../file", "backy-" + id + std::string(1, '\0'), "backy-/" + id, "backy-" + id.substr(1) + "/"}) {
        INFO(name);
        CHECK(!backy::id_of_snapshot(name));  // of Ceph, of LVM
        CHECK(!backy::is_revision_id(name));
    }
    CHECK(backy::id_of_snapshot("backy-" + id) == id);
}

TEST_CASE("rights: a secret of the configuration is in no error, log, status file or shell, however the line is broken") {
    const std::string secret = "5ec2e7aa-4b17-4f0e-9c3d-f00dfeedc0de";
    const std::string line = "source = { type = \"flyingcircus\", pool = \"p\", image = \"i\", vm = \"v\", consul_acl_token = \"" + secret + "\" }";
    const auto shows = [&](const std::string& text) {  // five characters of it or more, which no other word here has
        for (std::size_t at = 0; at + 5 <= secret.size(); ++at)
            if (text.find(secret.substr(at, 5)) != std::string::npos) return true;
        return false;
    };
    std::vector<std::string> broken;
    for (std::size_t at = line.find(", vm"), inside = line.find(secret); at < line.size(); at += at > inside && at < inside + 30 ? 7 : 1)
        for (const auto* instead : {"", "\"", "'", "=", "\n", "#", "\\", "t"}) broken.push_back(line.substr(0, at) + instead + line.substr(at + 1));
    const auto with = [&](std::string text, const std::string& from, const std::string& into) { return text.replace(text.find(from), from.size(), into); };
    broken.push_back(with(line, "consul_acl_token", "consul_acl_token_file"));
    broken.push_back(with(line, "consul_acl_token", "consul_acl_tokn"));
    broken.push_back(with(line, "\"" + secret + "\"", secret));
    broken.push_back(with(line, "\"" + secret + "\"", "[\"" + secret + "\"]"));

    running_scheduler d;
    const auto job = "[jobs.vm2]\nschedule = \"daily\"\n";
    d.configure(daily, {{"vm1", "daily"}});
    const auto sound = slurp(d.config());
    const auto whole = with(sound, d.base.string(), (d.dir / "none").string());  // what can be read after all ends there
    for (const auto& text : broken) {
        spill(d.config(), whole + job + text + "\n");
        try {
            backy::config::parse(slurp(d.config()), "backy.conf");
        } catch (const backy::error& e) {
            INFO(text << "\n" << e.what());
            CHECK(!shows(e.what()));
            continue;  // the program says the same
        }
        const auto r = shell("\"$BACKY\" -l '" + (d.dir / "none.log").string() + "' scheduler -c '" + d.config().string() + "'");
        INFO(text << "\n" << r.err << r.out);
        CHECK(r.err != "");
        CHECK(!shows(r.err + r.out));
    }
    CHECK(!shows(slurp(d.dir / "none.log")));

    spill(d.config(), sound);
    d.volumes({"vm1"});
    d.start();
    REQUIRE(d.check_becomes(0));
    for (std::size_t n = broken.size() - 4; n < broken.size(); ++n) {
        spill(d.config(), sound + job + broken[n] + "\n");
        const auto before = d.logged("the configuration was refused");
        const auto answer = d.shell("reload\\n");
        CHECK(eventually(10s, [&] { return d.logged("the configuration was refused") == before + 1; }));
        REQUIRE(eventually(10s, [&] { return d.check().out.find("the configuration was refused") != std::string::npos; }));
        for (const auto& text : {answer, d.shell("jobs\\nstatus\\n"), d.check().out, slurp(d.base / ".status.json"), slurp(d.log())}) {
            INFO(text);
            CHECK(!shows(text));
        }
    }
    CHECK(d.stop() == 0);
}

TEST_CASE("rights: commands that only read and write are confined, with sources that start programs none is") {
    if (!backy::can_confine || shell("command -v strace").code != 0) {
        WARN("SKIPPED: no strace, or this build cannot");
        return;
    }
    fixture f;
    const auto id = f.backup("a");
    f.backup("b");
    const auto trace = (f.dir / "trace").string();
    const auto filters = [&](const std::string& words) {
        const auto r = shell("strace -f -qq -o '" + trace + "' -e trace=seccomp \"$BACKY\" -b '" + f.backy.path().string() + "' " + words);
        INFO(words << ": " << r.err);
        CHECK(r.code == 0);
        const auto text = slurp(trace);
        std::size_t n = 0;
        for (auto at = text.find("seccomp(SECCOMP_SET_MODE_FILTER"); at != text.npos; at = text.find("seccomp(SECCOMP_SET_MODE_FILTER", at + 1)) n += text.find(" = 0\n", at) == text.find(" = ", at);
        return n;
    };
    for (const auto& words : {std::string("status"), std::string("status --json"), std::string("find"), std::string("verify --all"), std::string("backup c"), std::string("expire"), std::string("distrust -r a"),
                              "restore '" + (f.dir / "new").string() + "'", std::string("restore - >/dev/null"), "forget -r " + id}) {
        INFO(words);
        CHECK(filters(words) == 1);
    }
    CHECK(slurp(f.backy / "backy.log").find("not confined") == std::string::npos);
    spill(f.backy / "config", "[source]\ntype = \"lvm\"\nvolume-group = \"vg\"\nlogical-volume = \"lv\"\n");
    CHECK(filters("expire") == 0);
    CHECK(filters("verify --all") == 1);  // it does not ask the source
    for (const auto& place : copy_on_write()) {
        fixture g(place);
        const auto log = (g.dir / "log").string();
        for (const bool runs_commands : {false, true}) {
            spill(g.backy / "config", "[source]\ntype = \"file\"\nfilename = \"" + g.disk.string() + "\"\nfreeze = \"reflink\"\n" +
                                          (runs_commands ? "freeze-command = \"echo freeze >>" + log + "\"\nthaw-command = \"echo thaw >>" + log + "\"\n" : ""));
            const auto r = shell("strace -f -qq -o '" + trace + "' -e trace=seccomp \"$BACKY\" -b '" + g.backy.path().string() + "' backup a");
            INFO(r.err);
            CHECK(r.code == 0);
            CHECK((slurp(trace).find("SECCOMP_SET_MODE_FILTER") == std::string::npos) == runs_commands);
        }
        CHECK(slurp(log) == "freeze\nthaw\n");
    }
}

TEST_CASE("rights: the scheduler starts programs, and what it starts to read and write is confined") {
    if (!backy::can_confine || shell("command -v strace").code != 0) {
        WARN("SKIPPED: no strace, or this build cannot");
        return;
    }
    running_scheduler d;
    d.configure(daily, {{"vm1", "daily"}}, "backup-completed-callback = \"" + (d.dir / "callback").string() + "\"\n");
    d.volumes({"vm1"});
    spill(d.dir / "callback", "#!/bin/sh\nsh -c 'grep Seccomp: /proc/self/status' >'" + d.dir.path().string() + "/called'\n");
    fs::permissions(d.dir / "callback", fs::perms(0755));
    d.start_as({backy::path_of_program("strace"), "-f", "-qq", "-o", (d.dir / "trace").string(), "-e", "trace=execve,seccomp", BACKY_PROGRAM, "-l", d.log().string(), "scheduler", "-c", d.config().string()});
    REQUIRE(eventually(20s, [&] { return fs::exists(d.dir / "called") && fs::file_size(d.dir / "called") > 0; }));
    CHECK(d.check_becomes(0));
    ::kill(std::stoi(slurp(d.dir / "trace")), SIGTERM);  // strace holds back a signal, but its first line names the daemon
    CHECK(d.wait() == 0);
    CHECK(slurp(d.dir / "called") == "Seccomp:\t0\n");
    std::map<std::string, std::string> started;  // by process: what it is, and whether it is confined
    std::istringstream lines(slurp(d.dir / "trace"));
    std::smatch match;
    for (std::string line; std::getline(lines, line);) {
        if (std::regex_search(line, match, std::regex("^(\\d+) +execve\\(\"[^\"]*\", \\[(.*)\\], .*\\) = 0$"))) started[match[1]] = match[2];
        if (std::regex_search(line, match, std::regex("^(\\d+) +seccomp\\(SECCOMP_SET_MODE_FILTER, .* = 0$"))) started[match[1]] += " confined";
    }
    const auto count = [&](const std::string& what, bool confined) {
        return std::ranges::count_if(started, [&](const auto& s) { return s.second.find(what) != std::string::npos && s.second.ends_with(" confined") == confined; });
    };
    for (const auto* command : {"\"backup\"", "\"expire\"", "\"status\""}) CHECK((count(command, true) == 1 && count(command, false) == 0));
    CHECK((count("\"scheduler\"", false) == 1 && count("\"scheduler\"", true) == 0));
}
