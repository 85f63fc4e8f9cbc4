// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: backy cli/backup cli/command cli/distrust cli/find cli/forget cli/init cli/log cli/main cli/restore cli/status cli/verify
// What the commands do when all is well, or when the world is as it is: kills, readers that go away, rotten blocks, frozen guests.
#include "support/program.hpp"

#include <csignal>
#include <regex>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace support;

namespace {

struct fixture {
    explicit fixture(const fs::path& place = plain()) : dir(place), backy(dir / "r"), disk(dir / "disk.img") {
        now = some_volume(random, 3'000'077);
        spill(disk, now);
        REQUIRE(backy("init file '" + disk.string() + "'").code == 0);
    }
    std::string backup(const std::string& tags, int code = 0) {
        const auto r = backy("backup " + tags);
        INFO(r.err);
        REQUIRE(r.code == code);
        return fs::read_symlink(backy / "last").string();
    }
    void rot(const std::string& name, std::streamoff at) const { support::rot(backy / name, at); }
    randomness random;
    scratch dir;
    repository_directory backy;
    fs::path disk;
    content now;
};

}  // namespace

TEST_CASE("status: the table of the contract") {
    fixture f(copy_on_write().empty() ? plain() : copy_on_write().front());
    CHECK(f.backy("status").out ==
          "+------+----+------+-------+------+\n"
          "| Date | ID | Size | Durat | Tags |\n"
          "+------+----+------+-------+------+\n"
          "+------+----+------+-------+------+\n"
          "== Summary\n0 revisions\n0 Bytes data (estimated)\n");
    std::ofstream(f.backy / "config", std::ios::app)
        << "\n[schedule]\ndaily = { interval = \"1d\", keep = 7 }\nweekly = { interval = \"1w\", keep = 4 }\nannual = { interval = \"1w\", keep = 4 }\n";
    f.backup("zebra,daily,apple,weekly,annual");
    const auto id = f.backup("daily");
    CHECK(f.backy("distrust -r " + id).code == 0);
    const std::regex table("\\+-+\\+-+\\+-+\\+-+\\+-+\\+\n"
                           "\\| Date                \\| ID         \\|     Size \\| Durat \\| Tags +\\|\n"
                           "\\+-+\\+-+\\+-+\\+-+\\+-+\\+\n"
                           "\\| \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d \\| \\w{10} \\| +[\\d.]+ MiB \\| \\d\\.\\d s \\| annual,weekly,daily,apple,zebra \\(live\\) \\|\n"
                           "\\| \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d \\| \\w{10} \\| +[\\d.]+ \\w+ \\| \\d\\.\\d s \\| daily \\(distrusted, live\\) +\\|\n"
                           "\\+-+\\+-+\\+-+\\+-+\\+-+\\+\n"
                           "== Summary\n2 revisions\n[\\d.]+ MiB data \\(estimated\\)\n");
    const auto status = f.backy("status").out;
    INFO(status);
    CHECK(std::regex_match(status, table));
    const auto json = f.backy("status --json").out;
    for (const auto& part : {std::string("\"format\": 1"), id, std::string("\"trust\": \"distrusted\""), std::string("\"sha256\": \""), std::string("\"read_back\"")})
        CHECK(json.find(part) != std::string::npos);
    if (shell("command -v python3").code == 0)
        CHECK(shell("\"$BACKY\" -b '" + f.backy.path().string() + "' status --json | python3 -c 'import json, sys; d = json.load(sys.stdin); print(len(d[\"revisions\"]))'").out == "2\n");
}

TEST_CASE("backup: modes of files whatever the umask, the metadata of the contract, and a log") {
    fixture f;
    const auto made = shell("umask 0; \"$BACKY\" -b '" + f.backy.path().string() + "' backup daily");
    REQUIRE(made.code == 0);
    const auto id = fs::read_symlink(f.backy / "last").string();
    CHECK(fs::read_symlink(f.backy / "last.rev").string() == id + ".rev");
    const auto mode = [&](const std::string& name) { return static_cast<int>(fs::status(f.backy / name).permissions() & fs::perms::all); };
    CHECK((mode(id) == 0440 && mode(id + ".rev") == 0440 && mode(id + ".digests") == 0440 && mode("config") == 0640 && mode("backy.log") == 0640));
    CHECK(mode(".") == 0750);
    const auto rev = slurp(f.backy / (id + ".rev"));
    for (const auto* key : {"format = 1\nuuid = \"", "\nsequence = 1\ntimestamp = 20", "\ntags = [\"daily\"]\ntrust = \"trusted\"\nconsistency = \"live\"\nsize = 3000077\n",
                            "\n[source]\ntype = \"file\"\nname = \"", "\n[stats]\nbytes_written = ", "\n[digests]\nalgorithm = \"gmac\"\nblock_size = 65536\nsha256 = \"",
                            "\n[proof]\ndurable = { at = 20", "\nread_back = {", "\ncompared = {", "\n# sha256 "}) {
        INFO(key << "\n" << rev);
        CHECK(rev.find(key) != std::string::npos);
    }
    CHECK(rev.find("parent") == std::string::npos);
    const auto seal = shell("sha256sum <'" + (f.backy / (id + ".digests")).string() + "'").out.substr(0, 64);
    CHECK(rev.find("sha256 = \"" + seal + "\"") != std::string::npos);
    const auto log = slurp(f.backy / "backy.log");
    CHECK(std::regex_search(log, std::regex("^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d \\[\\d+\\] I \\$ .* backup daily\n")));
    CHECK(log.find("complete: ") != std::string::npos);
}

TEST_CASE("log: reopened when it was renamed, elsewhere with -l, on standard error where it cannot be written, none by reading") {
    fixture f;
    f.backup("a");
    fs::rename(f.backy / "backy.log", f.backy / "backy.log.1");
    f.backup("b");
    CHECK(fs::exists(f.backy / "backy.log"));
    fs::remove(f.backy / "backy.log");
    CHECK(f.backy("-l '" + (f.dir / "other.log").string() + "' backup c").code == 0);
    CHECK((!fs::exists(f.backy / "backy.log") && fs::file_size(f.dir / "other.log") > 0));
    for (const auto* command : {"status", "find", "restore -"}) CHECK(f.backy(command).code == 0);
    CHECK(!fs::exists(f.backy / "backy.log"));
    const auto r = f.backy("-l /proc/none/x backup d");
    CHECK(r.code == 0);
    CHECK(r.err.find("/proc/none/x: open: No such file or directory") != std::string::npos);
    CHECK(r.err.find("complete: ") != std::string::npos);
    CHECK(r.out == "");
    const auto verbose = f.backy("-v backup e");
    CHECK((verbose.err.find("complete: ") != std::string::npos && verbose.out == ""));
}

TEST_CASE("backup: killed at any time, the next run cleans up without help and the old revisions stand") {
    for (const auto& place : copy_on_write()) {
        fixture f(place);
        content large(200 << 20, 'x');
        for (std::size_t at = 0; at < large.size(); at += 4096) std::memcpy(large.data() + at, &at, sizeof at);
        spill(f.disk, large);
        const auto first = f.backup("a");
        std::uint64_t killed = 0;
        for (int ms = 2; ms < 200; ms += 12) {
            for (std::size_t at = 0; at < large.size(); at += 4096) large[at + 100] = static_cast<char>(ms);
            spill(f.disk, large);
            killed += shell("timeout -s KILL 0." + std::string(ms < 10 ? "00" : ms < 100 ? "0" : "") + std::to_string(ms) + " \"$BACKY\" -b '" + f.backy.path().string() + "' backup b").code != 0;
            CHECK(f.backy("restore -r a '" + (f.dir / "old").string() + "'").code == 0);
            CHECK(f.backy("find").code == 0);
        }
        CHECK(killed > 0);
        f.backup("c");
        CHECK((slurp(f.backy / "last") == large));
        CHECK(!fs::exists(f.backy / ".run"));
        CHECK(f.backy("status").err == "");  // nothing that belongs to nobody
        CHECK(f.backy("verify --all").code == 0);
        CHECK(f.backy("find -r " + first).code == 0);
    }
}

TEST_CASE("backup: a source that became another volume is backed up whole and exits 3") {
    fixture f;
    f.backup("a");
    fs::rename(f.disk, f.dir / "old");
    spill(f.disk, f.now);
    const auto r = f.backy("backup b");
    CHECK(r.code == 3);
    CHECK(r.err.find("the source became another volume since revision ") != std::string::npos);
    CHECK(f.backy("backup c").code == 0);
}

TEST_CASE("backup: a source that fails while it is read fails the run with offset and reason, and leaves nothing") {
    if (::geteuid() != 0 || shell("command -v strace").code != 0) {
        WARN("SKIPPED: no strace");
        return;
    }
    fixture f;
    f.backup("a");
    // on whatever the source's descriptor is, every pread of the disk fails with EIO
    const auto r = shell("strace -f -qq -o /dev/null -P '" + f.disk.string() + "' -e trace=pread64 -e inject=pread64:error=EIO \"$BACKY\" -b '" + f.backy.path().string() + "' backup b");
    CHECK(r.code == 1);
    CHECK(std::regex_search(r.err, std::regex("disk.img: read at offset \\d+: Input/output error")));
    CHECK(f.backy("status").out.find("1 revision\n") != std::string::npos);
    CHECK(f.backy("status").err == "");
    CHECK(!fs::exists(f.backy / ".run"));
}

TEST_CASE("backup: an fsync that fails is a failure, whichever it is") {
    if (shell("command -v strace").code != 0) {
        WARN("SKIPPED: no strace");
        return;
    }
    fixture f;
    const auto first = f.backup("a");
    for (int n = 1; n <= 12; ++n) {
        const auto r = shell("strace -f -qq -o /dev/null -e trace=fsync -e inject=fsync:error=EIO:when=" + std::to_string(n) + " \"$BACKY\" -b '" + f.backy.path().string() + "' backup b");
        INFO(n << ": " << r.err);
        if (n <= 8) CHECK(r.code == 1);
        CHECK((r.code == 0 || r.err.find("fsync: Input/output error") != std::string::npos));
        CHECK(slurp(f.backy / first) == f.now);
    }
    CHECK(f.backy("verify --all").code == 0);
}

TEST_CASE("restore: to new files sparse, in place only what differs, to standard output the plain bytes") {
    fixture f;
    f.backup("a");
    const auto target = (f.dir / "target").string();
    CHECK(f.backy("restore " + target).code == 0);
    CHECK(slurp(target) == f.now);
    struct ::stat st {};
    REQUIRE(::stat(target.c_str(), &st) == 0);
    long data = 0;
    for (std::size_t at = 0; at < f.now.size(); at += backy::block_size) data += !backy::is_zero(backy::bytes_of(std::string_view(f.now).substr(at, backy::block_size)));
    CHECK(st.st_blocks * 512 <= static_cast<long>((data + 1) * backy::block_size));

    auto damaged = f.now;
    f.random.fill(damaged, 2'000'000, 100'000);
    damaged += "longer than it was";
    spill(target, damaged);
    CHECK(f.backy("restore " + target).code == 0);
    CHECK(slurp(target) == f.now);
    CHECK(f.backy("restore -").out == f.now);
    CHECK(f.backy("-v restore -").out == f.now);
    CHECK(f.backy("restore '" + f.disk.string() + "'").code == 0);  // the job's own source is the normal target
    CHECK(slurp(f.disk) == f.now);
    const auto link = (f.dir / "link").string();
    fs::create_hard_link(fs::canonical(f.backy / "last"), link);
    const auto own = f.backy("restore --force " + link);
    CHECK(own.code == 1);
    CHECK(own.err.find("of the repository itself") != std::string::npos);
}

TEST_CASE("restore: in place writes few bytes, counted by the kernel") {
    if (shell("command -v strace").code != 0) {
        WARN("SKIPPED: no strace");
        return;
    }
    fixture f;
    content large(64 << 20, '\0');
    f.random.fill(large, 0, large.size());
    spill(f.disk, large);
    f.backup("a");
    auto damaged = large;
    damaged[30'000'000] ^= 1;
    spill(f.disk, damaged);
    const auto log = (f.dir / "trace").string();
    REQUIRE(shell("strace -f -qq -o '" + log + "' -e trace=pwrite64 -P '" + f.disk.string() + "' \"$BACKY\" -b '" + f.backy.path().string() + "' restore '" + f.disk.string() + "'").code == 0);
    CHECK(slurp(f.disk) == large);
    std::uint64_t written = 0;
    std::istringstream lines(slurp(log));
    for (std::string line; std::getline(lines, line);)
        if (const auto at = line.rfind("= "); line.find("pwrite64") != line.npos && at != line.npos) written += std::stoull(line.substr(at + 2));
    CHECK(written == (1 << 20) + backy::block_size);  // the first MiB, which comes last, and the block that differed
}

TEST_CASE("restore: a reader that goes away is exit 1 and not a signal") {
    fixture f;
    content large(32 << 20, 'x');
    spill(f.disk, large);
    f.backup("a");
    const auto r = shell("{ \"$BACKY\" -b '" + f.backy.path().string() + "' restore - ; echo $? >&2; } | head -c 10 >/dev/null");
    CHECK(r.err == "standard output: write at offset 65536: Broken pipe\n1\n");
    CHECK(f.backy("restore - >/dev/full").code == 1);
}

TEST_CASE("restore: a block that does not match its digest fails it, after everything else was written, with a list") {
    fixture f;
    f.backup("a");
    f.rot(fs::read_symlink(f.backy / "last").string(), 100);
    f.rot(fs::read_symlink(f.backy / "last").string(), 2'999'000);
    const auto target = (f.dir / "target").string();
    spill(target, content(f.now.size(), 'o'));
    const auto r = f.backy("restore " + target);
    CHECK(r.code == 1);
    CHECK(r.err.find("offset 0, 65536 bytes, not written: does not match its digest\n") != std::string::npos);
    CHECK(r.err.find("offset 2949120, 50957 bytes, not written: does not match its digest\n") != std::string::npos);
    auto expected = f.now;
    std::fill_n(expected.begin(), 65536, '\0');  // wiped with the rest of the first MiB, and nothing to put there
    std::fill(expected.begin() + 2'949'120, expected.end(), 'o');
    CHECK(slurp(target) == expected);
    const auto piped = f.backy("restore -");
    CHECK(piped.code == 1);
    CHECK(piped.out.size() == f.now.size());
    CHECK(piped.out.substr(65536, 2'800'000) == f.now.substr(65536, 2'800'000));
}

TEST_CASE("restore: with damaged digests every byte is written and nothing is claimed") {
    fixture f;
    f.backup("a");
    f.rot(fs::read_symlink(f.backy / "last").string() + ".digests", 4100);
    const auto r = f.backy("restore -");
    CHECK(r.code == 1);
    CHECK(r.out == f.now);
    CHECK(r.err.find("everything was written, but nothing could be checked") != std::string::npos);
}

TEST_CASE("restore: an image that was cut or lengthened is never restored silently") {
    fixture f;
    const auto id = f.backup("a");
    fs::permissions(f.backy / id, fs::perms(0640));
    SECTION("cut") {
        fs::resize_file(f.backy / id, 1'000'000);
        CHECK(f.backy("restore -").code == 1);
    }
    SECTION("lengthened") {
        fs::resize_file(f.backy / id, 4'000'000);
        CHECK(f.backy("restore -").out == f.now);  // what the digests prove is what was backed up
    }
    const auto r = f.backy("verify");
    CHECK(r.code == 1);
    CHECK(r.err.find("bytes and should have 3000077") != std::string::npos);
}

TEST_CASE("verify: names every bad block by offset, distrusts the revision and exits 1, and one that passes is verified again") {
    fixture f;
    const auto first = f.backup("a"), second = f.backup("b");
    CHECK(f.backy("verify --all").code == 0);
    f.rot(second, 70'000);
    f.rot(second, 140'000);
    f.rot(second, 1'600'000);
    const auto r = f.backy("verify");
    CHECK(r.code == 1);
    CHECK(r.out == "");
    CHECK(r.err.find("offset 65536, 131072 bytes: does not match its digest\n") != std::string::npos);
    CHECK(r.err.find("offset 1572864, 65536 bytes: does not match its digest\n") != std::string::npos);
    CHECK(fs::read_symlink(f.backy / "last") == first);
    CHECK(f.backy("status").out.find("b (distrusted, live)") != std::string::npos);
    f.rot(second, 70'000), f.rot(second, 140'000), f.rot(second, 1'600'000);  // mended
    CHECK(f.backy("verify --distrusted").code == 0);
    CHECK(fs::read_symlink(f.backy / "last") == second);
    CHECK(slurp(f.backy / (second + ".rev")).find("verified = { at = ") != std::string::npos);
    CHECK(f.backy("verify --distrusted").code == 0);  // there is none left
}

TEST_CASE("distrust: by revision and by days, both included") {
    fixture f;
    const auto first = f.backup("a"), second = f.backup("b");
    CHECK(f.backy("distrust -r a").code == 0);
    CHECK(slurp(f.backy / (first + ".rev")).find("trust = \"distrusted\"") != std::string::npos);
    CHECK(fs::read_symlink(f.backy / "last") == second);
    CHECK(f.backy("distrust -u 2015-01-01").code == 1);
    CHECK(f.backy("distrust -f $(date -u +%F) -u $(date -u +%F)").code == 0);
    CHECK(!fs::exists(fs::symlink_status(f.backy / "last")));
    CHECK(!fs::exists(fs::symlink_status(f.backy / "last.rev")));
    CHECK(f.backy("find").code == 1);
    CHECK(f.backy("find -r " + first).code == 0);
    f.backup("c");
    CHECK(slurp(f.backy / "last") == f.now);
}

TEST_CASE("forget: everything of the revision goes, and last follows") {
    fixture f;
    const auto first = f.backup("a"), second = f.backup("b");
    CHECK(f.backy("forget -r " + second.substr(0, 6)).code == 0);
    CHECK((!fs::exists(f.backy / second) && !fs::exists(f.backy / (second + ".rev")) && !fs::exists(f.backy / (second + ".digests"))));
    CHECK(fs::read_symlink(f.backy / "last") == first);
    CHECK(f.backy("forget -r " + first).code == 0);
    CHECK(!fs::exists(fs::symlink_status(f.backy / "last")));
    CHECK(f.backy("status").out.find("0 revisions") != std::string::npos);
}

TEST_CASE("expire: nothing to remove is no failure, in an empty repository and without a schedule") {
    fixture f;
    CHECK(f.backy("expire").code == 0);
    std::ofstream(f.backy / "config", std::ios::app) << "\n[schedule]\ndaily = { interval = \"1d\", keep = 1 }\n";
    CHECK(f.backy("expire").code == 0);
    f.backup("daily");
    const auto r = f.backy("expire");
    CHECK((r.code == 0 && r.out == "" && r.err == ""));
    CHECK(f.backy("find").code == 0);
}

TEST_CASE("frozen guests: application when it stood still, thawed though backy is killed, remarked when the thaw fails") {
    for (const auto& place : copy_on_write()) {
        fixture f(place);
        const auto log = (f.dir / "log").string();
        const auto config = [&](const std::string& freeze, const std::string& thaw) {
            std::ofstream(f.backy / "config") << "[source]\ntype = \"file\"\nfilename = \"" << f.disk.string() << "\"\nfreeze = \"reflink\"\nfreeze-command = \"" << freeze
                                              << "\"\nthaw-command = \"" << thaw << "\"\n";
        };
        config("echo freeze >>" + log, "echo thaw >>" + log);
        const auto id = f.backup("a");
        CHECK(slurp(log) == "freeze\nthaw\n");
        CHECK(slurp(f.backy / (id + ".rev")).find("consistency = \"application\"") != std::string::npos);
        CHECK(f.backy("status").out.find("(live)") == std::string::npos);
        for (const auto& entry : fs::directory_iterator(f.dir.path())) CHECK(entry.path().string().find(".backy-") == std::string::npos);

        config("echo freeze >>" + log + "; kill -9 $PPID; sleep 30", "echo thaw >>" + log);
        CHECK(f.backy("backup b").code != 0);
        for (int i = 0; i < 100 && slurp(log) != "freeze\nthaw\nfreeze\nthaw\n"; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
        CHECK(slurp(log) == "freeze\nthaw\nfreeze\nthaw\n");

        config("true", "exit 1");
        const auto r = f.backy("backup c");
        CHECK(r.code == 3);
        CHECK(r.err.find("thaw-command: it failed, the guest may still be frozen") != std::string::npos);
        config("exit 7", "true");
        CHECK(f.backy("backup d").err.find("freeze-command: exit 7: exit status 7") != std::string::npos);
        CHECK(f.backy("status").out.find("2 revisions") != std::string::npos);
    }
}

TEST_CASE("init: relative paths are made absolute, directories are made with their parents") {
    const scratch dir(plain());
    std::ofstream(dir / "disk.img") << "x";
    REQUIRE(shell("cd '" + dir.path().string() + "' && \"$BACKY\" -b a/b/c init file disk.img && cd / && \"$BACKY\" -b '" + (dir / "a" / "b" / "c").string() + "' backup daily").code == 0);
    CHECK(slurp(dir / "a" / "b" / "c" / "config") == "format = 1\n\n[source]\ntype = \"file\"\nfilename = \"" + (dir / "disk.img").string() + "\"\n");
    CHECK(slurp(dir / "a" / "b" / "c" / "last") == "x");
}

TEST_CASE("progress: a bar on a terminal, nothing in a pipe") {
    if (shell("command -v script").code != 0) {
        WARN("SKIPPED: no script(1)");
        return;
    }
    fixture f;
    content large(600 << 20, '\0');
    for (std::size_t at = 0; at < large.size(); at += 512) std::memcpy(large.data() + at, &at, sizeof at);
    spill(f.disk, large);
    const auto terminal = shell("script -qec \"'$BACKY' -b '" + f.backy.path().string() + "' backup a\" /dev/null");
    CHECK(terminal.code == 0);
    CHECK(std::regex_search(terminal.out, std::regex("\\[#* *\\] \\d+\\.\\d % of 600\\.00 MiB, [\\d.]+ [KMG]iB/s, \\d+ s left")));
    const auto piped = f.backy("backup b");
    CHECK((piped.code == 0 && piped.out == "" && piped.err.find('%') == std::string::npos));
}
