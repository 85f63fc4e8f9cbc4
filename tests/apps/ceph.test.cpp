// SPDX-License-Identifier: GPL-3.0-or-later
// The backy program on a real Ceph cluster: what it keeps, what it releases, what it says when something breaks.
#include "support/cluster.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <map>
#include <thread>

using namespace backy;
using namespace support;
using Catch::Contains;

namespace {

/// An image, and a repository of it on a filesystem that reflinks, if there is one.
struct job {
    explicit job(const std::string& options = "--size 0", const std::string& more = "", bool full = false)
        : image(options), dir(copy_on_write().empty() ? plain() : copy_on_write().front()), backy(dir / "r") {
        use_ceph();
        REQUIRE(backy("init ceph-rbd " + image.spec()).code == 0);
        configure(more);
        if (full) ceph_says("rbd bench --io-type write --io-size 4M --io-pattern seq --io-total 256M " + image.spec());
    }
    void configure(const std::string& more) const {
        std::ofstream(backy / "config", std::ios::trunc)
            << "[source]\ntype = \"ceph-rbd\"\npool = \"rbd\"\nimage = \"" + image.name() + "\"\n" + more;
    }
    std::string last() const { return fs::read_symlink(backy / "last").string(); }
    std::string log() const { return slurp(backy / "backy.log"); }
    std::string rev() const { return slurp(backy / "last.rev"); }
    /// A backup that has to be good: its bytes are those of its snapshot, and that is the only one that is kept.
    void good(int code = 0) const {
        const auto r = backy("backup daily");
        INFO(r.err << log());
        REQUIRE(r.code == code);
        CHECK(image.snapshots() == "backy-" + last() + "\n");
        CHECK((slurp(backy / "last") == image.exported("backy-" + last())));
        CHECK(!fs::exists(backy / ".run"));
    }
    /// A backup that fails and leaves no revision. Returns what it says.
    std::string bad() const {
        const auto before = names();
        const auto r = backy("backup daily");
        CHECK(r.code == 1);
        CHECK(names() == before);
        return r.err;
    }
    /// Of revisions, hidden ones included.
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& e : fs::directory_iterator(backy.path()))
            if (const auto n = e.path().filename().string(); n != ".run" && n != "backy.log" && n != ".lock") all.push_back(n);
        std::ranges::sort(all);
        return all;
    }
    /// Starts a backup, and once it reads calls meanwhile(pid). Returns its exit code, or 128 + the signal that killed it.
    int while_it_reads(auto meanwhile) const {
        const auto pid = ::fork();
        if (pid == 0) {
            const auto null = ::open("/dev/null", O_WRONLY);
            ::dup2(null, STDERR_FILENO);
            ::execl(BACKY_PROGRAM, BACKY_PROGRAM, "-b", backy.path().c_str(), "backup", "daily", static_cast<char*>(nullptr));
            ::_exit(127);
        }
        const auto reads = [&] {
            for (const auto& n : names())
                if (n.size() == 27 && n.starts_with(".") && n.ends_with(".new")) return true;  // .ID.new
            return false;
        };
        for (int i = 0; i < 30'000 && !reads(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (reads()) meanwhile(pid);
        else FAIL_CHECK("it does not read");
        int status = 0;
        REQUIRE(::wait4(pid, &status, 0, nullptr) == pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

    rbd_image image;
    scratch dir;
    repository_directory backy;
};

content noise(std::size_t size) {
    randomness random;
    content c(size, '\0');
    random.fill(c, 0, size);
    return c;
}

/// An image with so much in it that something can happen while it is read.
job large_job(const std::string& options = "", const std::string& more = "") { return job(options + " --size 256M", more, true); }

}  // namespace

TEST_CASE("ceph: after 30 rounds of writes, discards and resizes each revision is what rbd export finds in its snapshot") {
    randomness random;
    for (const auto& [options, rounds] : {std::pair("--size 0", 30),
                                          {"--size 0 --object-size 64K --image-feature layering", 8},
                                          {"--size 0 --object-size 32M --stripe-unit 65536 --stripe-count 3", 8}}) {
        INFO(options);
        job job(options);
        std::map<std::string, content> truth;
        content now;
        for (int round = 0; round < rounds; ++round) {
            now = round == 0 ? some_volume(random, 20'000'000) : changed(random, now, random.below(4) == 0 ? random.below(30'000'000) : now.size());
            job.image.set(now);
            job.good();
            truth[job.last()] = now;
            CHECK((slurp(job.backy / "last") == now));
        }
        for (const auto& [id, bytes] : truth) CHECK((slurp(job.backy / id) == bytes));
        CHECK(truth.size() == static_cast<std::size_t>(rounds));
        CHECK(job.backy("verify --all").code == 0);
        CHECK_THAT(job.log(), Contains("blocks of the change map"));
    }
}

TEST_CASE("ceph: why a run was full is in the log, and the result is right") {
    randomness random;
    job job;
    auto now = some_volume(random, 9'000'000);
    const auto change = [&](std::size_t size) { job.image.set(now = changed(random, now, size)); };
    const auto full_because = [&](const std::string& why, int code = 0) {
        INFO(why);
        job.good(code);
        CHECK_THAT(job.log(), Contains("revision " + job.last() + ": reading every allocated block (" + why + ")"));
        CHECK_THAT(job.rev(), Contains("every allocated block (" + why + ")"));
    };
    job.image.set(now);
    full_because("there is no revision to build upon");
    change(9'000'000);
    ceph_says("rbd snap rm --no-progress " + job.image.spec() + "@backy-" + job.last());
    full_because("its parent's snapshot is gone");
    change(12'000'001);
    full_because("the size was 9000000, now it is 12000001");
    change(0);
    full_because("the size was 12000001, now it is 0");
    change(5'000'000);
    job.good();
    change(5'000'000);
    CHECK(job.backy("distrust -r last").code == 0);
    full_because("newer revisions than its parent do not count");
    change(5'000'000);
    job.configure("full-always = true\n");
    CHECK(job.backy("backup daily").code == 0);
    CHECK_THAT(job.log(), Contains("reading every allocated block (full-always is set)"));
    CHECK(job.image.snapshots() == "");
    CHECK((slurp(job.backy / "last") == job.image.exported()));
    job.configure("");
    full_because("its parent's snapshot is gone");
    ceph_says("rbd snap purge --no-progress " + job.image.spec() + "; rbd rm --no-progress " + job.image.spec() + "; rbd create --size 0 " +
              job.image.spec());
    change(5'000'000);
    full_because("it is another volume than before", 3);
    change(5'000'000);
    job.good();
    CHECK_THAT(job.rev(), Contains("the change map's blocks; beside it up to 917"));
}

TEST_CASE("ceph: an image that is flattened or loses its fast-diff between two runs is backed up right") {
    randomness random;
    job parent;
    parent.image.set(some_volume(random, 9'000'000));
    ceph_says("rbd snap create --no-progress " + parent.image.spec() + "@base");
    ceph_says("rbd snap protect " + parent.image.spec() + "@base");
    job job;
    ceph_says("rbd rm --no-progress " + job.image.spec());
    ceph_says("rbd clone " + parent.image.spec() + "@base " + job.image.spec());
    job.good();
    job.image.set(changed(random, job.image.exported(), 9'000'000));
    job.good();
    ceph_says("rbd flatten --no-progress " + job.image.spec());
    ceph_says("rbd snap unprotect " + parent.image.spec() + "@base");
    job.good();
    job.image.set(changed(random, job.image.exported(), 9'000'000));
    job.good();
    ceph_says("rbd feature disable " + job.image.spec() + " fast-diff object-map");
    job.image.set(changed(random, job.image.exported(), 9'000'000));
    job.good();
    ceph_says("rbd feature enable " + job.image.spec() + " object-map fast-diff");  // it is invalid until it is rebuilt
    job.image.set(changed(random, job.image.exported(), 9'000'000));
    job.good();
    CHECK_THAT(job.rev(), Contains("the change map's blocks"));
}

TEST_CASE("ceph: snapshots of others stay, and one that cannot be released is a warning") {
    job job;
    job.image.set(noise(1'000'000));
    const auto other = "backy-2222222222222222222222\n";  // of another server's backy
    ceph_says("rbd snap create --no-progress " + job.image.spec() + "@by-hand");
    ceph_says("rbd snap create --no-progress " + job.image.spec() + "@" + std::string(other));
    REQUIRE(job.backy("backup daily").code == 0);
    const auto first = "backy-" + job.last() + "\n";
    CHECK(job.image.snapshots() == "by-hand\n" + std::string(other) + first);
    ceph_says("rbd snap protect " + job.image.spec() + "@" + first);
    REQUIRE(job.backy("backup daily").code == 0);
    const auto second = "backy-" + job.last() + "\n";
    CHECK_THAT(job.log(), Contains("remove snapshot: it is protected or has clones (the snapshot stays until a later run can release it)"));
    CHECK(job.image.snapshots() == "by-hand\n" + std::string(other) + first + second);
    ceph_says("rbd snap unprotect " + job.image.spec() + "@" + first);
    REQUIRE(job.backy("backup daily").code == 0);
    CHECK(job.image.snapshots() == "by-hand\n" + std::string(other) + "backy-" + job.last() + "\n");
}

TEST_CASE("ceph: a change map that is wrong is noticed, the revision mended, and somebody is told") {
    job job;
    auto now = noise(32 << 20);
    job.image.set(now);
    job.good();
    // Written past librbd, an object changes under the snapshots and in no map.
    const auto prefix = ceph_says("rbd info " + job.image.spec() + " | sed -n 's/.*block_name_prefix: //p'");
    const auto other = noise(4 << 20);
    spill(job.dir / "object", other);
    ceph_says("rados -p rbd put " + prefix.substr(0, prefix.size() - 1) + ".0000000000000003 " + (job.dir / "object").string());
    now.replace(12 << 20, 4 << 20, other);
    job.good(3);
    CHECK((slurp(job.backy / "last") == now));
    CHECK_THAT(job.log(), Contains(job.image.spec() + ": the change map was wrong: the revision was mended and everything compared"));
    CHECK_THAT(job.rev(), Contains("every block, since the change map was wrong"));
    job.good();
    CHECK(job.backy("verify").code == 0);
}

TEST_CASE("ceph: a backup that is killed while it reads leaves nothing that the next run does not remove") {
    auto job = large_job();
    CHECK(job.while_it_reads([](::pid_t pid) { ::kill(pid, SIGKILL); }) == 128 + SIGKILL);
    CHECK_THAT(job.image.snapshots(), Contains("backy-"));
    CHECK(!fs::exists(job.backy / "last"));
    CHECK_THAT(job.backy("status").out, Contains("0 revisions"));
    job.good();
    CHECK(job.while_it_reads([](::pid_t pid) { ::kill(pid, SIGTERM); }) == 1);  // and one that is asked to end cleans up itself
    CHECK(job.image.snapshots() == "backy-" + job.last() + "\n");
    CHECK(!fs::exists(job.backy / ".run"));
}

TEST_CASE("ceph: a snapshot that is removed while it is read ends the run without a revision") {
    auto job = large_job();
    CHECK(job.while_it_reads([&](::pid_t pid) {
        ::kill(pid, SIGSTOP);
        ceph_says("rbd snap purge --no-progress " + job.image.spec());
        CHECK(job.image.snapshots() == "");
        ::kill(pid, SIGCONT);
    }) == 1);
    CHECK_THAT(job.log(), Contains("open: it has no snapshot backy-"));
    CHECK(!fs::exists(job.backy / "last"));
    job.good();
}

TEST_CASE("ceph: an OSD that stops while it is read from is an error within the time-out, and the next run removes the snapshot") {
    auto job = large_job("", "timeout = \"2s\"\n");
    const std::string osd = "'" BACKY_TESTS "/lab/ceph' ";
    const struct osd_runs {
        std::string command;
        ~osd_runs() { shell(command); }
    } at_the_end{osd + ("start-osd '" + ceph_lab().string() + "'")};
    CHECK(job.while_it_reads([&](::pid_t pid) {
        ::kill(pid, SIGSTOP);
        REQUIRE(shell(osd + ("stop-osd '" + ceph_lab().string() + "'")).code == 0);
        ::kill(pid, SIGCONT);
    }) == 1);
    CHECK_THAT(job.log(), Contains("Connection timed out (try again later)"));
    CHECK_THAT(job.log(), Contains("snapshots stay until a later run can release them"));
    CHECK(fs::exists(job.backy / ".run"));
    CHECK(!fs::exists(job.backy / "last"));
    CHECK_THAT(job.bad(), Contains("Connection timed out (try again later)"));
    REQUIRE(shell(osd + ("start-osd '" + ceph_lab().string() + "'")).code == 0);
    ceph_says("rbd info " + job.image.spec());
    job.good();
}

TEST_CASE("ceph: a pool whose quota is full, an image that is locked, and a cluster that is not there are said") {
    use_ceph();
    ceph_says(
        "{ ! ceph osd pool ls | grep -qx small || ceph osd pool rm small small --yes-i-really-really-mean-it; } && ceph osd pool create small 1 && "
        "ceph osd pool application enable small rbd && rbd create --size 8M small/x");
    ceph_says("rbd bench --io-type write --io-size 1M --io-total 8M small/x");
    const scratch dir(plain());
    const repository_directory small(dir / "r");
    REQUIRE(small("init ceph-rbd small/x").code == 0);
    ceph_says("ceph osd pool set-quota small max_bytes 4096");
    ceph_says("for i in $(seq 300); do ceph osd dump | grep \"'small'.*full_quota\" && exit 0; sleep 0.1; done; exit 1");
    const auto full = small("backup daily");
    CHECK(full.code == 1);
    CHECK_THAT(full.err, Contains("small/x@backy-") && Contains("open: it is there and cannot be opened: is a quota of the pool full?"));
    CHECK(ceph_says("rbd snap ls small/x") == "");
    ceph_says("ceph osd pool rm small small --yes-i-really-really-mean-it");

    job job("--size 1M");
    ceph_says("rbd lock add " + job.image.spec() + " mine");
    CHECK_THAT(job.bad(), Contains("make snapshot: somebody has locked the image (rbd lock ls)"));
    ceph_says("rbd lock rm " + job.image.spec() + " mine $(rbd lock ls " + job.image.spec() + " | awk 'END {print $1}')");
    job.good();
    job.configure("timeout = \"1s\"\n");
    const auto lost = shell("CEPH_ARGS='--mon-host=127.0.0.1:1' \"$BACKY\" -b '" + job.backy.path().string() + "' backup daily");
    CHECK(lost.code == 1);
    CHECK_THAT(lost.err, Contains("ceph as client.admin: connect: Connection timed out (try again later)"));
    job.good();
}

TEST_CASE("ceph: a volume is backed up while a guest writes to it") {
    job job("--size 64M");
    const auto guest =
        shell("rbd bench --io-type write --io-size 64K --io-pattern rand --io-total 10G " + job.image.spec() + " >/dev/null 2>&1 & echo $!");
    ceph_says("for i in $(seq 100); do rbd status " + job.image.spec() + " | grep -q watcher= && exit 0; sleep 0.1; done; exit 1");
    for (int i = 0; i < 3; ++i) job.good();
    CHECK(shell("kill " + guest.out).code == 0);  // it did write all the time
    CHECK(job.backy("verify --all").code == 0);
    ceph_says("for i in $(seq 300); do rbd status " + job.image.spec() + " | grep -q watcher= || exit 0; sleep 0.1; done; exit 1");
}

TEST_CASE("ceph: a restore to an image, by rbd: and by a pipe, and only what differs is written to one that is there") {
    randomness random;
    job job;
    const auto truth = some_volume(random, 20'000'000);
    job.image.set(truth);
    job.good();
    const auto to = job.image.spec() + "-restored", piped = job.image.spec() + "-piped";
    const auto r = job.backy("restore rbd:" + to);
    INFO(r.err);
    REQUIRE(r.code == 0);
    CHECK((ceph_says("rbd export --no-progress " + to + " -") == truth));
    REQUIRE(shell("\"$BACKY\" -b '" + job.backy.path().string() + "' restore - | rbd import --no-progress - " + piped).code == 0);
    CHECK((ceph_says("rbd export --no-progress " + piped + " -") == truth));

    ceph_says("rbd snap create --no-progress " + to + "@before");
    auto now = truth;
    random.fill(now, 15'000'000, 1000);
    job.image.set(now);
    job.good();
    REQUIRE(job.backy("restore rbd:" + to).code == 0);
    CHECK((ceph_says("rbd export --no-progress " + to + " -") == now));
    const auto changed = std::stoul(ceph_says("rbd diff --from-snap before " + to + " | awk 'NR > 1 {n += $2} END {print n}'"));
    CHECK(changed <= 2 * block_size + 1_MiB);  // and the first MiB, which is wiped before and written last
    CHECK_THAT(job.backy("restore rbd:none/x").err, Contains("ceph: pool \"none\": No such file or directory"));
    CHECK(job.backy("restore rbd:x").code == 2);
}

TEST_CASE("ceph: at most 128 MiB of memory, whatever the size of the objects") {
    for (const auto* const size : {"4M", "32M"}) {
        INFO(size);
        auto job = large_job("--object-size " + std::string(size));
        const auto restored = "rbd:" + job.image.spec() + "-restored";
        for (const auto& [command, argument] :
             {std::pair("backup", std::string("daily")), {"backup", "daily"}, {"restore", restored}, {"restore", restored}}) {
            INFO(command);
            const auto pid = ::fork();
            if (pid == 0) {
                ::execl(BACKY_PROGRAM, BACKY_PROGRAM, "-b", job.backy.path().c_str(), command, argument.c_str(), static_cast<char*>(nullptr));
                ::_exit(127);
            }
            int status = 0;
            struct ::rusage used {};
            REQUIRE(::wait4(pid, &status, 0, &used) == pid);
            CHECK(status == 0);
            CHECK(used.ru_maxrss <= 128 * 1024);
        }
    }
}

TEST_CASE("programs: Ceph's libraries, which have a Boost of another version inside, are offered none of ours") {
    const auto symbols = shell("nm -D --defined-only \"$BACKY\" | grep -E '5boost|boost_asio' | grep -v ' [a-tx-z] '");
    CHECK(symbols.out == "");
    CHECK(symbols.err == "");
}
