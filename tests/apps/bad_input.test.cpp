// SPDX-License-Identifier: GPL-3.0-or-later
// Bad input to the real program: a clear error on one line, the right exit code, nothing lost and nothing half-written.
#include "support/program.hpp"

using namespace support;

namespace {

struct sandbox {
    explicit sandbox(const fs::path& place = plain()) : dir(place), backy(dir / "r"), disk((dir / "disk.img").string()) {
        std::ofstream(disk) << content(200'000, 'x');
    }
    void init() const { REQUIRE(backy("init file " + disk).code == 0); }
    std::string backup(const std::string& tags = "daily") const {
        const auto made = backy("backup " + tags);
        REQUIRE(made.code == 0);
        return fs::read_symlink(backy / "last").string();
    }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& entry : fs::directory_iterator(backy.path())) all.push_back(entry.path().filename().string());
        std::ranges::sort(all);
        return all;
    }
    scratch dir;
    repository_directory backy;
    std::string disk;
};

/// One line on standard error that has all the parts, nothing on standard output, this exit code.
void refused(const result& r, int code, const std::vector<std::string>& parts) {
    INFO(r.err);
    CHECK(r.code == code);
    CHECK(r.out == "");
    CHECK(std::ranges::count(r.err, '\n') == 1);
    for (const auto& part : parts) CHECK(r.err.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("bad input: no repository, and none is made by looking for one") {
    const scratch dir(plain());
    const repository_directory backy(dir / "none");
    for (const auto* command : {"backup daily", "status", "find", "restore -", "verify", "distrust -r 0", "forget -r abcdef"}) {
        INFO(command);
        refused(backy(command), 1, {(dir / "none").string(), "open: No such file or directory"});
        CHECK(!fs::exists(dir / "none"));
    }
    fs::create_directory(dir / "none");
    refused(backy("backup daily"), 1, {"config: there is none, so this is no repository (-b DIR, or backy init TYPE SOURCE)"});
    CHECK(fs::is_empty(dir / "none"));
}

TEST_CASE("bad input: a broken configuration is named with line and column, and nothing starts on half of one") {
    const sandbox s;
    s.init();
    const auto with = [&](const std::string& text) {
        std::ofstream(s.backy / "config") << text;
        const auto before = s.names();
        auto r = s.backy("backup daily");
        CHECK(s.names() == before);
        return r;
    };
    const auto config = (s.backy / "config").string();
    refused(with("format = 1\n[source\ntype = 1\n"), 2, {config + ":2:8: "});
    refused(with("format = 1\n"), 2, {config, "source: missing"});
    refused(with("format = 2\n[source]\ntype=\"file\"\n"), 2, {config + ":1:1: format: this backy knows format 1"});
    refused(with("[source]\ntype = \"fil\"\n"), 2, {config + ":2:1: source.type: unknown type \"fil\"; this build has: ", "file"});
    refused(with("[source]\ntype = \"file\"\nfilename = \"/x\"\nfilname = 1\n"), 2, {config + ":4:1: source.filname: unknown key; known here: type, filename"});
    refused(with("[source]\ntype = \"file\"\nfilename = 3\n"), 2, {config + ":3:1: source.filename: must be a string"});
    refused(with("[sorce]\n"), 2, {config + ":1:", "sorce: unknown key; known here: format, source, store, schedule"});
    refused(with("[source]\ntype = \"file\"\nfilename = \"/x\"\n[store]\nreflink = true\n"), 2, {config + ":5:1: store.reflink: must be a string"});
    refused(with("[source]\ntype = \"file\"\nfilename = \"/x\"\n[schedule]\ndaily = { interval = \"1x\", keep = 1 }\n"), 2, {config + ":5:11: schedule.daily.interval"});
}

TEST_CASE("bad input: sources that are missing, directories, unreadable") {
    const sandbox s;
    s.init();
    fs::remove(s.disk);
    refused(s.backy("backup daily"), 1, {s.disk + ": open: No such file or directory"});
    fs::create_directory(s.disk);
    refused(s.backy("backup daily"), 1, {s.disk + ": neither a regular file nor a block device"});
    CHECK(s.names() == std::vector<std::string>{".lock", "backy.log", "config"});
    CHECK(s.backy("status").out.find("0 revisions\n0 Bytes data (estimated)\n") != std::string::npos);
    if (::geteuid() == 0 && shell("command -v setpriv").code == 0) {
        fs::remove(s.disk);
        std::ofstream(s.disk) << "x";
        fs::permissions(s.disk, fs::perms(0));
        REQUIRE(shell("chown -R 65534 '" + s.backy.path().string() + "'").code == 0);
        refused(shell("setpriv --reuid 65534 --clear-groups \"$BACKY\" -b '" + s.backy.path().string() + "' backup daily"), 1, {s.disk + ": open: Permission denied"});
    }
}

TEST_CASE("bad input: a revision that is not there, or not just one") {
    const sandbox s;
    s.init();
    refused(s.backy("find"), 1, {"revision \"last\": there is none that counts"});
    const auto id = s.backup();
    refused(s.backy("find -r 1"), 1, {"revision 1: there are not that many that count"});
    refused(s.backy("find -r nothing"), 1, {"revision \"nothing\": there is none"});
    refused(s.backy("restore -r nothing " + s.disk), 1, {"there is none"});
    refused(s.backy("forget -r daily"), 1, {"revision \"daily\": there is none"});
    refused(s.backy("forget -r 0"), 1, {"revision \"0\": there is none"});
    CHECK(s.backy("find -r " + id.substr(0, 6)).out == (s.backy / id).string() + "\n");
    const auto twin = id.substr(0, 6) + (id[6] == '2' ? std::string(16, '3') : std::string(16, '2'));
    fs::copy(s.backy / id, s.backy / twin);
    auto text = slurp(s.backy / (id + ".rev"));
    text.replace(text.find(id), id.size(), twin);
    std::ofstream(s.backy / (twin + ".rev")) << text.substr(0, text.rfind("# sha256"));
    refused(s.backy("find -r " + id.substr(0, 6)), 1, {"ambiguous: ", id, twin});
}

TEST_CASE("bad input: tags, dates, types and words on the command line are usage errors") {
    const sandbox s;
    s.init();
    const auto before = s.names();
    for (const auto* tags : {"''", "'daily,'", "'a b'", "a/b", "123", "\"$(printf 'a\\nb')\""}) {
        INFO(tags);
        refused(s.backy(std::string("backup ") + tags), 2, {"tag"});
    }
    refused(s.backy("distrust"), 2, {"which?"});
    refused(s.backy("distrust -f 2015-02-30"), 2, {"\"2015-02-30\" is no date (YYYY-MM-DD)"});
    refused(s.backy("restore nbd:host/volume"), 2, {"no target of this build; it has: stream, ", "file (a file of that name: ./nbd:host/volume)"});
    for (const auto* words : {"backup", "nonsense", "restore", "forget", "status --jsn", "-x", "find -r", "verify -r 0 --all", "distrust -r 0 -f 2015-01-01", "status x"}) {
        INFO(words);
        const auto r = s.backy(words);
        CHECK(r.code == 2);
        CHECK(r.out == "");
        CHECK(r.err != "");
    }
    CHECK(s.names() == before);

    const repository_directory other(s.dir / "other");
    refused(other("init fil /x"), 2, {"init: unknown type \"fil\"; this build has: ", "file"});
    refused(other("init file ''"), 2, {"file: needs the path"});
    CHECK(!fs::exists(s.dir / "other"));
    refused(s.backy("init file /y"), 1, {"config: init: there is a configuration already"});
    CHECK(slurp(s.backy / "config").find("/y") == std::string::npos);
}

TEST_CASE("bad input: no arguments and --help are help on standard output, --version a version") {
    const auto none = shell("\"$BACKY\""), help = shell("\"$BACKY\" --help"), command = shell("\"$BACKY\" restore --help"), version = shell("\"$BACKY\" --version");
    for (const auto& r : {none, help, command, version}) CHECK((r.code == 0 && r.err == ""));
    CHECK((none.out == help.out && help.out.find("restore") != std::string::npos));
    CHECK(command.out.find("--force") != std::string::npos);
    CHECK(version.out.starts_with("backy 0."));
}

TEST_CASE("bad input: two backups at once: the second exits 75 and changes nothing") {
    const sandbox s;
    s.init();
    s.backup();
    const auto before = s.names();
    const auto r = shell("flock '" + (s.backy / ".lock").string() + "' \"$BACKY\" -b '" + s.backy.path().string() + "' backup daily");
    CHECK(r.code == 75);
    CHECK(r.err == (s.backy / ".lock").string() + ": lock: held by another backy process (try again when it has ended)\n");
    CHECK(s.names() == before);
    CHECK(s.backy("restore -r 0 -").code == 0);  // reading takes no lock
}

TEST_CASE("bad input: metadata that are truncated, flipped or newer are reported and left alone") {
    const sandbox s;
    s.init();
    const auto first = s.backup("a"), second = s.backup("b"), third = s.backup("c"), fourth = s.backup("d");
    const auto rewrite = [&](const std::string& id, const std::string& text) {
        fs::remove(s.backy / (id + ".rev"));
        std::ofstream(s.backy / (id + ".rev")) << text;
    };
    auto text = slurp(s.backy / (second + ".rev"));
    rewrite(second, text.substr(0, text.size() / 3));
    text = slurp(s.backy / (third + ".rev"));
    text[text.find("daily") == text.npos ? 20 : 21] ^= 1;
    rewrite(third, text);
    rewrite(fourth, "format = 2\n");
    const auto status = s.backy("status");
    CHECK(status.code == 0);
    CHECK(status.out.find("4 revisions") != std::string::npos);
    std::size_t damaged = 0;
    for (auto at = status.out.find("(damaged)"); at != std::string::npos; at = status.out.find("(damaged)", at + 1)) ++damaged;
    CHECK(damaged == 3);
    CHECK(std::ranges::count(status.err, '\n') == 3);
    CHECK(status.err.find("format 2 is newer than this backy") != std::string::npos);
    CHECK(s.backy("find -r a").out == (s.backy / first).string() + "\n");
    const auto next = s.backup("e");
    CHECK(slurp(s.backy / (fourth + ".rev")) == "format = 2\n");
    CHECK(fs::exists(s.backy / second));
    CHECK(slurp(s.backy / "last") == slurp(s.disk));
    CHECK(s.backy("forget -r " + fourth).code == 0);  // by its full ID a damaged one can be removed
    CHECK(!fs::exists(s.backy / fourth));
    CHECK(fs::exists(s.backy / next));
}

TEST_CASE("bad input: an image missing under its metadata") {
    const sandbox s;
    s.init();
    s.backup("a");
    const auto id = s.backup("b");
    fs::remove(s.backy / id);
    CHECK(s.backy("status").out.find("b (live, damaged)") != std::string::npos);
    refused(s.backy("find"), 1, {id + ": there is no such file"});
    refused(s.backy("restore -"), 1, {id + ": there is no such file"});
    const auto verify = s.backy("verify");
    CHECK(verify.code == 1);
    CHECK(verify.err.find("there is no such file") != std::string::npos);
    CHECK(s.backy("find -r a").code == 0);
    CHECK(s.backy("find").out == s.backy("find -r a").out);
    CHECK(s.backy("backup c").code == 0);
}

TEST_CASE("bad input: foreign files in a repository are reported and never touched") {
    const sandbox s;
    s.init();
    const auto id = s.backup();
    std::ofstream(s.backy / "notes.txt") << "mine";
    std::ofstream(s.backy / "a\n\"b\"") << "mine too";
    std::ofstream(s.backy / "2222222222222222222222") << "somebody is copying this here";
    for (const auto* more : {"x", ".old", ".rev.old"}) std::ofstream(s.backy / (id + more)) << "named after it";
    const auto status = s.backy("status");
    CHECK(status.code == 0);
    CHECK(status.err.find("notes.txt: belongs to no revision") != std::string::npos);
    CHECK(status.err.find("a\\n\"b\": belongs to no revision") != std::string::npos);
    CHECK(std::ranges::count(status.err, '\n') == 6);
    s.backup();
    CHECK(s.backy("forget -r " + id).code == 0);
    for (const auto* more : {"x", ".old", ".rev.old"}) CHECK(fs::exists(s.backy / (id + more)));
    CHECK((slurp(s.backy / "notes.txt") == "mine" && slurp(s.backy / "a\n\"b\"") == "mine too" && fs::exists(s.backy / "2222222222222222222222")));
}

TEST_CASE("bad input: names with newlines, quotes and blanks work everywhere") {
    const scratch dir(plain());
    const auto strange = dir / "a \"b\"\n\\c é";
    fs::create_directory(strange);
    const repository_directory backy(strange / "x\ny");
    std::ofstream(strange / "di\nsk \"1\".img") << content(100'000, 'x');
    REQUIRE(backy("init file \"$(printf '%s/di\\nsk \"1\".img' '" + strange.string() + "')\"").code == 0);
    REQUIRE(backy("backup daily").code == 0);
    CHECK(backy("status").code == 0);
    CHECK(backy("verify").code == 0);
    CHECK(backy("restore -").out == content(100'000, 'x'));
    const auto missing = backy("restore '" + (strange / "none" / "x").string() + "'");
    CHECK(std::ranges::count(missing.err, '\n') == 1);
    std::string latin = "latin-\xe9.img";
    refused(repository_directory(dir / "other")("init file /" + latin), 2, {"config"});
    CHECK(!fs::exists(dir / "other"));
}

TEST_CASE("bad input: a repository on a read-only filesystem is read, and what would change it fails cleanly") {
    for (const auto& place : copy_on_write()) {
        const sandbox s(place);
        s.init();
        const auto id = s.backup();
        const auto mnt = s.dir / "ro";
        fs::create_directory(mnt);
        if (shell("mount --bind '" + s.backy.path().string() + "' '" + mnt.string() + "' && mount -o remount,bind,ro '" + mnt.string() + "'").code != 0) {
            WARN("SKIPPED: cannot mount");
            continue;
        }
        const repository_directory backy(mnt);
        const auto before = s.names();
        CHECK(backy("status").code == 0);
        CHECK(backy("find").out == (mnt / id).string() + "\n");
        CHECK(backy("restore -").out == slurp(s.disk));
        for (const auto* command : {"backup daily", "distrust -r 0", "verify", "forget -r "}) {
            const auto r = backy(command + (std::string(command) == "forget -r " ? id : ""));
            INFO(r.err);
            CHECK(r.code == 1);
            CHECK(r.err.find("Read-only file system") != std::string::npos);
        }
        CHECK(s.names() == before);
        shell("umount '" + mnt.string() + "'");
    }
}
