// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: sources/frozen_guest
#include "support/journals.hpp"
#include "support/memory_source.hpp"
#include "support/program.hpp"
#include "support/small_disk.hpp"

#include <backy/config/document.hpp>
#include <backy/conformance/source_suite.hpp>
#include <backy/sources/file.hpp>

using namespace backy;
using support::scratch;
namespace fs = std::filesystem;

namespace {

struct volume_file {
    explicit volume_file(const fs::path& place, bool reflink) : dir(place), freeze(reflink) { std::ofstream(dir / "disk.img").close(); }
    void set(const support::content& c) {
        fs::resize_file(dir / "disk.img", 0);
        support::spill(dir / "disk.img", c);
    }
    sources::file<> make() { return sources::file<>({dir / "disk.img", freeze, "", ""}, journal); }
    std::string spelling() { return (dir / "disk.img").string(); }
    scratch dir;
    bool freeze;
    silent_journal journal;
};

struct file_volume : volume_file {
    static constexpr bool keeps_no_map = true;
    using volume_file::volume_file;
};

/// Frozen by reflink, with the change map that its extents are.
struct tracked_volume : volume_file {
    explicit tracked_volume(const fs::path& place) : volume_file(place, true) {}
    sources::file<> make() { return sources::file<>({dir / "disk.img", true, "", "", {}}, journal); }
    /// The blocks that are to be read of what is there now, beside a snapshot of before.
    std::vector<byte_count> changed_since(const revision_id& before) {
        const auto id = fresh_id();
        auto source = make();
        std::vector<byte_count> blocks;
        {
            const auto snapshot = source.freeze(id);
            block_map changed(snapshot.size());
            REQUIRE(!snapshot.changed_since(before, [&](extent e) { changed.add(e); }));
            for (byte_count at = 0; at < snapshot.size(); at += block_size)
                if (changed.has(at)) blocks.push_back(at / block_size);
        }
        source.release(id);
        return blocks;
    }
    revision_id frozen() {
        const auto id = fresh_id();
        make().freeze(id);
        return id;
    }
    void write(byte_count at, const support::content& bytes) {
        io::file<io::posix>(io::posix{}, spelling(), O_RDWR).write(at, bytes_of(std::string_view(bytes)));
    }
};
using blocks = std::vector<byte_count>;

struct memory_volume {
    void set(const support::content& c) { support::memory_source::named("suite").now = std::make_shared<support::content>(c); }
    support::memory_source make() { return support::memory_source({"suite"}, journal); }
    std::string spelling() { return "suite"; }
    silent_journal journal;
};

sources::file<>::config config_from(const std::string& text) { return sources::file<>::config::from(config::parse(text, "f")); }

}  // namespace

TEST_CASE("file source: conforms, live, wherever the file is") {
    auto places = support::copy_on_write();
    places.push_back(support::plain());
    for (const auto& place : places)
        DYNAMIC_SECTION(place) {
            file_volume volume(place, false);
            conformance::source_suite(volume);
        }
}

TEST_CASE("file source: conforms, frozen by reflink") {
    for (const auto& place : support::copy_on_write())
        DYNAMIC_SECTION(place) {
            file_volume volume(place, true);
            conformance::source_suite(volume);
        }
}

TEST_CASE("file source: conforms, with its extents as the change map") {
    for (const auto& place : support::copy_on_write())
        DYNAMIC_SECTION(place) {
            tracked_volume volume(place);
            conformance::source_suite(volume);
        }
}

TEST_CASE("file source: what changed is known to the block, and what the extents cannot tell is read") {
    for (const auto& place : support::copy_on_write()) {
        tracked_volume volume(place);
        support::randomness random;
        support::content bytes(20 * block_size + 777, '\0');
        random.fill(bytes, 0, 10 * block_size), random.fill(bytes, 20 * block_size, 777);
        support::spill(volume.dir / "disk.img", bytes);
        io::file<io::posix>(io::posix{}, volume.spelling(), O_RDWR).zero({10 * block_size, 10 * block_size});
        auto before = volume.frozen();
        CHECK(volume.changed_since(before).empty());
        volume.write(3 * block_size - 1, "ab");
        volume.write(15 * block_size, "c");
        volume.write(20 * block_size + 700, "d");
        io::file<io::posix>(io::posix{}, volume.spelling(), O_RDWR).zero({7 * block_size, block_size});
        CHECK(volume.changed_since(before) == blocks{2, 3, 7, 15, 20});
        volume.make().release(before);

        before = volume.frozen();  // preallocated: not to be told from what was written over it
        REQUIRE(io::posix{}.fallocate(io::file<io::posix>(io::posix{}, volume.spelling(), O_RDWR).descriptor(), 0, 12 * block_size, block_size) == 0);
        const auto told = place.filename() == "btrfs" ? blocks{12} : blocks{};  // XFS leaves a hole in the clone
        CHECK(volume.changed_since(before) == told);
        volume.make().release(before);
        before = volume.frozen();
        CHECK(volume.changed_since(before) == told);
        volume.make().release(before);
    }
}

TEST_CASE("file source: compressed, small and nodatacow files, dedupe, defragmentation and a balance hide no change") {
    for (const std::string type : {"btrfs", "xfs"}) {
        if (support::copy_on_write().empty()) return;
        const support::small_disk disk(type);  // of its own: a balance moves what other tests look at
        const auto place = disk.path();
        const bool btrfs = type == "btrfs";
        for (const std::string kind : {"plain", "compressed", "inline", "nodatacow"}) {
            if (!btrfs && kind != "plain") continue;
            INFO(type << " " << kind);
            tracked_volume volume(place);
            support::randomness random;
            auto now = kind == "inline" ? support::content(1000, 'i') : support::content(40 * block_size, 'z');
            if (kind == "compressed") REQUIRE(support::shell("btrfs property set '" + volume.spelling() + "' compression zstd").code == 0);
            if (kind == "nodatacow") REQUIRE(support::shell("chattr +C '" + volume.spelling() + "'").code == 0);
            support::spill(volume.dir / "disk.img", now);
            auto before = volume.frozen();
            auto known = now;
            const auto check = [&](const std::string& after) {
                INFO(after);
                const auto id = fresh_id();
                {
                    const auto snapshot = volume.make().freeze(id);
                    REQUIRE(!snapshot.changed_since(before, [&](extent e) { known.replace(e.offset, e.length, now, e.offset, e.length); }));
                    CHECK((known == now));
                }
                volume.make().release(before);
                before = id;
            };
            const auto write = [&](byte_count at, const support::content& what) {
                now.replace(at, what.size(), what);
                volume.write(at, what);
            };
            check("nothing");
            write(now.size() / 2, "changed");
            check("a write");
            if (kind == "inline") continue;
            write(3 * block_size, support::content(2 * block_size, 'q'));
            REQUIRE(support::shell("cd '" + volume.dir.path().string() + "'; xfs_io -c 'dedupe disk.img 655360 1310720 131072' disk.img").code == 0);
            check("dedupe");
            write(30 * block_size, "changed");
            if (btrfs) REQUIRE(support::shell("btrfs filesystem defragment -f '" + volume.spelling() + "'").code == 0);
            else support::shell("xfs_fsr '" + volume.spelling() + "'");
            check("defragmentation");
            for (int i = 0; i < 8; ++i) {
                write(random.below(now.size() - 10), "changed");
                const auto balance = btrfs ? "btrfs balance start --full-balance --bg '" + place.string() + "'" : "true";
                support::shell(balance);
                check("a balance");
            }
            if (btrfs) support::shell("btrfs balance cancel '" + place.string() + "'");
        }
    }
}

TEST_CASE("file source: a base that somebody wrote to or replaced has another mark") {
    for (const auto& place : support::copy_on_write()) {
        tracked_volume volume(place);
        volume.set(support::content(3 * block_size, 'x'));
        const auto id = fresh_id();
        const auto snapshot = volume.make().freeze(id);
        const auto mark = snapshot.mark_of(id);
        CHECK(mark != "");
        CHECK(snapshot.mark_of(id) == mark);
        CHECK(snapshot.mark_of(fresh_id()) == "");
        const auto clone = volume.dir / (".disk.img.backy-" + id);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        { std::ofstream(clone, std::ios::in | std::ios::out) << "y"; }
        CHECK(snapshot.mark_of(id) != mark);
        fs::rename(clone, volume.dir / "old");
        fs::copy_file(volume.dir / "disk.img", clone);
        CHECK(snapshot.mark_of(id) != mark);
        fs::remove(clone);
        fs::create_symlink(volume.dir / "old", clone);
        CHECK(snapshot.mark_of(id) == "");
    }
}

TEST_CASE("memory source: conforms, so the suite can be trusted with change maps") {
    memory_volume volume;
    conformance::source_suite(volume);
}

TEST_CASE("file source: a file made anew under the same name is another volume, one that grew or changed is not") {
    file_volume volume(support::plain(), false);
    const auto identity = [&] { return volume.make().freeze(fresh_id()).identity(); };
    const auto before = identity();
    volume.set("something else");
    CHECK(identity() == before);
    fs::rename(volume.dir / "disk.img", volume.dir / "old");
    std::ofstream(volume.dir / "disk.img") << "something else";
    CHECK(identity() != before);
}

TEST_CASE("file source: only what was frozen is a file that may be shared") {
    for (const auto& place : support::copy_on_write())
        for (const bool frozen : {false, true}) {
            file_volume volume(place, frozen);
            const auto id = fresh_id();
            CHECK((volume.make().freeze(id).frozen_file() != nullptr) == frozen);
            volume.make().release(id);
        }
}

TEST_CASE("file source: what is no volume is refused") {
    const scratch dir(support::plain());
    silent_journal journal;
    const auto freeze = [&](const fs::path& path, bool reflink = false) { sources::file<>({path, reflink, "", ""}, journal).freeze(fresh_id()); };
    CHECK_THROWS_WITH(freeze(dir / "none"), (dir / "none").string() + ": open: No such file or directory");
    CHECK_THROWS_WITH(freeze(dir.path()), dir.path().string() + ": neither a regular file nor a block device");
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    CHECK_THROWS_WITH(freeze(dir / "fifo"), (dir / "fifo").string() + ": neither a regular file nor a block device");
    std::ofstream(dir / "plain") << "x";
    CHECK_THROWS_WITH(freeze(dir / "plain", true),
                      (dir / "plain").string() + ": freeze: it cannot be reflinked here (set freeze to \"none\"; for a symlink name the file itself)");
}

TEST_CASE("file source: a loop device is read like the file behind it") {
    const scratch dir(support::plain());
    silent_journal journal;
    support::randomness random;
    const auto truth = support::some_volume(random, 2_MiB + 512);
    support::spill(dir / "f", truth);
    const auto made = support::shell("losetup -f --show '" + (dir / "f").string() + "'");
    if (made.code != 0) {
        WARN("SKIPPED: no loop device");
        return;
    }
    const auto device = made.out.substr(0, made.out.find('\n'));
    conformance::image_suite(sources::file<>({device, false, "", ""}, journal).freeze(fresh_id()), truth);
    support::shell("losetup -d " + device);
}

TEST_CASE("file source: one that shrinks while it is read ends the read with the offset") {
    file_volume volume(support::plain(), false);
    volume.set(support::content(1'000'000, 'x'));
    const auto snapshot = volume.make().freeze(fresh_id());
    fs::resize_file(volume.dir / "disk.img", 500'000);
    CHECK_THROWS_WITH(conformance::read_whole(snapshot), Catch::EndsWith("read at offset 500000: it ends there; did it shrink while it was read?"));
    CHECK(snapshot.size() == 1'000'000);
}

TEST_CASE("file source: a snapshot of a time when freeze was set otherwise is found and released") {
    for (const auto& place : support::copy_on_write()) {
        file_volume volume(place, true);
        const auto id = fresh_id();
        { auto frozen = volume.make().freeze(id); }
        volume.freeze = false;
        CHECK(volume.make().snapshots() == std::vector{id});
        volume.make().release(id);
        volume.freeze = true;
        CHECK(volume.make().snapshots().empty());
    }
    silent_journal journal;
    CHECK(sources::file<>({"/none/x", false, "", ""}, journal).snapshots().empty());
}

TEST_CASE("file source: its settings are checked") {
    CHECK(config_from("type = \"file\"\nfilename = \"/a\"").filename == "/a");
    CHECK(config_from("filename = \"/a\"\nfreeze = \"reflink\"\nfreeze-command = \"f\"\nthaw-command = \"t\"").reflink);
    CHECK_THROWS_WITH(config_from("type = \"file\"\nfile = \"/a\""),
                      "f:2:1: file: unknown key; known here: type, filename, freeze, freeze-command, thaw-command, changes, full-always, "
                      "compared-within-runs, compare-time-limit");
    CHECK(config_from("filename = \"/a\"\nfreeze = \"reflink\"\nchanges = \"extents\"\ncompared-within-runs = 7").how.compared_within == 7);
    CHECK_THROWS_WITH(config_from("filename = \"/a\"\nchanges = \"extents\""), "f:2:1: changes: extents are those of a frozen volume: it needs freeze = \"reflink\"");
    CHECK_THROWS_WITH(config_from("filename = \"/a\"\nchanges = \"x\""), "f:2:1: changes: unknown: \"x\"; known here: none, extents");
    CHECK_THROWS_WITH(config_from("filename = \"/a\"\nfull-always = true"), "f:2:1: full-always: needs changes = \"extents\"");
    CHECK_THROWS_WITH(config_from("filename = 7"), "f:1:1: filename: must be a string");
    CHECK_THROWS_WITH(config_from("filename = \"a/b\""), "f:1:1: filename: must be the absolute path of a file: \"a/b\"");
    CHECK_THROWS_WITH(config_from("filename = \"/a\"\nfreeze = \"x\""), "f:2:1: freeze: unknown: \"x\"; known here: none, reflink");
    CHECK_THROWS_WITH(config_from("filename = \"/a\"\nfreeze-command = \"x\""), "f:2:1: freeze-command: one needs the other: freeze-command and thaw-command");
    CHECK_THROWS_WITH(config_from("filename = \"/a\"\nfreeze-command = \"x\"\nthaw-command = \"y\""),
                      "f:2:1: freeze-command: needs freeze = \"reflink\" (a guest cannot stand still while a whole volume is read)");
    CHECK(sources::file<>::parse("x").get<std::string>("filename") == (fs::current_path() / "x").string());
    CHECK_THROWS_AS(sources::file<>::parse(""), config_error);
}

TEST_CASE("frozen guest: frozen, then thawed when it is asked to") {
    const scratch dir(support::plain());
    const auto log = (dir / "log").string();
    {
        sources::frozen_guest guest("echo freeze >>" + log, "echo thaw >>" + log);
        CHECK(support::slurp(log) == "freeze\n");
        const auto outcome = guest.thaw();
        CHECK((outcome.in_time && outcome.remarks.empty()));
        CHECK(support::slurp(log) == "freeze\nthaw\n");
    }
    CHECK(support::slurp(log) == "freeze\nthaw\n");  // once
}

TEST_CASE("frozen guest: a freeze that fails or hangs is thawed and an error, and a thaw that fails or came too soon is said") {
    const scratch dir(support::plain());
    const auto log = (dir / "log").string();
    using namespace std::chrono_literals;
    CHECK_THROWS_WITH(sources::frozen_guest("exit 3", "echo thaw >>" + log), "freeze-command: exit 3: exit status 3");
    CHECK(support::slurp(log) == "thaw\n");
    CHECK_THROWS_WITH(sources::frozen_guest("sleep 60", "echo thaw >>" + log, 200ms), "freeze-command: sleep 60: did not end in time");
    CHECK(support::slurp(log) == "thaw\nthaw\n");
    sources::frozen_guest unthawable("true", "exit 1");
    CHECK(unthawable.thaw().remarks == std::vector<std::string>{"thaw-command: it failed, the guest may still be frozen"});
    sources::frozen_guest slow("true", "echo late >>" + log, 100ms);
    std::this_thread::sleep_for(400ms);
    CHECK(support::slurp(log) == "thaw\nthaw\nlate\n");
    std::signal(SIGPIPE, SIG_IGN);
    const auto outcome = slow.thaw();
    CHECK(!outcome.in_time);
    CHECK(outcome.remarks == std::vector<std::string>{"thaw-command: run by the watchdog before the snapshot was done"});
}

TEST_CASE("frozen guest: a service that is stopped as a whole still thaws, and a freeze that outlives its process is thawed after it") {
    using namespace std::chrono_literals;
    const scratch dir(support::plain());
    const auto log = (dir / "log").string();
    const auto wait_for = [&](const std::string& text) {
        for (int i = 0; i < 150 && !(fs::exists(log) && support::slurp(log) == text); ++i) std::this_thread::sleep_for(100ms);
        CHECK(support::slurp(log) == text);
    };
    auto pid = ::fork();
    if (pid == 0) {
        sources::frozen_guest guest("true", "echo thaw >>" + log);
        support::shell("pkill -TERM -P " + std::to_string(::getpid()));  // the watchdog too
        ::kill(::getpid(), SIGKILL);
    }
    REQUIRE(::waitpid(pid, nullptr, 0) == pid);
    wait_for("thaw\n");
    fs::remove(log);
    pid = ::fork();
    if (pid == 0) {
        sources::frozen_guest guest("sleep 1; echo frozen >>" + log, "echo thaw >>" + log, 3s);
        ::_exit(0);
    }
    std::this_thread::sleep_for(300ms);
    ::kill(pid, SIGKILL);
    REQUIRE(::waitpid(pid, nullptr, 0) == pid);
    wait_for("thaw\nfrozen\nthaw\n");
}

TEST_CASE("frozen guest: thawed by the watchdog when its process is killed, and no lock is held by the watchdog") {
    const scratch dir(support::plain());
    const auto log = (dir / "log").string();
    const auto pid = ::fork();
    if (pid == 0) {
        const int held = ::open((dir / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        ::flock(held, LOCK_EX);
        sources::frozen_guest guest("true", "flock -n " + (dir / "lock").string() + " echo thaw >>" + log);
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(WTERMSIG(status) == SIGKILL);
    for (int i = 0; i < 100 && !(fs::exists(log) && fs::file_size(log) > 0); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(support::slurp(log) == "thaw\n");
}
