// SPDX-License-Identifier: GPL-3.0-or-later
// Adoption of a Python backy's directory, and the sweep over it: whatever call of it fails or is its last, each image has its bytes, each revision
// is readable by the old format or by ours, and the next import completes.
#include "support/long.hpp"
#include "support/model.hpp"
#include "support/python_directory.hpp"
#include "support/recording.hpp"

#include <backy/engine/adopt.hpp>
#include <backy/engine/space.hpp>
#include <backy/io/faulty.hpp>

#include <iostream>
#include <sys/file.h>

using namespace support;

namespace {

using faulty = io::faulty<io::posix>;
using kind = io::fault_plan::kind;

const std::string our_config = "format = 1\n\n[source]\ntype = \"file\"\nfilename = \"/x\"\n";

revision like() {
    revision r;
    r.source = {"file", "/x", "", ""};
    return r;
}

template <Io I = io::posix>
adoption import_it(const fs::path& directory, I io = {}) {
    silent_journal journal;
    stores::image<I> store({}, directory, journal, io);
    catalogs::files<I> catalog(directory, io);
    const repository<stores::image<I>, catalogs::files<I>, hashes::gmac, clocks::system> repository(store, catalog, journal);
    io::directory<I> where(directory, io);
    return adopt(repository, where, like(), slurp(directory / "config").starts_with("format") ? "" : our_config);
}

/// What is wrong whatever has happened: each revision, its bytes, and one of the two formats.
violations violations_of(const python_directory& d) {
    violations found;
    const auto h = catalogs::files<>(d.path()).read();
    for (const auto& [id, bytes] : d.images) {
        if (slurp(d / id) != bytes) found.push_back(id + " has other bytes");
        const auto rev = slurp(d / (id + ".rev"));
        try {
            if (!h.find(id) && !legacy::parse_revision(rev, id).complete) found.push_back(id + " is not complete any more");
            if (h.find(id) && legacy::parse_revision(slurp(d / legacy_directory / (id + ".rev")), id).r.id != id) found.push_back(id + " cannot go back");
        } catch (const std::exception& e) {
            found.push_back(e.what());
        }
    }
    const auto config = slurp(d / "config");
    if (config != our_config && !config.starts_with("filename: ")) found.push_back("the configuration is neither's");
    return found;
}

std::unique_ptr<python_directory> some_directory(const fs::path& path, randomness& random) {
    auto d = std::make_unique<python_directory>(path);
    d->config("/x");
    auto now = some_volume(random, 100'077);
    for (int hour = 1; hour <= 3; ++hour) {
        d->revision(now, hour);
        now = changed(random, now, now.size());
    }
    d->images.erase(d->revision("{\"mapping\": {}, \"size\": 5}", 0, "daily", "backend_type: chunked\n"));  // is left, every time
    fs::permissions(*d / d->images.begin()->first, fs::perms(0640));
    d->write(".backup", "", 0644), d->write(".purge", "", 0644);
    return d;
}

}  // namespace

TEST_CASE("adopt: images stay where and what they are, metadata become ours, what was there before is kept") {
    randomness random;
    const scratch dir(plain());
    python_directory d(dir / "r");
    d.config("/x");
    const auto first = d.revision("one", 1, "daily, weekly", "trust: distrusted\n");
    const auto second = d.revision("", 2, "'manual:x'", "trust: verified\nbackend_type: cowfile\n");
    const auto third = d.revision("three", 3, "", "", "2b0c1d9e-58a5-4c8b-9d8f-0f3f4f9f7a11");
    const auto config = slurp(d / "config"), rev = slurp(d / (first + ".rev"));
    const auto inode = fs::hard_link_count(d / first);
    struct ::stat before {}, after {};
    REQUIRE(::stat((d / first).c_str(), &before) == 0);

    const auto a = import_it(d.path());
    CHECK(a.left == none);
    REQUIRE(::stat((d / first).c_str(), &after) == 0);
    CHECK((before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && inode == fs::hard_link_count(d / first)));
    const auto h = catalogs::files<>(d.path()).read();
    REQUIRE(h.revisions.size() == 3);
    CHECK((h.damaged.empty() && h.strangers.empty()));
    const auto& r = h.revisions[0];
    CHECK((r.id == first && r.tags == std::vector<std::string>{"daily", "weekly"} && r.trust == trust::distrusted && r.size == 3 && !r.sequence && !r.digests && r.durable));
    CHECK((r.source.type == "file" && r.source.name == "/x" && to_rfc3339(r.made_at) == "2015-11-04T01:09:26.885246Z" && r.stats.duration.count() == 88.1));
    CHECK((h.revisions[1].id == second && h.revisions[1].trust == trust::verified && h.revisions[1].parent == first && h.revisions[2].id == third));
    CHECK(slurp(d / "config") == our_config);
    CHECK(slurp(d / legacy_directory / "config") == config);
    CHECK(slurp(d / legacy_directory / (first + ".rev")) == rev);
    CHECK(fs::read_symlink(d / "last") == third);
    CHECK(violations_of(d) == none);
    CHECK(import_it(d.path()).revisions.empty());  // again: there is nothing more to do
}

TEST_CASE("adopt: where an old raw image would become the last, or the last is a file, nothing is changed") {
    const scratch dir(plain());
    python_directory d(dir / "r");
    d.config("/x");
    d.revision("raw", 1);
    const auto newest = d.revision("{\"mapping\": {}, \"size\": 5}", 2, "daily", "backend_type: chunked\n");
    const auto a = import_it(d.path());
    CHECK(a.refused == "its newest revision is in pieces, and an older one would become the last; nothing was changed (start anew beside it: docs/moving.md)");
    CHECK(a.left.size() == 1);
    CHECK(slurp(d / "config").starts_with("filename: "));
    CHECK_FALSE(fs::exists(d / legacy_directory));
    fs::remove(d / (newest + ".rev"));
    fs::remove(d / "last"), spill(d / "last", "precious");
    CHECK(import_it(d.path()).refused == "last is not a link (move it away); nothing was changed");
    CHECK(slurp(d / "last") == "precious");
    fs::remove(d / "last");
    CHECK(import_it(d.path()).revisions.size() == 1);
}

TEST_CASE("adopt: what cannot be taken is named and stays") {
    const scratch dir(plain());
    python_directory d(dir / "r");
    d.config("/x");
    const auto good = d.revision("good", 1);
    const auto chunked = d.revision("{\"mapping\": {}, \"size\": 5}", 0, "daily", "backend_type: chunked\n");
    const auto missing = d.revision("x", 3), cut = d.revision("whole", 4), link = d.revision("y", 5), renamed = d.revision("z", 6), half = d.revision("h", 7);
    const auto half_chunked = d.revision("c", 8);  // which is no newer one that counts
    fs::remove(d / missing);
    spill(d / cut, "who");
    fs::remove(d / link), fs::create_symlink(good, d / link);
    fs::rename(d / (renamed + ".rev"), d / "other.rev");
    d.write(half + ".rev", "uuid: " + half + "\ntimestamp: 2015-11-04 08:00:00\nstats: {bytes_written: 0}\n");
    d.write(half_chunked + ".rev", "uuid: " + half_chunked + "\ntimestamp: 2015-11-04 09:00:00\nbackend_type: chunked\nstats: {bytes_written: 0}\n");
    d.write("odd.rev", "uuid: short\ntimestamp: 2015-11-04 08:00:00\n");

    const auto at = [&](const std::string& name) { return (d / name).string(); };
    const auto incomplete = [&](const std::string& id) {
        return at(id + ".rev") + ": not complete: the Python backy would remove it at its next run (so does backy forget -r " + id + " once the directory was adopted)";
    };
    auto expected = violations{
        at(chunked + ".rev") + ": its image is chunked: pieces, which only the Python backy can put together",
        at(missing + ".rev") + ": its image is missing (backy forget -r " + missing + " once the directory was adopted)",
        at(cut) + ": it has 3 bytes, and 5 were written to it: it was cut off",
        at("other.rev") + ": it says that it is revision " + renamed,
        incomplete(half), incomplete(half_chunked),
        at("odd.rev") + ":1:1: uuid: \"short\" is no ID that this backy can have (22 characters without 0 1 I O l, or a UUID)",
        at(link) + ": open: Too many levels of symbolic links"};
    auto a = import_it(d.path());
    std::ranges::sort(expected), std::ranges::sort(a.left);
    CHECK(a.left == expected);
    REQUIRE(a.revisions.size() == 1);
    CHECK(a.revisions[0].id == good);
    CHECK(fs::read_symlink(d / "last") == good);
    CHECK(slurp(d / (chunked + ".rev")).find("chunked") != std::string::npos);
}

TEST_CASE("adopt: a directory of which nothing can be taken is left to the Python backy") {
    const scratch dir(plain());
    python_directory d(dir / "r");
    d.config("/x");
    d.revision("{\"mapping\": {}, \"size\": 5}", 2, "daily", "backend_type: chunked\n");
    const auto before = names_in(d.path());
    const auto config = slurp(d / "config");
    CHECK(import_it(d.path()).left.size() == 1);
    CHECK(slurp(d / "config") == config);
    auto after = names_in(d.path());
    std::erase(after, ".lock");
    CHECK(after == before);
}

TEST_CASE("adopt: not while a Python backy, or one of ours, is at it") {
    randomness random;
    const scratch dir(plain());
    const auto d = some_directory(dir / "r", random);
    for (const auto* name : {"config", ".backup", ".purge", ".lock"}) {
        const int fd = ::open((*d / name).c_str(), O_RDONLY | O_CREAT, 0640);
        REQUIRE(::flock(fd, LOCK_SH) == 0);
        CHECK_THROWS_AS(import_it(d->path()), lock_busy);
        CHECK(!fs::exists(*d / legacy_directory));
        ::close(fd);
    }
    CHECK(import_it(d->path()).revisions.size() == 3);
    CHECK(!fs::exists(*d / ".backup"));
}

TEST_CASE("adopt: the order in which it makes things durable, call by call") {
    const scratch dir(plain());
    python_directory d(dir / "r");
    d.config("/x");
    const auto id = d.revision("bytes", 1);
    fs::permissions(d / id, fs::perms(0644));
    d.write(".purge", "", 0644);
    fs::remove(d / "last"), fs::remove(d / "last.rev");  // as 2.5 has it
    const auto record = std::make_shared<recording::record>();
    (void)import_it(d.path(), recording(record));
    std::vector<std::string> calls;
    for (auto call : record->calls) {
        for (auto at = call.find(id); at != call.npos; at = call.find(id)) call.replace(at, id.size(), "ID");
        if (!call.starts_with("read ") && (calls.empty() || calls.back() != call)) calls.push_back(call);
    }
    const std::vector<std::string> expected{
        "create .lock", "lock .lock", "lock config", "lock .purge",
        "fsync r",
        "create .new", "write .new", "chmod .new", "fsync .new", "rename .new ID.rev", "fsync .python-backy",
        "chmod ID", "fsync ID",
        "create .rev.new", "write .rev.new", "chmod .rev.new", "fsync .rev.new", "rename .rev.new ID.rev", "fsync r",
        "create .new", "write .new", "chmod .new", "fsync .new", "rename .new config", "fsync .python-backy",
        "create .config.new", "write .config.new", "chmod .config.new", "fsync .config.new", "rename .config.new config", "fsync r",
        "unlink .purge",
        "symlink .last.new ID", "rename .last.new last", "symlink .last.rev.new ID.rev", "rename .last.rev.new last.rev"};
    CHECK(calls == expected);
}

TEST_CASE("adopt: what others say that they wrote is not what a run of ours is expected to take") {
    revision r;
    r.id = "n3cFkF9ZbGcDoQk3Yy5kHD", r.parent = "4tTFsNoUVFsLcRBSPTVGtw", r.stats.bytes_written = 5;
    history h;
    h.revisions = {r};
    CHECK(!expected_size(h));
    h.revisions[0].sequence = 1;
    CHECK(expected_size(h) == 5u);
}

TEST_CASE("adopt: whatever call fails or is the last, nothing is lost and the next import completes") {
    randomness random;
    const auto places = copy_on_write().empty() ? std::vector{plain()} : copy_on_write();
    const auto& place = places[random.below(places.size())];
    const scratch dir(place);
    const auto original = some_directory(dir / "template", random);
    struct fault {
        kind what;
        int error;
        const char* name;
    };
    for (const auto& f : {fault{kind::fail, EIO, "EIO"}, fault{kind::fail, ENOSPC, "ENOSPC"}, fault{kind::fail, EINTR, "EINTR"}, fault{kind::lost, EIO, "lost"}, fault{kind::brief, 0, "short"},
                          fault{kind::full, ENOSPC, "full"}, fault{kind::stop, EIO, "stop"}}) {
        long n = 1, tried = 0, failed = 0;
        for (;; ++n) {
            INFO(f.name << " at call " << n);
            if (!is_drawn(random, 3)) continue;
            ++tried;
            const scratch trial(place);
            fs::copy(original->path(), trial / "r", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
            python_directory d(trial / "r");
            d.images = original->images;
            const auto plan = std::make_shared<io::fault_plan>();
            plan->what = f.what, plan->at = n, plan->error = f.error;
            try {
                const auto a = import_it(d.path(), faulty(plan));
                if (a.left.size() == 1) CHECK(catalogs::files<>(d.path()).read().revisions.size() == 3);
            } catch (const error&) {
                ++failed;
            }
            CHECK(violations_of(d) == none);
            if (f.what == kind::stop && slurp(d / "config") == our_config) CHECK(catalogs::files<>(d.path()).read().revisions.size() == 3);
            CHECK(import_it(d.path()).left.size() == 1);
            const auto h = catalogs::files<>(d.path()).read();
            CHECK((h.revisions.size() == 3 && h.damaged.size() == 1 && h.strangers.empty()));
            CHECK(slurp(d / "config") == our_config);
            CHECK(fs::read_symlink(d / "last") == h.revisions.back().id);
            CHECK(names_in(d / legacy_directory).size() == 4);
            CHECK(violations_of(d) == none);
            if (plan->calls < n) break;
        }
        std::cout << "adopt, " << f.name << ": " << tried << " faults tried, " << failed << " runs failed\n";
        CHECK(n > 100);
        if (f.what == kind::stop) CHECK(failed > tried / 2);
    }
}
