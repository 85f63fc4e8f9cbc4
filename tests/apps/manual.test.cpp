// SPDX-License-Identifier: GPL-3.0-or-later
// The pages of docs/ that are man pages, held against the programs and the parsers: what a page shows as an option, a key, a default, a unit, an
// exit code, a file or a variable is one, and each of those is in the page where it belongs.
#include "../../apps/composition.hpp"

#include "support/program.hpp"

#include <backy/config/global.hpp>
#include <backy/config/repository.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <regex>
#include <set>

using namespace support;

namespace {

namespace hana = backy::hana;
using names = std::set<std::string>;

const fs::path project = fs::path(BACKY_TESTS).parent_path();

/// Calls use(match) for each place where the expression matches.
void for_each_match(const std::string& text, const std::string& pattern, auto use) {
    const std::regex expression(pattern);
    for (std::sregex_iterator i(text.begin(), text.end(), expression), end; i != end; ++i) use(*i);
}

/// What the first group of the expression matches.
names matches(const std::string& text, const std::string& pattern) {
    names all;
    for_each_match(text, pattern, [&](const std::smatch& m) { all.insert(m[1]); });
    return all;
}

/// `…` in a text, in its order.
std::vector<std::string> codes_in(const std::string& text) {
    std::vector<std::string> all;
    for_each_match(text, "`([^`]+)`", [&](const std::smatch& m) { all.push_back(m[1]); });
    return all;
}

/// What stands below one heading: its text, and the rows of its tables without their heads.
struct part {
    std::string title, text;
    std::vector<std::vector<std::string>> rows = {};

    names first_codes() const {
        names all;
        for (const auto& row : rows)
            for (const auto& code : codes_in(row[0])) all.insert(code);
        return all;
    }
};

class page {
public:
    explicit page(const std::string& name) {
        std::istringstream lines(slurp(project / "docs" / name));
        bool in_table = false;
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("## ") || line.starts_with("### ")) parts_.push_back({line.substr(line.find(' ') + 1), ""});
            else if (!parts_.empty()) parts_.back().text += line + "\n";
            if (!line.starts_with("| ") && !line.starts_with("|-")) in_table = false;
            else if (line.starts_with("|-")) in_table = true;
            else if (in_table) {
                std::vector<std::string> cells;
                for (const auto& cell : backy::split(line.substr(1, line.size() - 2), '|')) cells.push_back(backy::trimmed(cell));
                parts_.back().rows.push_back(cells);
            }
        }
    }
    const part* find(const std::string& title) const {
        const auto found = std::ranges::find(parts_, title, &part::title);
        return found == parts_.end() ? nullptr : &*found;
    }
    const part& operator[](const std::string& title) const {
        const auto* const found = find(title);
        INFO("the page has no \"" << title << "\"");
        REQUIRE(found);
        return *found;
    }
    /// Between that heading and the next one that is in capitals.
    std::vector<part> below(const std::string& title) const {
        std::vector<part> all;
        for (auto i = std::ranges::find(parts_, title, &part::title) + 1; i != parts_.end() && std::islower(i->title[0]); ++i) all.push_back(*i);
        return all;
    }

private:
    std::vector<part> parts_;
};

const std::string& text_of_headers() {
    static const auto text = [] {
        std::string all;
        for (const auto& entry : fs::recursive_directory_iterator(project / "include"))
            if (entry.is_regular_file() && entry.path().parent_path().filename() != "conformance") all += slurp(entry.path());
        return all;
    }();
    return text;
}

// Options.

struct option {
    bool takes_value = false;
    std::string value;  ///< by default; "": none
    bool operator==(const option&) const = default;
};
using options = std::map<std::string, option>;  ///< "-r,--revision"

/// Of CLI11's help: "  -r,--revision TEXT=last  …".
options options_of(const std::string& help) {
    options all;
    for_each_match(help, "\n  (-[^ \n]+)(?: ([A-Z]+)(?:=([^ \n]+))?(?= |\n))?", [&](const std::smatch& m) { all[m[1]] = {m[2].matched, m[3]}; });
    return all;
}

/// Of the page: | `-r`, `--revision` SPEC | `last` | … |; a default that is not in `…` is words.
options options_of(const part& p) {
    options all;
    for (const auto& row : p.rows) {
        const auto spellings = codes_in(row[0]), given = codes_in(row[1]);
        const bool takes_value = row[0].back() != '`';
        all[backy::join(spellings, ",")] = {takes_value, given.size() == 1 && row[1].size() == given[0].size() + 2 ? given[0] : ""};
    }
    return all;
}

void require_same(const options& in_page, const options& in_program) {
    for (const auto& [name, known] : in_program) {
        INFO("of the program: " << name << (known.takes_value ? " VALUE" : "") << " default \"" << known.value << "\"");
        CHECK(in_page.contains(name));
        if (in_page.contains(name)) CHECK(in_page.at(name) == known);
    }
    for (const auto& [name, shown] : in_page) {
        INFO("in the page alone: " << name);
        CHECK(in_program.contains(name));
    }
}

std::string help_of(const std::string& words) {
    const auto r = shell(words + " --help");
    REQUIRE(r.code == 0);
    return r.out;
}

options without_help(options all) {
    all.erase("-h,--help");
    return all;
}

}  // namespace

TEST_CASE("manual: backy(1) has every command, its words and its options, and no others") {
    const page commands("commands.md");
    const auto overview = help_of("\"$BACKY\"");
    const auto known = matches(overview.substr(0, overview.find("\n\n") + 1), "\n  ([a-z]+)");
    REQUIRE(known.size() >= 15);

    names shown;
    for (const auto& p : commands.below("COMMANDS")) {
        const auto command = p.title.substr(0, p.title.find(' '));
        shown.insert(command);
        if (!known.contains(command)) continue;
        INFO(command);
        const auto help = help_of("\"$BACKY\" " + command);
        auto usage = command;
        for_each_match(help, "\n  ([A-Z]+) TEXT", [&](const std::smatch& m) { usage += " " + m[1].str(); });
        CHECK(p.title == usage);
        require_same(options_of(p), without_help(options_of(help)));
    }
    CHECK(shown == known);

    auto before = options_of(overview);
    before["-h,--help"] = {};
    require_same(options_of(commands["OPTIONS"]), before);
}

TEST_CASE("manual: backy-scheduler(8) has the options of that program") {
    require_same(options_of(page("scheduler.md")["OPTIONS"]), options_of(help_of("\"$(dirname \"$BACKY\")\"/backy-scheduler")));
}

// Keys.

namespace {

/// What a parser says that it knows, when it is asked for what nobody knows.
names known_keys(backy::section table, auto parse) {
    table.set("no-such-key", {true});
    try {
        parse(table);
    } catch (const backy::config_error& e) {
        const std::string text = e.what(), before = "known here: ";
        REQUIRE(text.find(before) != text.npos);
        names all;
        for (const auto& key : backy::split(text.substr(text.find(before) + before.size()), ',')) all.insert(backy::trimmed(key));
        return all;
    }
    FAIL("an unknown key was taken");
    return {};
}

std::string key_of(const std::vector<std::string>& row) { return codes_in(row[0]).at(0); }

/// Each key of the rows is as its default says: `required` is missed, one in `…` is what the parser takes when there is none. `table` has what is
/// required, and parse(table) gives something that can be compared. Of `none` the code must have no default: read-rate only asks for a number there.
void require_defaults(const std::vector<std::vector<std::string>>& rows, const backy::section& table, auto parse) {
    const auto without = parse(table);
    for (const auto& row : rows) {
        const auto key = key_of(row), shown = row[1];
        INFO(key << ", default " << shown);
        auto with = table;
        if (shown == "required") {
            with.erase(key);
            CHECK_THROWS_WITH(parse(with), Catch::Contains(key + ": missing"));
        } else if (shown != "none") {
            const auto values = codes_in(shown);
            REQUIRE(values.size() == 1);
            with.set(key, backy::config::parse("it = " + values[0], "page").entries()[0].value);
            CHECK(parse(with) == without);
            CHECK_FALSE(table.has(key));
        } else {
            CHECK_FALSE(table.has(key));
            if (key != "read-rate") CHECK(matches(text_of_headers(), "(?:get<[^>]*>|duration|number|path)\\(\"" + key + "\", (\"[^\"]+\"|[1-9][0-9]*|true)[,)]").empty());
        }
    }
}

void require_keys(const std::vector<std::vector<std::string>>& rows, const names& known) {
    names shown;
    for (const auto& row : rows) shown.insert(key_of(row));
    CHECK(shown == known);
}

auto rows_of(const std::vector<const part*>& parts) {
    std::vector<std::vector<std::string>> all;
    for (const auto* const p : parts) all.insert(all.end(), p->rows.begin(), p->rows.end());
    return all;
}

std::string in_capitals(std::string text) {
    for (auto& c : text) c = static_cast<char>(std::toupper(c));
    return text;
}

/// A [source] table with what is required, by the first of these that `init` takes.
template <class S>
backy::section required_table() {
    for (const auto* const spelling : {"pool/image,vm", "group/volume", "/volume"}) try {
            return S::parse(spelling);
        } catch (const backy::config_error&) {}
    FAIL("init takes none of the spellings");
    return {};
}

}  // namespace

TEST_CASE("manual: backy-sources(7) has every key of every source, with its default, and no others") {
    const page described("sources.md");
    const auto& shared = described["SNAPSHOTS AND CHANGE MAPS"];
    names known;
    hana::for_each(hana::values(build::sources), [&](auto kind) {
        using S = typename decltype(kind)::type;
        const std::string type = S::type.c_str();
        INFO(type);
        known.insert(type);
        auto table = required_table<S>();
        if (type == "file") table = backy::config::parse("type = \"file\"\nfilename = \"/volume\"", "");
        const auto parse = [](const backy::section& t) { return S::config::from(t); };

        const auto& own = described[in_capitals(type)];
        std::vector<const part*> parts{&described["EVERY SOURCE"], &own};
        for (const auto& other : matches(own.text, "All keys of `([^`]+)`")) parts.push_back(&described[in_capitals(other)]);
        const bool has_maps = std::ranges::count(codes_in(shared.text.substr(0, shared.text.find('\n', 1))), type) > 0;
        auto rows = rows_of(parts), all = rows;
        all.insert(all.end(), shared.rows.begin(), shared.rows.end());
        REQUIRE(has_maps);
        require_keys(all, known_keys(table, parse));

        std::erase_if(rows, [](const auto& row) { return key_of(row) == "type"; });  // by it the parser was found
        require_defaults(rows, table, parse);
        if (type == "file") table.set("freeze", {std::string("reflink")}).set("changes", {std::string("extents")});
        require_defaults(shared.rows, table, parse);
    });
    auto shown = described["DESCRIPTION"].first_codes();
#ifndef BACKY_CEPH
    shown.erase("ceph-rbd"), shown.erase("flyingcircus");
#endif
    CHECK(shown == known);
}

TEST_CASE("manual: backy-stores(7) has every key of every store, with its default, and no others") {
    const page described("stores.md");
    hana::for_each(hana::values(build::stores), [&](auto kind) {
        using T = typename decltype(kind)::type;
        const auto parse = [](const backy::section& t) { return T::config::from(t); };
        const auto& own = described[in_capitals(T::type.c_str())];
        require_keys(own.rows, known_keys({}, parse));
        require_defaults(own.rows, {}, parse);
    });
}

TEST_CASE("manual: backy.conf(5) has every key of every table, with its default, and no others") {
    const page configuration("configuration.md");
    const scratch work(fs::temp_directory_path());
    {
        const auto parse = [](const backy::section& t) { return backy::config::global::from(t); };
        auto rows = configuration["GLOBAL"].rows;
        for (auto& row : rows) row[1] = std::regex_replace(row[1], std::regex("\\{base-dir\\}"), "/srv/backy");
        require_keys(rows, known_keys({}, parse));
        require_defaults(rows, {}, parse);
    }
    {
        const auto parse = [](const backy::section& t) { return build::schedule::config::from(backy::section().set("daily", {t})); };
        const auto rows = configuration["SCHEDULES"].rows;
        const auto table = backy::config::parse("interval = \"1d\"\nkeep = 7", "");
        require_keys(rows, known_keys(table, parse));
        require_defaults(rows, table, parse);
    }
    {
        const auto parse = [](const backy::section& t) { return build::schedule::config::from(backy::section().set("proof", {t})); };
        const auto rows = configuration["PROOFS"].rows;
        require_keys(rows, known_keys({}, parse));
        require_defaults(rows, {}, parse);
    }
    {
        const auto parse = [&](const backy::section& t) {
            fs::create_directories(work / "repository");
            support::spill(work / "repository" / "config", backy::config::print(t));
            return backy::config::repository::read(work / "repository").text();
        };
        const auto rows = configuration["REPOSITORIES"].rows;
        const auto table = backy::config::parse("source = { type = \"file\", filename = \"/volume\" }", "");
        require_keys(rows, known_keys(table, parse));
        require_defaults(rows, table, parse);
    }
    const auto asked = [&](const std::string& text) {
        support::spill(work / "backy.conf", text);
        return shell("\"$BACKY\" -l /dev/null scheduler -c '" + (work / "backy.conf").string() + "'");
    };
    const auto job = [&](const std::string& keys) {
        return asked("[global]\nbase-dir = \"" + work.path().string() + "\"\n[schedules.s]\ndaily = { interval = \"1d\", keep = 1 }\n[jobs.test]\n" + keys);
    };
    const std::string schedule = "schedule = \"s\"\n", source = "source = { type = \"file\", filename = \"/volume\" }\n";
    names jobs;
    for (const auto& row : configuration["JOBS"].rows) jobs.insert(key_of(row));
    CHECK(matches(job(schedule + source + "no-such-key = 1\n").err, "known here: (.*)\n") == names{"schedule, source, store"});
    CHECK(jobs == names{"schedule", "source", "store"});
    CHECK(configuration["JOBS"].rows.size() == 3);
    CHECK(job(schedule).err.find("source: missing") != std::string::npos);
    CHECK(job(source).err.find("schedule: missing") != std::string::npos);

    const auto tables = matches(asked("no-such-key = 1\n").err, "known here: (.*)\n");
    REQUIRE(tables.size() == 1);
    names top;
    for (const auto& code : codes_in(configuration["DESCRIPTION"].text.substr(configuration["DESCRIPTION"].text.find("On the top level"))))
        top.insert(std::regex_replace(code, std::regex("[\\[\\]]"), ""));
    for (const auto& key : backy::split(*tables.begin(), ',')) CHECK(top.contains(backy::trimmed(key)));
}

// Units, codes, files, variables.

TEST_CASE("manual: the units of the pages are those that are understood") {
    const auto units = page("configuration.md")["UNITS"].first_codes();
    for (char c = '!'; c < 127; ++c) {
        INFO(c);
        CHECK(backy::parse_duration(std::string("1") + c).has_value() == units.contains(std::string(1, c)));
    }
    const page described("sources.md");
    const auto& rows = described["LVM"].rows;
    const auto size = std::ranges::find_if(rows, [](const auto& row) { return key_of(row) == "snapshot-size"; });
    REQUIRE(size != rows.end());
    for (char c = '!'; c < 127; ++c) {
        if (c == '"' || c == '\\') continue;
        INFO(c);
        auto table = backy::sources::lvm<>::parse("group/volume");
        table.set("snapshot-size", {std::string("1") + c});
        bool taken = true;
        try {
            (void)backy::sources::lvm<>::config::from(table);
        } catch (const backy::config_error&) { taken = false; }
        CHECK(taken == (std::ranges::count(codes_in((*size)[2]), std::string(1, c)) > 0));
    }
}

TEST_CASE("manual: the exit codes of the pages are those of the programs") {
    const auto& headers = text_of_headers();
    const auto in = [&](const std::string& list) { return matches(list, "= ([0-9]+)"); };
    names codes;
    for (const auto& list : matches(headers, "enum exit_code : int \\{([^}]*)\\}")) codes.merge(in(list));
    for (const auto& code : matches(headers, "constexpr int scheduler_runs = ([0-9]+);")) codes.insert(code);
    REQUIRE(codes.size() == 6);
    const page commands("commands.md"), scheduler("scheduler.md");
    const auto shown = [](const part& p) {
        names all;
        for (const auto& row : p.rows) all.insert(row[0]);
        return all;
    };
    CHECK(shown(commands["EXIT STATUS"]) == codes);
    for (const auto& code : shown(scheduler["EXIT STATUS"])) CHECK(codes.contains(code));
    CHECK(shown(scheduler["EXIT STATUS"]).contains("69"));

    std::string levels;
    for (const auto& list : matches(headers, "enum class level : int \\{([^}]*)\\}"))
        for_each_match(list, "([a-z]+) = ([0-9]+)", [&](const std::smatch& m) { levels += (levels.empty() ? "" : ", ") + m[2].str() + " " + in_capitals(m[1]); });
    CHECK(commands["EXIT STATUS"].text.find("those of Nagios: " + levels) != std::string::npos);
    CHECK(shown(scheduler["MONITORING"]) == in("= 0 = 1 = 2 = 3"));
}

TEST_CASE("manual: every file that the code names is in the pages, and the other way") {
    const auto& headers = text_of_headers();
    std::string pages;
    names shown;
    for (const auto* const name : {"commands.md", "configuration.md", "scheduler.md"}) {
        const page p(name);
        pages += p["FILES"].text;
        shown.merge(p["FILES"].first_codes());
    }
    pages += page("sources.md")["FILE"].text;
    auto named = matches(headers, "\"(\\.[a-z][a-z.]*-?)\"");
    named.merge(matches(headers, "\"(last\\.?[a-z]*|backy\\.log|/(?:etc|run)/[a-z/.]*backy[a-z/.]*)\""));
    for (const auto& name : {".e", ".new"}) named.erase(name);  // a number's; what is being written
    std::erase_if(named, [](const std::string& name) { return name.ends_with(".new"); });
    REQUIRE(named.size() >= 12);
    CHECK(pages.find("`.new`") != std::string::npos);
    for (const auto& name : named) {
        INFO("named in the code: " << name);
        CHECK(pages.find(name) != std::string::npos);
    }
    for (const auto& name : shown) {
        if (name == "JOB/") continue;
        INFO("shown: " << name);
        const auto literal = std::regex_replace(name, std::regex("^(DIR/|ID|\\.status(?=\\.prom))|ID$"), "");
        CHECK(headers.find("\"" + literal + "\"") != std::string::npos);
    }
}

TEST_CASE("manual: every variable that is read is in the pages, and the other way") {
    auto read = matches(text_of_headers(), "getenv\\(\"([A-Z_]+)\"\\)");
    REQUIRE(read.contains("BACKY_CMD"));
    read.insert("CEPH_CONF");                                     // by librados
    read.insert("NOTIFY_SOCKET"), read.insert("WATCHDOG_USEC");  // by libsystemd
    auto shown = page("commands.md")["ENVIRONMENT"].first_codes();
    shown.merge(page("scheduler.md")["ENVIRONMENT"].first_codes());
    CHECK(shown == read);
}

TEST_CASE("manual: the shell's commands, the targets and the first words of SPEC are in the pages") {
    const auto& headers = text_of_headers();
    auto known = matches(headers, "command == \"([a-z]+)\"");
    known.erase("exit");  // another word for quit
    names shown;
    for (const auto& code : page("scheduler.md")["THE SHELL"].first_codes()) shown.insert(code.substr(0, code.find(' ')));
    CHECK(shown == known);
    const page commands("commands.md");
    for (const auto& scheme : matches(headers, "string_view scheme = \"([a-z]+:)\"")) {
        INFO(scheme);
        CHECK(commands["restore TARGET"].text.find("`" + scheme) != std::string::npos);
    }
    for (const auto& word : matches(headers, "spec == \"([a-z]+)\"")) CHECK(commands["REVISIONS"].first_codes().contains(word));
}
