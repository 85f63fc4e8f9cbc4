// SPDX-License-Identifier: GPL-3.0-or-later
// The backy program on logical volumes: what it keeps, what it releases, what it says when something breaks. And kpartx on what it made.
#include "support/long.hpp"
#include "support/scratch.hpp"
#include "support/volume_group.hpp"

#include <backy/history/revision_id.hpp>

#include <fcntl.h>

#include <map>
#include <thread>

using namespace backy;
using namespace support;
using Catch::Contains;
using kind = logical_volume::kind;

namespace {

/// A volume, and a repository of it.
struct job {
    explicit job(kind k = kind::thin, std::size_t size = 4_MiB) : what(k), volume(k, size), dir(lab() / "xfs"), backy(dir / "r") {
        REQUIRE(backy("init lvm " + volume.text()).code == 0);
    }
    void configure(const std::string& more) const {
        std::ofstream(backy / "config", std::ios::trunc)
            << "[source]\ntype = \"lvm\"\nvolume-group = \"" + group + "\"\nlogical-volume = \"" + volume.name() + "\"\n" + more;
    }
    std::string last() const { return fs::read_symlink(backy / "last").string(); }
    std::string log() const { return fs::exists(backy / "backy.log") ? slurp(backy / "backy.log") : ""; }
    std::string rev() const { return slurp(backy / "last.rev"); }
    /// A backup that has to be good: of what is in the volume now. A thin volume's snapshot is kept and has the same bytes, a thick one's is not.
    void good(int code = 0) const {
        const auto r = backy("backup daily");
        INFO(r.err << log());
        REQUIRE(r.code == code);
        CHECK(lvm_snapshots() == (what == kind::thin ? "backy-" + last() + "\n" : ""));
        CHECK((slurp(backy / "last") == volume.read()));
        if (what == kind::thin) {
            const auto kept = lvm::location{group, "backy-" + last()};
            says("lvchange -qq -ay -K " + kept.text() + " && cmp " + kept.device() + " " + (backy / "last").string() + " && lvchange -qq -an " +
                 kept.text());
        }
        CHECK(!fs::exists(backy / ".run"));
        CHECK(is_at_rest());
    }
    /// A backup that fails and leaves no revision. Returns what it says.
    std::string bad(const std::string& before = "") const {
        const auto revisions = [&] { return says("cd " + backy.path().string() + "; ls -A | grep -v 'run$\\|log$\\|lock$' | sort"); };
        const auto had = revisions();
        const auto r = shell(before + "\"$BACKY\" -b " + backy.path().string() + " backup daily");
        CHECK(r.code == 1);
        CHECK(revisions() == had);
        return r.err;
    }
    kind what;
    logical_volume volume;
    scratch dir;
    repository_directory backy;
};

/// Programs of the same names before those of the system in PATH: `script` is called as `script NAME NUMBER-OF-THIS-CALL ARGUMENTS…`, and
/// $tool is the real one.
std::string in_front(const scratch& dir, const std::string& script) {
    says("rm -rf " + (dir / "bin").string() + " " + (dir / "calls").string());
    fs::create_directory(dir / "bin");
    std::ofstream(dir / "script") << script;
    for (const auto* const tool : {"lvs", "lvcreate", "lvchange", "lvremove", "dmsetup", "thin_delta"})
        std::ofstream(dir / "bin" / tool) << "#!/bin/sh\ncalls=" << dir / "calls"
                                          << "; tool=/usr/sbin/" << tool << "; echo " << tool
                                          << " >>$calls; n=0; while read -r line; do n=$((n + 1)); done <$calls; set -- " << tool << " $n \"$@\"; . "
                                          << dir / "script"
                                          << "\n";
    says("chmod +x " + (dir / "bin").string() + "/* " + (dir / "script").string());
    return "PATH=" + (dir / "bin").string() + ":$PATH ";
}

const std::string nodes = " && dmsetup mknodes";  // there is no udev in the virtual machine

}  // namespace

TEST_CASE("lvm: rounds of writes, discards, resizes and backups, each of them the snapshot's bytes") {
    for (const auto k : {kind::thin, kind::thick}) {
        job j(k, 8_MiB);
        randomness random;
        auto now = some_volume(random, 8_MiB);
        const int rounds = k == kind::thin ? in_long_run(20, 6) : in_long_run(3, 2);
        const auto grows = 1 + random.below(2), shrinks = 3 + random.below(2);  // whatever else is drawn
        for (int round = 0; round < rounds; ++round) {
            INFO("round " << round);
            auto size = now.size();
            if (k == kind::thin) {
                if (random.below(4) == 0 || round == static_cast<int>(grows)) size += 64_KiB * (1 + random.below(10));
                if (random.below(8) == 0 || round == static_cast<int>(shrinks)) size = 4_MiB;
            }
            now = changed(random, now, size);
            j.volume.set(now);
            j.good();
        }
        if (k == kind::thin) CHECK_THAT(j.log(), Contains("blocks of the change map") && Contains("the size was"));
    }
}

TEST_CASE("lvm: why a run was full, and its result is right") {
    job j;
    randomness random;
    j.volume.set(some_volume(random, 4_MiB));
    const auto says_why = [&](const std::string& why, int code = 0) {
        INFO(why);
        const auto before = j.log().size();
        j.volume.set(changed(random, j.volume.read(), j.volume.size()));
        j.good(code);
        CHECK_THAT(j.log().substr(before), Contains("every allocated block (" + why));
    };
    says_why("there is no revision to build upon");
    j.good();
    CHECK_THAT(j.rev(), Contains("the change map's blocks; beside it up to 917"));

    says("lvremove -qq -y " + group + "/backy-" + j.last());
    says_why("its parent's snapshot is gone");
    REQUIRE(j.backy("distrust -r last").code == 0);
    says_why("newer revisions than its parent do not count");
    j.volume.drop(), j.volume.make(4_MiB);
    says_why("it is another volume than before", 3);
    CHECK_THAT(j.log(), Contains("the source became another volume since revision"));

    // Back to what a snapshot had: the pool's metadata know it.
    says("lvcreate -qq -s -n before " + j.volume.text());
    j.volume.set(some_volume(random, 4_MiB));
    j.good();
    says("lvconvert -qq -y --mergethin " + group + "/before");
    j.good();
    CHECK_THAT(j.rev(), Contains("the change map's blocks"));
    j.configure("full-always = true\n");
    CHECK(j.backy("backup daily").code == 0);
    CHECK(lvm_snapshots().empty());
    CHECK_THAT(j.log(), Contains("every allocated block (full-always is set)"));
}

TEST_CASE("lvm: snapshots of others stay, whatever a run does") {
    job one, two;
    logical_volume other(kind::thin, 1_MiB);
    says("lvcreate -qq -s -n " + one.volume.name() + "-mine " + one.volume.text());
    REQUIRE(one.backy("backup daily").code == 0);
    REQUIRE(two.backy("backup daily").code == 0);
    REQUIRE(one.backy("backup daily").code == 0);
    CHECK(says("lvs --noheadings -o lv_name " + group + " | grep -c 'backy-\\|mine'") == "3\n");
    CHECK(says("lvs --noheadings -o lv_name " + group + "/backy-" + two.last() + " " + group + "/backy-" + one.last()) != "");
    says("lvremove -qq -y " + one.volume.text() + "-mine");
}

// The normal run draws steps: of each tool one at which it fails and the next run is killed.
TEST_CASE("lvm: a tool that fails, or a kill, at any step: the pool is clean at the latest after the next run") {
    for (const auto k : {kind::thin, kind::thick}) {
        job j(k, 1_MiB);
        randomness random;
        j.volume.set(some_volume(random, 1_MiB));
        const auto run = [&](int step, const std::string& at_step) {
            j.volume.set(changed(random, j.volume.read(), 1_MiB));
            const auto path = in_front(j.dir, "if [ $2 = " + std::to_string(step) + " ]; then " + at_step + "; fi; shift 2; exec $tool \"$@\"\n");
            return shell(path + "\"$BACKY\" -b " + j.backy.path().string() + " backup daily");
        };
        const auto calls = [&] {  // the tools, in the order of their calls
            auto all = split(slurp(j.dir / "calls"), '\n');
            all.pop_back();  // behind the last line
            return all;
        };
        j.good();
        REQUIRE(run(0, ":").code == 0);
        const auto tools = calls();
        std::map<std::string, std::vector<int>> steps_of;
        for (std::size_t i = 0; i < tools.size(); ++i) steps_of[tools[i]].push_back(static_cast<int>(i + 1));
        CHECK(tools.size() >= (k == kind::thin ? 12 : 6));
        CHECK(steps_of.size() == (k == kind::thin ? 6 : 3));
        std::vector<int> steps;
        for (const auto& [tool, of_it] : steps_of)
            if (long_run()) steps.insert(steps.end(), of_it.begin(), of_it.end());
            else steps.push_back(of_it[random.below(of_it.size())]);
        std::ranges::sort(steps);
        int failed = 0;
        for (const auto step : steps) {
            const auto& tool = tools[static_cast<std::size_t>(step - 1)];
            std::printf("lvm: step %d of %zu, %s, fails, and a kill there (seed %llu)\n", step, tools.size(), tool.c_str(), random.seed());
            INFO("step " << step << ", " << tool);
            const auto before = j.log().size();
            const auto r = run(step, "echo 'no luck' >&2; exit 5");
            CHECK(calls().at(static_cast<std::size_t>(step - 1)) == tool);
            CHECK_THAT(j.log().substr(before), Contains(": no luck"));  // an error, a warning that something stays, or why all is read
            failed += r.code != 0;
            CHECK(run(step, "kill -9 $PPID").code == 137);  // and the tool goes on
            j.good();
        }
        CHECK(failed >= in_long_run(3, 1));  // the first look, the snapshot, the last look
    }
}

TEST_CASE("lvm: a snapshot that overflows while it is read fails the run and goes") {
    job j(kind::thick, 64_MiB);
    j.volume.set(content(64_MiB, 'a'));
    j.good();
    j.configure("snapshot-size = \"2M\"\n");
    // The volume is written to right after its snapshot was made.
    const auto path = in_front(j.dir, "name=$1; shift 2; $tool \"$@\"; code=$?; [ $name != lvcreate ] || dd if=/dev/urandom of=" + j.volume.device() +
                                          " bs=1M count=16 oflag=direct status=none; exit $code\n");
    CHECK_THAT(j.bad(path), Contains("the snapshot overflowed while it was read (make snapshot-size larger than 2M)"));
    CHECK(lvm_snapshots().empty());
    CHECK(j.volume.size() == 64_MiB);
    // After the last byte was read, too.
    const auto late = in_front(j.dir, "name=$1; n=$2; shift 2; [ \"$name$n\" != lvs3 ] || dd if=/dev/urandom of=" + j.volume.device() +
                                          " bs=1M count=16 oflag=direct status=none; exec $tool \"$@\"\n");
    CHECK_THAT(j.bad(late), Contains("the snapshot overflowed while it was read"));
    j.configure("snapshot-size = \"100%\"\n");
    j.good();
}

TEST_CASE("lvm: a pool above the mark gets its space back, and says so") {
    job j;
    j.volume.set(content(4_MiB, 'a'));
    j.good();
    j.configure("pool-limit = 0.001\n");
    const auto said = j.bad();
    CHECK_THAT(said,
               Contains("no snapshot is kept for the next run") && Contains("above 0.001 %: no snapshot is made (extend it, or see pool-limit)"));
    CHECK(lvm_snapshots().empty());
    j.configure("");
    j.good();
}

TEST_CASE("lvm: a volume in use stands still while its snapshot is made, and not longer") {
    job j(kind::thin, 64_MiB);
    j.volume.set(content(64_MiB, 'a'));
    std::atomic<bool> done = false;
    double longest = 0;
    int writes = 0;
    std::thread vm([&] {
        const aligned_buffer buffer(4_KiB);
        std::memset(buffer.first(4_KiB).data(), 'v', 4_KiB);
        io::file<io::posix> device({}, j.volume.device(), O_WRONLY | O_DIRECT);
        for (auto before = std::chrono::steady_clock::now(); !done; ++writes) {
            device.write(static_cast<byte_count>(writes % 1000) * 64_KiB, buffer.first(4_KiB));
            const auto now = std::chrono::steady_clock::now();
            longest = std::max(longest, std::chrono::duration<double>(now - before).count());
            before = now;
        }
    });
    const auto path = in_front(j.dir,
                               "name=$1; shift 2; from=$(date +%s.%N); $tool \"$@\"; code=$?; to=$(date +%s.%N); "
                               "[ $name != lvcreate ] || echo $from $to >" +
                                   (j.dir / "took").string() + "; exit $code\n");
    const auto started = std::chrono::steady_clock::now();
    const auto r = shell(path + "\"$BACKY\" -b " + j.backy.path().string() + " backup daily");
    const std::chrono::duration<double> all = std::chrono::steady_clock::now() - started;
    done = true;
    vm.join();
    CHECK(r.code == 0);
    const auto took = std::stod(says("awk '{print $2 - $1}' " + (j.dir / "took").string()));
    std::printf("lvm: the run took %.2f s, lvcreate %.2f s of it, the longest pause of %d writes was %.3f s\n", all.count(), took, writes, longest);
    CHECK(writes > 100);
    CHECK(longest <= took + 0.5);
}

TEST_CASE("lvm: a restore to a volume, new and over what was there, writes only what differs") {
    job j;
    randomness random;
    j.volume.set(some_volume(random, 4_MiB));
    j.good();
    logical_volume to(kind::thin, 64_KiB);
    to.drop();
    const auto restore = [&] { return j.backy("restore lvm:" + to.text()); };
    REQUIRE(restore().code == 0);
    CHECK((to.read() == j.volume.read()));
    to.set(changed(random, to.read(), 4_MiB));
    REQUIRE(restore().code == 0);
    CHECK((to.read() == j.volume.read()));
    const auto minor = split(says("dmsetup info -c --noheadings -o minor " + to.device()), '\n')[0];
    const auto sectors = [&] { return std::stol(says("awk '{print $7}' /sys/block/dm-" + minor + "/stat")); };
    const auto before = sectors();
    REQUIRE(restore().code == 0);
    CHECK(sectors() - before <= 2 * 2048);  // the first MiB, wiped and written
    const io::file<io::posix> vm({}, to.device(), O_RDONLY);
    const auto refused = restore();
    CHECK(refused.code == 1);
    CHECK_THAT(refused.err, Contains("somebody has it open"));
    CHECK(j.backy("restore --force lvm:" + to.text()).code == 0);
}

TEST_CASE("dm-flakey: what cannot be read is named by its offset, and no revision comes of it") {
    const scratch dir(lab());
    says("truncate -s 8M " + (dir / "disk").string());
    spill(dir / "disk", content(8_MiB, 'd'));
    const auto loop = split(says("losetup -f --show " + (dir / "disk").string()), '\n')[0];
    const auto whole = "dmsetup create flaky-test --table \"0 16384 linear " + loop + " 0\"" + nodes;
    // From 3 MiB on 64 KiB that always fail.
    const auto broken = "printf '0 6144 linear " + loop + " 0\\n6144 128 flakey " + loop + " 6144 0 60\\n6272 10112 linear " + loop +
                        " 6272\\n' | dmsetup create flaky-test" + nodes;
    const repository_directory backy(dir / "r");
    says(whole);
    REQUIRE(backy("init file /dev/mapper/flaky-test").code == 0);
    REQUIRE(backy("backup daily").code == 0);
    says("dmsetup remove flaky-test && " + broken);
    const auto r = backy("backup daily");
    CHECK(r.code == 1);
    CHECK_THAT(r.err, Contains("/dev/mapper/flaky-test: read at offset 3145728: Input/output error"));
    CHECK(says("ls " + backy.path().string() + "/*.rev | wc -l") == "2\n");  // the first one's, and last.rev
    says("dmsetup remove flaky-test && losetup -d " + loop);
}

TEST_CASE("dm-flakey: so is what cannot be read of a logical volume") {
    const scratch dir(lab());
    says("truncate -s 33M " + (dir / "disk").string());
    const auto loop = split(says("losetup -f --show " + (dir / "disk").string()), '\n')[0];
    says("dmsetup create flaky-pv --table \"0 65536 linear " + loop + " 2048\"" + nodes +
         " && vgcreate -qq -s 64K flaky /dev/mapper/flaky-pv && "
         "lvcreate -qq -y -L 8M -n vm flaky && dd if=/dev/urandom of=/dev/mapper/flaky-vm bs=1M count=8 oflag=direct status=none");
    const auto start = std::stol(says("dmsetup table flaky-vm | awk '{print $5}'")) + 6144;  // of its 3 MiB, on the physical volume
    const auto end = start + 128;
    const repository_directory backy(dir / "r");
    REQUIRE(backy("init lvm flaky/vm").code == 0);
    const auto at = [&](long sector) { return " " + loop + " " + std::to_string(sector + 2048); };  // LVM must not find it twice
    says("printf '0 " + std::to_string(start) + " linear" + at(0) + "\\n" + std::to_string(start) + " 128 flakey" + at(start) + " 0 60\\n" +
         std::to_string(end) + " " + std::to_string(65536 - end) + " linear" + at(end) +
         "\\n' | dmsetup load flaky-pv && dmsetup suspend flaky-pv && dmsetup resume flaky-pv");
    const auto r = backy("backup daily");
    CHECK(r.code == 1);
    CHECK_THAT(r.err, Contains(": read at offset 3145728: Input/output error"));
    CHECK(says("lvs --noheadings -o lv_name flaky | tr -d ' '") == "vm\n");
    CHECK(!fs::exists(backy / "last"));
    says("vgremove -qq -f -y flaky && dmsetup remove flaky-pv && losetup -d " + loop);
}

TEST_CASE("kpartx: the partitions of a revision can be mounted, by its path and by what find prints") {
    const scratch dir(lab() / "xfs");
    const auto at = [&](const std::string& name) { return (dir / name).string(); };
    says("truncate -s 64M " + at("disk") + " && printf 'label: gpt\\nstart=2048, size=40960\\nstart=43008, size=40960\\n' | sfdisk -q " + at("disk") +
         " && mkdir " + at("m") + " " + at("files") + " && cp /usr/bin/[a-b]a* " + at("files"));
    for (const auto* const start : {"2048", "43008"}) {
        const auto loop =
            split(says("losetup -f --show -o $((" + std::string(start) + " * 512)) --sizelimit $((40960 * 512)) " + at("disk")), '\n')[0];
        says((start[0] == '2' ? "mkfs.ext4 -q -F " : "mkfs.xfs -q -f -m crc=1 -d size=20m ") + loop + " 2>/dev/null || mkfs.ext4 -q -F " + loop);
        says("mount " + loop + " " + at("m") + " && cp " + at("files") + "/* " + at("m") + " && umount " + at("m") + " && losetup -d " + loop);
    }
    const repository_directory backy(dir / "r");
    REQUIRE(backy("init file " + at("disk")).code == 0);
    REQUIRE(backy("backup weekly").code == 0);
    says("rm " + at("disk"));
    for (const auto& revision : {at("r") + "/last", "$(\"$BACKY\" -b " + at("r") + " find -r weekly)"}) {
        INFO(revision);
        const auto said = says("kpartx -av " + revision + nodes);
        CHECK(std::ranges::count(said, '\n') == 2);
        for (const auto& line : split(trimmed(said.substr(0, said.size() - 1)), '\n')) {
            const auto words = split(line, ' ');  // "add map loop0p1 (254:3): 0 40960 linear 7:0 2048"
            says("mount -o ro" + std::string(words[2].ends_with("2") ? "" : ",noload") + " /dev/mapper/" + words[2] + " " + at("m"));
            says("cd " + at("m") + " && for f in ba*; do cmp $f " + at("files") + "/$f; done && [ $(ls ba* | wc -l) -gt 3 ]");
            says("umount " + at("m"));
        }
        says("kpartx -d " + revision);
        CHECK(shell("dmsetup ls | grep loop").code != 0);
    }
    CHECK(backy("verify -r last").code == 0);
}
