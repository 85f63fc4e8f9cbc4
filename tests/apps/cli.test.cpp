// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: cli/plan cli/json cli/facts cli/show cli/list
// What all commands have in common for the people and programs that use them: help, --json, --dry-run, -q, colours.
#include "support/program.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>

using namespace support;
using json = nlohmann::json;

namespace {

struct fixture {
    explicit fixture(const fs::path& place = plain()) : dir(place), backy(dir / "base" / "vm1") {
        spill(dir / "disk.img", content(300'000, 'a'));
        REQUIRE(backy("init file '" + (dir / "disk.img").string() + "'").code == 0);
        std::ofstream(backy / "config", std::ios::app) << "\n[schedule]\ndaily = { interval = \"1d\", keep = 1 }\n";
    }
    std::string backup(const std::string& tags) {
        REQUIRE(backy("backup " + tags).code == 0);
        return fs::read_symlink(backy / "last").string();
    }
    scratch dir;
    repository_directory backy;
};

/// Every name below, with what tells it from another and when it was changed: nothing may move.
std::string picture_of(const fs::path& place) {
    return shell("cd '" + place.string() + "' && find . -printf '%p %i %s %m %T@ %l\\n' | sort").out;
}

json of(const result& r) {
    INFO(r.err << r.out);
    REQUIRE(r.code == 0);
    return json::parse(r.out);
}

/// On a terminal of its own; both outputs are in `out`.
result on_terminal(const std::string& command, const std::string& environment = "") {
    return shell("TERM=xterm " + environment + " script -qec \"" + command + "\" /dev/null </dev/null");
}

}  // namespace

TEST_CASE("help: all commands on one screen of 80 x 24") {
    const auto help = shell("\"$BACKY\" --help").out;
    INFO(help);
    std::istringstream lines(help);
    std::string line;
    std::size_t count = 0;
    for (; std::getline(lines, line); ++count) CHECK(line.size() <= 80);
    CHECK(count <= 23);  // and the prompt
    for (const auto* command : {"init", "backup", "status", "show", "list", "find", "restore", "verify", "distrust", "forget", "expire", "relayout", "scheduler", "shell", "check"})
        CHECK(help.find(std::string("\n  ") + command + " ") != help.npos);
    for (const auto* option : {"-b,--backupdir DIR", "-l,--logfile LOGFILE", "-v,--verbose", "-q,--quiet", "--version"}) CHECK(help.find(option) != help.npos);
}

TEST_CASE("what was mistyped is an error that says what may have been meant") {
    for (const auto& [words, meant] : {std::pair("bakcup daily", "did you mean backup? "), {"stauts", "did you mean status? "}, {"status --jsn", "did you mean --json? "},
                                       {"--verbsoe status", "did you mean --verbose? "}, {"verify -v", "-v stands before the command; "}, {"expire --dryrun", "did you mean --dry-run? "}}) {
        const auto r = shell(std::string("\"$BACKY\" ") + words);
        INFO(words << ": " << r.err);
        CHECK(r.code == 2);
        CHECK(r.err.find(meant) != r.err.npos);
    }
    const auto none = shell("\"$BACKY\" somethingelse");
    CHECK((none.code == 2 && none.err.find("did you mean") == none.err.npos));
}

TEST_CASE("json: every command that prints, and each says its format") {
    fixture f;
    const auto id = f.backup("daily,by-hand");
    const auto status = of(f.backy("status --json")), found = of(f.backy("find --json")), shown = of(f.backy("show --json")),
               listed = of(shell("\"$BACKY\" -b '" + (f.dir / "base").string() + "' list --json"));
    for (const auto& all : {status, found, shown, listed}) CHECK(all["format"] == 1);
    CHECK(found["uuid"] == id);
    CHECK(found["image"] == (f.backy / id).string());
    CHECK(shown["revision"]["image"] == (f.backy / id).string());
    auto facts = shown["revision"];
    facts.erase("image");
    CHECK(facts == status["revisions"][0]);
    CHECK(listed["jobs"].size() == 1);
    CHECK(listed["jobs"][0]["job"] == "vm1");
    CHECK(listed["jobs"][0]["last"]["uuid"] == id);
    CHECK(listed["jobs"][0]["revisions"] == 1);
    const auto none = shell("\"$BACKY\" check --json --status '" + (f.dir / "nothing").string() + "'");
    CHECK(none.code == 3);
    CHECK(json::parse(none.out)["code"] == 3);
    CHECK(json::parse(none.out)["text"].get<std::string>().starts_with("UNKNOWN: No status file found at "));
    std::ofstream(f.dir / "status.json") << "nonsense";
    CHECK(json::parse(shell("\"$BACKY\" check --json --status '" + (f.dir / "status.json").string() + "'").out)["code"] == 3);
}

TEST_CASE("show: everything that is known of a revision") {
    fixture f;
    const auto first = f.backup("daily"), second = f.backup("weekly");
    REQUIRE(f.backy("verify").code == 0);
    const auto text = f.backy("show").out;
    INFO(text);
    for (const auto& line : {"revision     " + second + "\n", std::string("\nsequence     2\n"), std::string("\ntags         weekly\n"), std::string("\ntrust        verified\n"),
                             std::string("\nconsistency  live\n"), std::string("\nattention    live\n"), std::string("\nsize         292.97 KiB (300000)\n"), "\nparent       " + first + "\n",
                             std::string("\nread         292.97 KiB (300000)\n"), "\nsource       file " + (f.dir / "disk.img").string() + "\n", "\nimage        " + (f.backy / second).string() + "\n"})
        CHECK(text.find(line) != text.npos);
    for (const auto* name : {"\nmade at      20", "\nvolume       ", "\nduration     ", "\ndigests      gmac, blocks of 65536, sha256 of all ", "\ndurable      20", "\nread_back    20",
                             "\ncompared     20", "\nverified     20"})
        CHECK(text.find(name) != text.npos);
    CHECK(f.backy("show -r " + first).out.find("revision     " + first) == 0);
    CHECK(f.backy("show -r nothing").code == 1);
}

TEST_CASE("list: every job of the base directory, and one that cannot be read is an error beside the others") {
    fixture f;
    const auto base = "\"$BACKY\" -b '" + (f.dir / "base").string() + "' list";
    const auto id = f.backup("daily");
    const repository_directory other(f.dir / "base" / "vm0");
    REQUIRE(other("init file '" + (f.dir / "disk.img").string() + "'").code == 0);
    fs::create_directory(f.dir / "base" / "no-job");
    const auto r = shell(base);
    INFO(r.out << r.err);
    CHECK(r.code == 0);
    const auto empty = r.out.find("\n| vm0 |         0 | -                   | -          | -     |    0 Bytes |\n"), full = r.out.find("\n| vm1 |         1 | 20");
    CHECK((empty != r.out.npos && full != r.out.npos && empty < full));
    CHECK(r.out.find("| " + id.substr(0, 10) + " | daily |") != r.out.npos);
    CHECK(r.out.find("no-job") == r.out.npos);
    REQUIRE(f.backy("distrust -r " + id).code == 0);
    CHECK(shell(base).out.find("| - (1 distrusted) |") != std::string::npos);
    CHECK(shell("\"$BACKY\" -b '" + (f.dir / "nothing").string() + "' list").code == 1);
    const auto of_a_repository = other("list");
    CHECK((of_a_repository.code == 1 && of_a_repository.err.find("list: it is a repository, not a base directory (backy status)\n") != std::string::npos));
    spill(other / "config", "broken");
    CHECK((shell(base).code == 2 || shell(base).code == 1));
    if (::geteuid() != 0) return;
    const auto by_nobody = shell("chmod 711 '" + (f.dir / "base" / "vm1").string() + "'; cp \"$BACKY\" /tmp/backy-list-$$; chmod 755 /tmp/backy-list-$$; setpriv --reuid 65534 --clear-groups /tmp/backy-list-$$ -b '" +
                                 (f.dir / "base").string() + "' list; rc=$?; rm /tmp/backy-list-$$; exit $rc");
    INFO(by_nobody.out << by_nobody.err);
    CHECK(by_nobody.code != 0);
}

TEST_CASE("dry-run: every command that changes something says what it would do, and nothing is touched") {
    for (const auto& place : copy_on_write()) {
        INFO(place);
        fixture f(place);
        const auto first = f.backup("daily"), second = f.backup("daily,monthly");
        const auto before = picture_of(f.dir.path());
        const auto says = [&](const std::string& words, const std::string& lines) {
            const auto r = f.backy(words);
            INFO(words << "\n" << r.err << r.out);
            CHECK(r.code == 0);
            CHECK(r.out == lines);
            CHECK(r.err == "");
            CHECK(picture_of(f.dir.path()) == before);
        };
        const auto volume = (f.dir / "disk.img").string();
        says("backup --dry-run daily", "would read every allocated block\nwould make a revision of " + volume + " with daily, built upon revision " + second + "\n");
        says("restore --dry-run '" + (f.dir / "new").string() + "'", "would write revision " + second + ", 292.97 KiB, to " + (f.dir / "new").string() + "\n");
        says("verify --dry-run", "would read revision " + second + ", 292.97 KiB\n");
        says("verify --all --dry-run", "would read revision " + first + ", 292.97 KiB\nwould read revision " + second + ", 292.97 KiB\n");
        says("distrust --dry-run -r " + first, "would distrust revision " + first + "\n");
        says("forget --dry-run -r " + first, "would remove revision " + first + "\n");
        says("relayout --dry-run", "nothing would be done\n");
        // keep = 1 keeps one beside the time of one interval: both are younger
        says("expire --dry-run", "nothing would be done\n");
        const repository_directory other(f.dir / "other");
        const auto init = other("init --dry-run file '" + volume + "'");
        CHECK((init.code == 0 && init.out == "would write " + (f.dir / "other" / "config").string() + "\n"));
        CHECK(f.backy("init --dry-run file '" + volume + "'").code == 1);
        CHECK(of(f.backy("forget --dry-run --json -r " + first)) == json::parse(R"({"format": 1, "would": [{"action": "remove", "object": "revision )" + first + R"("}]})"));
        CHECK(f.backy("forget --json -r " + first).code == 2);
        CHECK(f.backy("forget --dry-run -r 234567").code == 1);
        CHECK(f.backy("restore --dry-run -r 7 '" + (f.dir / "new").string() + "'").code == 1);
        CHECK(picture_of(f.dir.path()) == before);
    }
}

TEST_CASE("expire --dry-run: what goes, and what only loses tags") {
    fixture f;
    const auto first = f.backup("daily"), second = f.backup("daily,monthly"), third = f.backup("daily");
    const auto age = [&](const std::string& id, int days) {  // the seal goes as well: a revision that came from elsewhere
        shell("cd '" + f.backy.path().string() + "' && chmod u+w " + id + ".rev && sed -i -e '/^# sha256/d' -e \"s/^timestamp = .*/timestamp = $(date -u -d '" + std::to_string(days) +
              " days ago' +%Y-%m-%dT%H:%M:%SZ)/\" " + id + ".rev && chmod 0440 " + id + ".rev");
    };
    age(first, 5), age(second, 4);
    std::ofstream(f.backy / "config", std::ios::app) << "monthly = { interval = \"30d\", keep = 1 }\n";
    const auto plan = f.backy("expire --dry-run");
    INFO(plan.out << plan.err);
    CHECK(plan.out == "would remove revision " + first + "\nwould leave revision " + second + " only its tags monthly of daily,monthly\n");
    REQUIRE(f.backy("expire").code == 0);
    CHECK(!fs::exists(f.backy / first));
    const auto left = of(f.backy("show --json -r " + second));
    CHECK(left["revision"]["tags"] == json::parse(R"(["monthly"])"));
    CHECK(fs::exists(f.backy / third));
}

TEST_CASE("quiet, colours and progress: errors only, and nothing but text where there is no terminal") {
    fixture f;
    f.backup("daily");
    shell("chmod u+w '" + (f.backy / "last.rev").string() + "'; truncate -s 10 '" + (f.backy / "last.rev").string() + "'");
    const auto loud = f.backy("status"), quiet = f.backy("-q status");
    CHECK(loud.err.find(".rev") != loud.err.npos);
    CHECK(quiet.err == "");
    CHECK(quiet.out == loud.out);
    CHECK(f.backy("-q find -r nothing").err != "");
    CHECK(f.backy("-q -v status").code == 2);

    const auto command = "$BACKY -b " + f.backy.path().string() + " status";
    CHECK(loud.err.find('\x1b') == loud.err.npos);
    CHECK(on_terminal(command).out.find("\x1b[33m") != std::string::npos);
    CHECK(on_terminal(command, "NO_COLOR=1").out.find("\x1b[33m") == std::string::npos);
    CHECK(on_terminal(command, "NO_COLOR= ").out.find("\x1b[33m") != std::string::npos);
    CHECK(shell("TERM=dumb script -qec \"" + command + "\" /dev/null </dev/null").out.find("\x1b[33m") == std::string::npos);
}
