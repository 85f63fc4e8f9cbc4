// SPDX-License-Identifier: GPL-3.0-or-later
// The order in which a run makes things durable, call by call: what power loss may find depends on nothing else.
#include "setup.hpp"
#include "support/recording.hpp"

using namespace support;

namespace {

/// The calls of a command, with the ID of the revision it is about as ID and a call that repeats once.
std::vector<std::string> calls_of(const recording::record& record, const revision_id& id) {
    std::vector<std::string> calls;
    for (auto call : record.calls) {
        for (auto at = call.find(id); at != call.npos; at = call.find(id)) call.replace(at, id.size(), "ID");
        if (calls.empty() || calls.back() != call) calls.push_back(call);
    }
    return calls;
}

/// Without the calls that only read other files than the image.
std::vector<std::string> without_reads(std::vector<std::string> calls) {
    std::erase_if(calls, [](const std::string& c) { return (c.starts_with("read ") && c != "read .ID.new") || (c.starts_with("drop ") && !c.ends_with(".new")); });
    return calls;
}

}  // namespace

TEST_CASE("order: a backup announces, freezes, builds, makes durable, reads back, commits, points, releases, and rests") {
    for (const auto& place : copy_on_write()) {
        INFO(place);
        const scratch dir(place);
        silent_journal journal;
        fs::create_directory(dir / "repository");
        randomness random;
        auto disk = some_volume(random, 500'000);
        spill(dir / "disk.img", disk);
        {
            file_engine<io::posix> e(dir.path(), {}, journal);
            backup(e.repository, e.source, {}, 1);
        }
        std::fill_n(disk.begin(), 100'000, 'x');
        std::ofstream(dir / "disk.img", std::ios::in | std::ios::out | std::ios::binary) << disk.substr(0, 100'000);
        const auto record = std::make_shared<recording::record>();
        file_engine<recording> e(dir.path(), recording(record), journal);
        record->calls.clear();
        const auto id = backup(e.repository, e.source, {}, 1).made.id;
        const std::vector<std::string> expected{
            "create .lock", "lock .lock",
            "create .run.new", "write .run.new", "chmod .run.new", "fsync .run.new", "rename .run.new .run", "fsync repository",
            "create .disk.img.backy-ID", "clone .disk.img.backy-ID",
            "create .ID.new", "clone .ID.new",
            "create .ID.digests.new", "clone .ID.digests.new",
            "share .ID.new", "write .ID.digests.new",  // it is on the volume's filesystem
            "chmod .ID.new", "fsync .ID.new", "drop .ID.new",
            "chmod .ID.digests.new", "fsync .ID.digests.new", "drop .ID.digests.new",
            "read .ID.new",
            "rename .ID.new ID", "fsync repository",
            "rename .ID.digests.new ID.digests", "fsync repository",
            "create .rev.new", "write .rev.new", "chmod .rev.new", "fsync .rev.new", "rename .rev.new ID.rev", "fsync repository",
            "symlink .last.new ID", "rename .last.new last", "symlink .last.rev.new ID.rev", "rename .last.rev.new last.rev",
            "unlink .disk.img.backy-ID", "fsync " + dir.path().filename().string(),
            "unlink .run", "fsync repository"};
        CHECK(without_reads(calls_of(*record, id)) == expected);
    }
}

TEST_CASE("order: a clone that stays as the base of the next run is durable before it is read") {
    for (const auto& place : copy_on_write()) {
        const scratch dir(place);
        silent_journal journal;
        spill(dir / "disk.img", content(100'000, 'x'));
        const auto record = std::make_shared<recording::record>();
        sources::file<recording> source({dir / "disk.img", true, "", "", {}}, journal, recording(record));
        const auto id = fresh_id();
        source.freeze(id);
        CHECK(without_reads(calls_of(*record, id)) == std::vector<std::string>{"create .disk.img.backy-ID", "clone .disk.img.backy-ID", "fsync .disk.img.backy-ID"});
    }
}

namespace {

/// The fsync that should make the name of the metadata durable fails.
struct fails_at_the_last : io::posix {
    inline static bool armed = false;
    long renameat(int dir, const std::string& from, const std::string& to) const {
        armed = from == ".rev.new";
        return posix::renameat(dir, from, to);
    }
    long fsync(int fd) const { return std::exchange(armed, false) ? -EIO : posix::fsync(fd); }
};

}  // namespace

TEST_CASE("order: a run whose metadata are there but perhaps not durable has failed, and nothing is left of it") {
    const scratch dir(plain());
    silent_journal journal;
    memory_source::named(dir.path().string()).now = std::make_shared<content>(100'000, 'x');
    memory_source source({dir.path().string()}, journal);
    stores::image<> store({}, dir.path(), journal);
    catalogs::files<fails_at_the_last> catalog(dir.path());
    repository<stores::image<>, catalogs::files<fails_at_the_last>, hashes::gmac, clocks::system> r(store, catalog, journal);
    CHECK_THROWS_WITH(backup(r, source, {}), dir.path().string() + ": fsync: Input/output error");
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir.path())) names.push_back(entry.path().filename().string());
    CHECK(names == std::vector<std::string>{".lock"});
    CHECK(source.snapshots().empty());
}

TEST_CASE("order: forgetting the newest announces, points away, removes the metadata durably, then the bytes") {
    const scratch dir(plain());
    silent_journal journal;
    fs::create_directory(dir / "repository");
    spill(dir / "disk.img", content(100'000, 'x'));
    const auto record = std::make_shared<recording::record>();
    const auto live = [&](auto use) {  // ext4 cannot reflink
        sources::file<recording> source({dir / "disk.img", false, "", ""}, journal, recording(record));
        stores::image<recording> store({}, dir / "repository", journal, recording(record));
        catalogs::files<recording> catalog(dir / "repository", recording(record));
        backy::repository<stores::image<recording>, catalogs::files<recording>, hashes::gmac, clocks::system> r(store, catalog, journal);
        return use(r, source);
    };
    const auto older = live([&](auto& r, auto& s) { return backup(r, s, {}, 1).made.id; });
    const auto id = live([&](auto& r, auto& s) { return backup(r, s, {}, 1).made.id; });
    record->calls.clear();
    live([&](auto& r, auto& s) { return forget(r, s, [&](const history&) { return std::vector{id}; }); });
    const std::vector<std::string> expected{
        "create .lock", "lock .lock",
        "create .run.new", "write .run.new", "chmod .run.new", "fsync .run.new", "rename .run.new .run", "fsync repository",
        "symlink .last.new " + older, "rename .last.new last", "symlink .last.rev.new " + older + ".rev", "rename .last.rev.new last.rev",
        "unlink ID.rev", "fsync repository", "unlink ID", "fsync repository", "unlink ID.digests", "fsync repository", "unlink .run", "fsync repository"};
    CHECK(without_reads(calls_of(*record, id)) == expected);
}

TEST_CASE("order: distrusting the newest points away from it before it is distrusted") {
    const scratch dir(plain());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(100'000, 'x');
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [](auto& r, auto& s) { backup(r, s, {}), backup(r, s, {}); });
    const auto record = std::make_shared<recording::record>();
    stores::image<recording> store({}, dir.path(), journal, recording(record));
    catalogs::files<recording> catalog(dir.path(), recording(record));
    const auto h = catalog.read();
    const auto &older = h.revisions[0].id, &newest = h.revisions[1].id;
    backy::repository<stores::image<recording>, catalogs::files<recording>, hashes::gmac, clocks::system> r(store, catalog, journal);
    record->calls.clear();
    distrust(r, [&](const history& all) { return std::vector{*all.find(newest)}; });
    CHECK(without_reads(calls_of(*record, newest)) ==
          std::vector<std::string>{"create .lock", "lock .lock", "symlink .last.new " + older, "rename .last.new last", "symlink .last.rev.new " + older + ".rev",
                                   "rename .last.rev.new last.rev", "create .rev.new", "write .rev.new", "chmod .rev.new", "fsync .rev.new", "rename .rev.new ID.rev",
                                   "fsync " + dir.path().filename().string()});
}
