// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: io/directory io/faulty io/file io/posix io/revision_files io/sysfs
// posix, faulty, file, directory, sysfs, revision_files.
#include "support/scratch.hpp"

#include <backy/conformance/small_suites.hpp>
#include <backy/conformance/store_suite.hpp>
#include <backy/io/faulty.hpp>
#include <backy/io/posix.hpp>
#include <backy/io/revision_files.hpp>
#include <backy/io/sysfs.hpp>

#include <thread>

using namespace backy;
using support::scratch;
namespace fs = std::filesystem;

TEST_CASE("io: posix conforms, and so does an adapter over it that does nothing") {
    conformance::io_suite(io::posix());
    conformance::io_suite(io::faulty<io::posix>());
}

TEST_CASE("io::faulty: fails just the call it was told to, before or after it worked") {
    const scratch dir(support::plain());
    const auto plan = std::make_shared<io::fault_plan>();
    const io::faulty<io::posix> io(plan);
    const auto fd = static_cast<int>(io.openat(AT_FDCWD, (dir / "f").string(), O_RDWR | O_CREAT, 0600));
    const auto next = [&](io::fault_plan::kind what, long offset = 1) { plan->what = what, plan->at = plan->calls + offset; };
    using kind = io::fault_plan::kind;

    next(kind::fail);
    CHECK(io.pwrite(fd, bytes_of("abcd"), 0) == -EIO);
    CHECK(fs::file_size(dir / "f") == 0);
    CHECK(io.pwrite(fd, bytes_of("abcd"), 0) == 4);
    next(kind::lost);
    CHECK(io.ftruncate(fd, 2) == -EIO);
    CHECK(fs::file_size(dir / "f") == 2);
    next(kind::brief);
    CHECK(io.pwrite(fd, bytes_of("abcd"), 0) == 2);
    next(kind::stop, 2);
    CHECK(io.fsync(fd) == 0);
    CHECK(io.pwrite(fd, bytes_of("efgh"), 0) == -EIO);  // the one it dies in is torn
    CHECK(io.pwrite(fd, bytes_of("ijkl"), 0) == -EIO);
    CHECK(support::slurp(dir / "f") == "ef");
    io.close(fd);
}

TEST_CASE("io::file: short counts and EINTR are gone on with, and a file that ends too soon is an error with the offset") {
    const scratch dir(support::plain());
    for (const auto what : {io::fault_plan::kind::brief, io::fault_plan::kind::fail})
        for (long n = 1; n < 12; ++n) {
            const auto plan = std::make_shared<io::fault_plan>();
            plan->what = what, plan->at = n, plan->error = EINTR;
            fs::remove(dir / "f");
            io::file<io::faulty<io::posix>> f(io::faulty<io::posix>(plan), (dir / "f").string(), O_RDWR | O_CREAT | O_APPEND);
            std::string text(8, '?');
            f.write(0, bytes_of("abc"));
            f.append(bytes_of("defgh"));
            f.read(0, std::as_writable_bytes(std::span(text)));
            CHECK(text == "abcdefgh");
            CHECK(f.text(100) == "abcdefgh");
        }
    io::file<io::posix> f({}, (dir / "f").string(), O_RDWR);
    std::string text(9, '?');
    CHECK_THROWS_WITH(f.read(0, std::as_writable_bytes(std::span(text))),
                      (dir / "f").string() + ": read at offset 8: it ends there; did it shrink while it was read?");
    CHECK_THROWS_WITH(f.text(5), (dir / "f").string() + ": read: larger than 5 bytes");
    CHECK_THROWS_WITH((io::file<io::posix>({}, (dir / "none").string(), O_RDWR)), (dir / "none").string() + ": open: No such file or directory");
}

TEST_CASE("io::file: every error is thrown, and a full disk or an exhausted quota as what it is") {
    const scratch dir(support::plain());
    for (const int why : {EIO, ENOSPC, EDQUOT}) {
        INFO(why);
        const auto plan = std::make_shared<io::fault_plan>();
        io::file<io::faulty<io::posix>> f(io::faulty<io::posix>(plan), (dir / "f").string(), O_RDWR | O_CREAT);
        io::directory<io::faulty<io::posix>> d(dir.path(), io::faulty<io::posix>(plan));
        const auto fails = [&](const std::string& where, const std::string& what, auto call) {
            plan->what = io::fault_plan::kind::fail, plan->at = plan->calls + 1, plan->error = why;
            CHECK_THROWS_WITH(call(), where + ": " + what + ": " + message_of(why));
            if (why == EIO) return;
            plan->at = plan->calls + 1;
            CHECK_THROWS_AS(call(), no_space);
        };
        const auto file = (dir / "f").string();
        fails(file, "write at offset 7", [&] { f.write(7, bytes_of("abc")); });
        fails(file, "write", [&] { f.append(bytes_of("abc")); });
        fails(file, "punch hole at offset 7", [&] { f.zero({7, 9}); });
        fails(file, "resize", [&] { f.resize(7); });
        fails(file, "chmod", [&] { f.set_mode(0440); });
        fails(file, "fsync", [&] { f.sync(); });
        fails((dir / "none").string(), "unlink", [&] { d.remove("none"); });
        fails((dir / "g").string(), "rename from f", [&] { d.rename("f", "g"); });
        fails(dir.path().string(), "fsync", [&] { d.sync(); });
    }
}

TEST_CASE("io::file: an fsync that failed is not made again, not even after EINTR") {
    const scratch dir(support::plain());
    const auto plan = std::make_shared<io::fault_plan>();
    io::file<io::faulty<io::posix>> f(io::faulty<io::posix>(plan), (dir / "f").string(), O_RDWR | O_CREAT);
    plan->what = io::fault_plan::kind::fail, plan->at = plan->calls + 1, plan->error = EINTR;
    const long before = plan->calls;
    CHECK_THROWS_WITH(f.sync(), (dir / "f").string() + ": fsync: Interrupted system call");
    CHECK(plan->calls == before + 1);
}

TEST_CASE("io::file: extents cover the data and leave out holes on ext4, XFS, btrfs and tmpfs, also behind the last data") {
    auto places = support::copy_on_write();
    places.push_back(support::plain());
    if (fs::exists("/dev/shm")) places.push_back("/dev/shm");
    for (const auto& place : places) {
        INFO(place);
        const scratch dir(place);
        io::file<io::posix> f({}, (dir / "f").string(), O_RDWR | O_CREAT);
        f.resize(8_MiB + 5);
        f.write(2_MiB, bytes_of("data"));
        f.write(4_MiB, bytes_of("data"));
        f.zero({4_MiB, 64_KiB});
        std::vector<extent> all;
        f.extents([&](extent e) { all.push_back(e); });
        REQUIRE(all.size() == 1);
        CHECK((all[0].offset <= 2_MiB && all[0].offset >= 2_MiB - 64_KiB && all[0].length <= 128_KiB && all[0].offset + all[0].length >= 2_MiB + 4));
        CHECK(f.size() == 8_MiB + 5);
    }
}

TEST_CASE("io::file: a filesystem whose holes may be false is read whole") {
    std::vector<extent> all;
    const scratch dir(support::plain());
    struct foreign : io::posix {
        long fstatfs(int, struct ::statfs& fs) const { return fs.f_type = 0x2FC12FC1, 0; }  // ZFS
    };
    io::file<foreign> f({}, (dir / "f").string(), O_RDWR | O_CREAT);
    f.resize(3_MiB);
    f.extents([&](extent e) { all.push_back(e); });
    CHECK(all == std::vector<extent>{{0, 3_MiB}});
}

TEST_CASE("io::file: where holes cannot be punched zeroes are written") {
    struct without_holes : io::posix {
        long fallocate(int, int, byte_count, byte_count) const { return -EOPNOTSUPP; }
    };
    const scratch dir(support::plain());
    io::file<without_holes> f({}, (dir / "f").string(), O_RDWR | O_CREAT);
    f.write(0, bytes_of(std::string(3'000'000, 'x')));
    f.zero({100, 2'500'000});
    const auto now = support::slurp(dir / "f");
    CHECK((now == std::string(100, 'x') + std::string(2'500'000, '\0') + std::string(499'900, 'x')));
}

TEST_CASE("io::directory: names are single components and symlinks are not followed") {
    const scratch dir(support::plain());
    io::directory<io::posix> d(dir.path());
    std::ofstream(dir / "secret") << "secret";
    fs::create_symlink("secret", dir / "link");
    for (const auto* name : {"", ".", "..", "../x", "a/b", "/etc/passwd"}) {
        INFO(name);
        CHECK_THROWS_AS(d.open(name, O_RDONLY), error);
        CHECK_THROWS_AS(d.remove(name), error);
        CHECK_THROWS_AS(d.rename("secret", name), error);
    }
    CHECK_THROWS_WITH(d.read("link"), Catch::EndsWith("Too many levels of symbolic links"));
    CHECK(d.link_text("link") == "secret");
    CHECK(!d.link_text("secret"));
    CHECK(!d.link_text("none"));
    CHECK(S_ISLNK(d.status_of("link")->st_mode));
    CHECK(!d.status_of("none"));
    CHECK(d.names() == std::vector<std::string>{"link", "secret"});
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    CHECK_THROWS_WITH(d.read("fifo"), Catch::EndsWith("read: not a regular file"));  // and does not wait for a writer
}

TEST_CASE("io::directory: one in it is no symlink, and what others own or may write to is refused, by its lock too") {
    const scratch dir(support::plain());
    fs::create_directory(dir / "sub");
    fs::create_directory_symlink("sub", dir / "link");
    std::ofstream(dir / "file") << "x";
    const io::directory<io::posix> d(dir.path());
    CHECK(d.below("sub").path() == dir / "sub");
    CHECK_THROWS_WITH(d.below("link"), (dir / "link").string() + ": open: Not a directory");
    CHECK_THROWS_WITH(d.below("file"), (dir / "file").string() + ": open: Not a directory");
    CHECK_THROWS_WITH(d.below("none"), (dir / "none").string() + ": open: No such file or directory");
    CHECK_THROWS_AS(d.below(".."), error);

    const auto sub = d.below("sub");
    const auto file = d.open("file", O_RDONLY);
    CHECK_NOTHROW(sub.require_own());
    for (const auto mode : {0770, 0702, 0722, 01777}) {
        fs::permissions(dir / "sub", fs::perms(mode));
        fs::permissions(dir / "file", fs::perms(mode));
        const auto why = std::string(": others than its owner may write to it (chmod go-w)");
        CHECK_THROWS_WITH(sub.require_own(), (dir / "sub").string() + why);
        CHECK_THROWS_WITH(sub.lock(".lock", false, ""), (dir / "sub").string() + why);
        CHECK_THROWS_WITH(file.require_unshared(), (dir / "file").string() + why);
    }
    CHECK(fs::is_empty(dir / "sub"));
    fs::permissions(dir / "sub", fs::perms(0755));
    CHECK_NOTHROW(sub.lock(".lock", false, ""));
    CHECK(io::user_name(4'000'000'000) == "4000000000");
    struct of_another : io::posix {
        long fstat(int fd, struct ::stat& st) const {
            const auto rc = posix::fstat(fd, st);
            st.st_uid = 4'000'000'000;
            return rc;
        }
    };
    CHECK_THROWS_WITH(io::directory<of_another>(dir / "sub").lock(".lock", false, ""),
                      (dir / "sub").string() + ": it belongs to 4000000000, not to " + io::user_name(::geteuid()) + " (run it as 4000000000)");
}

TEST_CASE("io::directory: a replacement is there whole or not at all, whatever was left under its hidden name") {
    const scratch dir(support::plain());
    std::ofstream(dir / "f") << "old";
    std::ofstream(dir / ".f.new") << "left over and longer than what comes";
    fs::permissions(dir / ".f.new", fs::perms(0440));
    for (long n = 1;; ++n) {
        const auto plan = std::make_shared<io::fault_plan>();
        io::directory<io::faulty<io::posix>> d(dir.path(), io::faulty<io::posix>(plan));
        plan->what = io::fault_plan::kind::fail, plan->at = plan->calls + n;
        const auto last = plan->at;
        bool done = true;
        try {
            d.replace("f", "new", ".f.new", 0440);
        } catch (const error&) {
            done = false;
        }
        const auto now = support::slurp(dir / "f");
        CHECK((now == "new" || (now == "old" && !done)));
        if (n > 1) CHECK(!fs::exists(dir / ".f.new"));
        if (plan->calls < last) break;
        fs::remove(dir / "f");
        std::ofstream(dir / "f") << "old";
    }
    CHECK((fs::status(dir / "f").permissions() & fs::perms::all) == fs::perms(0440));
}

TEST_CASE("sealed_file: what it reads comes from the disk, or it admits that it may not") {
    for (const auto& place : support::copy_on_write()) {
        INFO(place);
        const scratch dir(place);
        const auto path = (dir / "f").string();
        const std::string data(3'000'077, 'x');
        {
            io::file<io::posix> f({}, path, O_RDWR | O_CREAT);
            f.write(0, bytes_of(data));
            f.sync();
            CHECK(f.is_cached({0, data.size()}));
        }
        const io::sealed_file<io::posix> direct(io::file<io::posix>({}, path, O_RDONLY | O_DIRECT));
        CHECK((conformance::read_whole(direct) == data));
        CHECK(direct.was_uncached());

        const io::file<io::posix> mapped({}, path, O_RDONLY);  // who maps a page keeps it in the cache
        void* const pages = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED | MAP_POPULATE, mapped.descriptor(), 0);
        REQUIRE(pages != MAP_FAILED);
        const io::sealed_file<io::posix> disturbed(io::file<io::posix>({}, path, O_RDONLY | O_DIRECT));
        CHECK((conformance::read_whole(disturbed) == data));
        CHECK(!disturbed.was_uncached());
        ::munmap(pages, 4096);
    }
}

TEST_CASE("revision_files: conforms as the space of digests") {
    const scratch dir(support::plain());
    conformance::store_suite([&] { return io::revision_files<io::posix>({".digests", 4_KiB, false, ""}, dir.path(), nullptr); });
}

TEST_CASE("sysfs: a loop device is found by what is attached to it") {
    struct ::stat st {};
    const scratch dir(support::plain());
    std::ofstream(dir / "f") << "x";
    REQUIRE(::stat((dir / "f").c_str(), &st) == 0);
    CHECK(!io::loop_device_of(io::posix(), st));
    CHECK(!io::sysfs_attribute(io::posix(), "/sys/none"));
}
