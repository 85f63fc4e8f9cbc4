// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/scratch.hpp"

#include <backy/catalogs/files.hpp>
#include <backy/conformance/catalog_suite.hpp>
#include <backy/io/faulty.hpp>

#include "support/recording.hpp"

using namespace backy;
using support::scratch;
namespace fs = std::filesystem;

TEST_CASE("files catalog: conforms") {
    const scratch dir(support::plain());
    conformance::catalog_suite([&] { return catalogs::files<>(dir.path()); });
}

namespace {
std::string sealed_text(const revision& r) { return catalogs::detail::sealed(config::print(to_section(r))); }
void write(const fs::path& path, const std::string& text) {
    fs::remove(path);
    std::ofstream(path) << text;
}
}  // namespace

TEST_CASE("files catalog: the seal is sha256sum's of every byte before it") {
    const scratch dir(support::plain());
    const auto r = conformance::some_revision(1);
    catalogs::files<>(dir.path()).put(r);
    const auto file = (dir / (r.id + ".rev")).string();
    CHECK(std::system(("head -n -1 '" + file + "' | sha256sum | cut -c-64 | sed 's/^/# sha256 /' | cmp - <(tail -n 1 '" + file + "')").insert(0, "bash -c \"").append("\"").c_str()) == 0);
    CHECK((fs::status(file).permissions() & fs::perms::all) == fs::perms(0440));
}

TEST_CASE("files catalog: a flipped bit anywhere in metadata is noticed, and the others still work") {
    const scratch dir(support::plain());
    catalogs::files<> catalog(dir.path());
    const auto good = conformance::some_revision(1), bad = conformance::some_revision(2);
    catalog.put(good);
    const auto text = sealed_text(bad);
    for (std::size_t at = 0; at < text.size(); at += 3) {
        auto flipped = text;
        flipped[at] = static_cast<char>(flipped[at] ^ 4);
        write(dir / (bad.id + ".rev"), flipped);
        const auto h = catalog.read();
        INFO(at << ": " << flipped);
        const bool in_mark = at >= text.rfind("# sha256") && at < text.rfind("# sha256") + 9;
        if (!in_mark) CHECK(h.revisions.size() == 1);  // without the mark it is one that came from elsewhere, or no TOML
        CHECK(h.revisions[0].id == (h.revisions.size() == 1 ? good.id : bad.id));
        CHECK(h.has(bad.id));
        for (const auto& r : h.revisions)
            if (r.id == bad.id) CHECK((!r.digests && !r.sequence));
    }
}

TEST_CASE("files catalog: truncated anywhere, metadata are damaged or at most complete and unproven") {
    const scratch dir(support::plain());
    catalogs::files<> catalog(dir.path());
    auto bad = conformance::some_revision(2);
    bad.trust = trust::distrusted;
    const auto text = sealed_text(bad);
    for (std::size_t n = 0; n + 1 < text.size(); ++n) {
        write(dir / (bad.id + ".rev"), text.substr(0, n));
        const auto h = catalog.read();
        CHECK(h.has(bad.id));
        for (const auto& r : h.revisions) {
            INFO(text.substr(0, n));
            CHECK(r.trust == trust::distrusted);
            CHECK((!r.digests && !r.sequence));
        }
    }
}

TEST_CASE("files catalog: a newer format and a name that lies are reported and left alone") {
    const scratch dir(support::plain());
    catalogs::files<> catalog(dir.path());
    const auto r = conformance::some_revision(1);
    const auto id = fresh_id();
    write(dir / (id + ".rev"), catalogs::detail::sealed("format = 2\n"));
    write(dir / (r.id + ".rev"), sealed_text(conformance::some_revision(1)));
    const auto h = catalog.read();
    REQUIRE(h.damaged.size() == 2);
    CHECK(h.revisions.empty());
    std::string why = h.damaged[0].why + h.damaged[1].why;
    CHECK(why.find("format 2 is newer than this backy, which knows 1") != why.npos);
    CHECK(why.find("it says that it is revision") != why.npos);
    CHECK(fs::exists(dir / (id + ".rev")));
}

TEST_CASE("files catalog: metadata that is a symlink, a directory or not readable as text is damaged, not followed") {
    const scratch dir(support::plain());
    catalogs::files<> catalog(dir.path());
    const auto a = fresh_id(), b = fresh_id();
    fs::create_symlink("/etc/passwd", dir / (a + ".rev"));
    fs::create_directory(dir / (b + ".rev"));
    CHECK(catalog.read().damaged.size() == 2);
}

TEST_CASE("files catalog: what belongs to no revision is reported, what belongs to one or to the run in progress is not") {
    const scratch dir(support::plain());
    catalogs::files<> catalog(dir.path());
    const auto r = conformance::some_revision(1);
    const auto running = fresh_id();
    catalog.put(r);
    catalog.announce({{running}, {}, "x"});
    for (const auto& name : {r.id, r.id + ".digests", "." + running + ".new", "." + running + ".digests.new", running, std::string("backy.log"),
                             std::string("backy.log.1.gz"), std::string("config"), std::string(".lock"), std::string("last"), std::string("last.rev")})
        std::ofstream(dir / name) << "x";
    CHECK(catalog.read().strangers.empty());
    const auto orphan = fresh_id();
    for (const auto& name : {orphan, "." + orphan + ".new", std::string("note\n\"to self\"")}) std::ofstream(dir / name) << "x";
    CHECK(catalog.read().strangers.size() == 3);
    CHECK((fs::exists(dir / orphan) && fs::exists(dir / ("." + orphan + ".new")) && fs::exists(dir / "note\n\"to self\"")));
}

TEST_CASE("files catalog: every change is durable when it returns") {
    const scratch dir(support::plain());
    const auto record = std::make_shared<support::recording::record>();
    catalogs::files<support::recording> catalog(dir.path(), support::recording(record));
    const auto durable = "fsync " + dir.path().filename().string();
    const auto calls = [&](auto change) {
        record->calls.clear();
        change();
        return record->calls;
    };
    const auto r = conformance::some_revision(1);
    using list = std::vector<std::string>;
    const auto replaced = [&](const std::string& beside, const std::string& name) {
        return list{"create " + beside, "write " + beside, "chmod " + beside, "fsync " + beside, "rename " + beside + " " + name, durable};
    };
    CHECK(calls([&] { catalog.put(r); }) == replaced(".rev.new", r.id + ".rev"));
    CHECK(calls([&] { catalog.announce({{r.id}, {}, "x"}); }) == replaced(".run.new", ".run"));
    CHECK(calls([&] { catalog.retire(r.id); }) == list{"rename " + r.id + ".rev .retired-" + r.id, durable});
    CHECK(calls([&] { catalog.at_rest(); }) == list{"unlink .run", "unlink .retired-" + r.id, durable});
    CHECK(calls([&] { catalog.at_rest(); }).empty());
    catalog.put(r);
    CHECK(calls([&] { catalog.remove(r.id); }) == list{"unlink " + r.id + ".rev", durable});
    CHECK(calls([&] { catalog.remove(r.id); }).empty());
}

namespace {

/// As btrfs may under a busy writer: the first listing leaves names out.
struct leaves_out : io::posix {
    inline static int listings = 0;
    long list(int dir, std::vector<std::string>& names) const {
        const auto rc = posix::list(dir, names);
        if (++listings == 1) std::erase_if(names, [](const std::string& name) { return name.ends_with(".rev"); });
        return rc;
    }
};

}  // namespace

TEST_CASE("files catalog: neither a name that one listing leaves out nor a read that fails once hides a revision") {
    const scratch dir(support::plain());
    const auto r = conformance::some_revision(1);
    catalogs::files<>(dir.path()).put(r);
    leaves_out::listings = 0;
    CHECK(catalogs::files<leaves_out>(dir.path()).read().find(r.id));
    const auto plan = std::make_shared<io::fault_plan>();
    for (long n = 1;; ++n) {
        plan->what = io::fault_plan::kind::none;
        catalogs::files<io::faulty<io::posix>> catalog(dir.path(), io::faulty<io::posix>(plan));
        plan->what = io::fault_plan::kind::fail, plan->at = plan->calls + n;
        try {
            const auto h = catalog.read();
            INFO("call " << n << " failed");
            CHECK((h.revisions.size() == 1 && h.damaged.empty()));
        } catch (const error&) {}  // an error is no shorter history
        if (plan->calls < plan->at) break;
        CHECK(n < 100);
    }
}

TEST_CASE("files catalog: metadata that could not be read again are not written") {
    const scratch dir(support::plain());
    catalogs::files<> catalog(dir.path());
    auto r = conformance::some_revision(1);
    catalog.put(r);
    r.source.name = "not UTF-8: \xff";
    CHECK_THROWS_AS(catalog.put(r), config_error);
    CHECK(catalog.read().find(r.id)->source.name == "/a \"b\"\n\\c");
    CHECK(catalog.read().strangers.empty());
}

TEST_CASE("files catalog: a .run that cannot be trusted stops everything rather than remove a wrong file") {
    const scratch dir(support::plain());
    catalogs::files<> catalog(dir.path());
    const auto of = [](const std::string& format, const std::string& ids) { return catalogs::detail::sealed("format = " + format + "\n" + ids + "\n"); };
    write(dir / ".run", of("1", "revisions = [\"" + fresh_id() + "\"]\nsnapshots = []"));
    CHECK(catalog.announced()->revisions.size() == 1);
    for (const auto& text : {std::string(""), std::string("format = 1\nrevisions = []\n"), of("1", "revisions = [\"../../etc\"]"), of("1", "revisions = [\"config\"]"),
                             of("1", "revisions = [\"\"]"), of("1", "snapshots = [\"config\"]"), of("1", "revisions = 7"), of("2", "revisions = []"),
                             of("\"1\"", "revisions = []"), catalogs::detail::sealed("revisions = []\n"), std::string("\xff\xfe")}) {
        INFO(text);
        write(dir / ".run", text);
        CHECK_THROWS_AS(catalog.announced(), error);
        CHECK(catalog.read().strangers.size() == 1);  // reading goes on, and says it
    }
}
