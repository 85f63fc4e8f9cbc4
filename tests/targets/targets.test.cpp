// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: targets/file targets/stream
// Targets: files and devices that are there and that are not, that are in use, that are the repository's own.
#include "support/program.hpp"

#include <backy/conformance/target_suite.hpp>
#include <backy/targets/stream.hpp>

using namespace backy;
using support::scratch;
namespace fs = std::filesystem;

namespace {

/// A loop device of a size, or none where this machine has none to give.
class loop_device {
public:
    loop_device(const fs::path& backing, byte_count size) {
        if (!fs::exists(backing)) std::ofstream(backing).close(), fs::resize_file(backing, size);
        const auto made = support::shell("losetup -f --show '" + backing.string() + "'");
        if (made.code != 0) WARN("SKIPPED: no loop device: " << made.err);
        else path_ = made.out.substr(0, made.out.find('\n'));
    }
    ~loop_device() {
        if (!path_.empty()) support::shell("losetup -d " + path_);
    }
    loop_device(const loop_device&) = delete;
    loop_device& operator=(const loop_device&) = delete;
    explicit operator bool() const { return !path_.empty(); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace

TEST_CASE("file target: conforms, new and over anything that was there") {
    auto places = support::copy_on_write();
    places.push_back(support::plain());
    for (const auto& place : places) {
        INFO(place);
        const scratch dir(place), repository(place);
        const auto path = (dir / "target").string();
        conformance::target_suite([&] { return targets::file<>({path, repository.path(), false}); }, [&] { return support::slurp(path); });
    }
}

TEST_CASE("file target: a block device keeps its size and what lies behind") {
    const scratch dir(support::plain()), repository(support::plain());
    const loop_device device(dir / "backing", 8_MiB);
    if (!device) return;
    const support::content before(8_MiB, 'b');
    std::ofstream(device.path(), std::ios::binary) << before;
    std::size_t size = 0;
    const auto make = [&] { return targets::file<>({device.path(), repository.path(), false}); };
    support::randomness random;
    const auto truth = support::some_volume(random, 5'000'001);
    {
        auto target = make();
        CHECK_THROWS_WITH(target.resize(8_MiB + 1), device.path() + ": restore: too small: it has 8388608 bytes, the revision has 8388609");
        target.resize(truth.size());
        for (; size < truth.size(); size += block_size) {
            const auto part = std::string_view(truth).substr(size, block_size);
            if (is_zero(bytes_of(part))) target.zero({size, part.size()});
            else target.write(size, bytes_of(part));
        }
        target.sync();
        CHECK(target.size() == 8_MiB);
        CHECK_THROWS_WITH(make(), device.path() + ": restore: it is mounted or held by somebody (unmount it, or use --force)");
    }
    std::ifstream in(device.path(), std::ios::binary);
    support::content now(8_MiB, '\0');
    in.read(now.data(), 8_MiB);
    CHECK((now == truth + before.substr(truth.size())));
}

TEST_CASE("file target: nothing of the repository becomes one, by whatever name") {
    const scratch repository(support::plain()), other(support::plain());
    std::ofstream(repository / "image") << "precious";
    fs::create_hard_link(repository / "image", other / "hard");
    fs::create_symlink(repository / "image", other / "soft");
    fs::create_symlink(repository.path(), other / "there");
    for (const auto& path : {repository / "image", other / "hard", other / "soft", other / "there" / "image"}) {
        INFO(path);
        CHECK_THROWS_WITH(targets::file<>({path.string(), repository.path(), true}), path.string() + ": restore: it is image of the repository itself");
    }
    for (const auto& path : {repository / "new", other / "there" / "new", repository.path() / "." / "new"})
        CHECK_THROWS_WITH(targets::file<>({path.string(), repository.path(), true}), path.string() + ": restore: it would lie in the repository itself");
    CHECK(support::slurp(repository / "image") == "precious");
    CHECK(!fs::exists(repository / "new"));
}

TEST_CASE("file target: an image of another repository needs --force, by whatever link") {
    const scratch repository(support::plain()), other(support::plain());
    const auto id = fresh_id();
    for (const auto& name : {id, id + ".rev", id + ".digests"}) {
        std::ofstream(other / name) << "precious";
        fs::remove(other / "last");
        fs::create_symlink(name, other / "last");
        for (const auto& path : {other / name, other / "last"}) {
            CHECK_THROWS_WITH((targets::file<>({path.string(), repository.path(), false})), Catch::EndsWith("looks like a revision of another repository (use --force if it is none)"));
            CHECK_NOTHROW(targets::file<>({path.string(), repository.path(), true}));
        }
        CHECK(support::slurp(other / name) == "precious");
    }
}

TEST_CASE("file target: what is in use needs --force") {
    const scratch dir(support::plain()), repository(support::plain());
    const auto file = (dir / "disk.img").string();
    std::ofstream(file) << support::content(1_MiB, 'x');
    const auto with = [&](bool force) { return targets::file<>({file, repository.path(), force}); };
    SECTION("attached to a loop device") {
        const loop_device device(file, 1_MiB);
        if (!device) return;
        CHECK_THROWS_WITH(with(false), file + ": restore: it is attached to " + device.path() + " (detach it, or use --force)");
        CHECK_NOTHROW(with(true));
    }
    SECTION("a mounted device") {
        const auto image = (dir / "fs.img").string();
        const loop_device device(image, 32_MiB);
        if (!device) return;
        fs::create_directory(dir / "mnt");
        const auto mounted = support::shell("mkfs.ext4 -q " + device.path() + " && mount " + device.path() + " '" + (dir / "mnt").string() + "'");
        REQUIRE(mounted.code == 0);
        CHECK_THROWS_WITH((targets::file<>({device.path(), repository.path(), false})),
                          device.path() + ": restore: it is mounted or held by somebody (unmount it, or use --force)");
        CHECK_THROWS_WITH((targets::file<>({image, repository.path(), false})), image + ": restore: it is attached to " + device.path() + " (detach it, or use --force)");
        CHECK_NOTHROW(targets::file<>({device.path(), repository.path(), true}));
        support::shell("umount '" + (dir / "mnt").string() + "'");
    }
    SECTION("locked by QEMU's own block layer") {
        if (support::shell("command -v qemu-io").code != 0) {
            WARN("SKIPPED: no qemu-io");
            return;
        }
        // qemu-io opens the disk as a virtual machine does, and waits
        REQUIRE(support::shell("qemu-io -f raw '" + file + "' -c 'sleep 60000' & echo $! >'" + (dir / "pid").string() + "'; sleep 1").code == 0);
        CHECK_THROWS_WITH(with(false), file + ": restore: locked by a running process, QEMU perhaps (stop it, or use --force)");
        CHECK_NOTHROW(with(true));
        support::shell("kill $(cat '" + (dir / "pid").string() + "')");
    }
    SECTION("free: and while it is restored to, QEMU cannot open it") {
        const auto held = with(false);
        if (support::shell("command -v qemu-io").code == 0) CHECK(support::shell("qemu-io -f raw '" + file + "' -c 'read 0 512'").code != 0);
    }
}

TEST_CASE("file target: directories, FIFOs and paths into nothing are refused") {
    const scratch dir(support::plain()), repository(support::plain());
    const auto at = [&](const fs::path& path) { return targets::file<>({path.string(), repository.path(), true}); };
    CHECK_THROWS_WITH(at(dir.path()), dir.path().string() + ": restore: neither a regular file nor a block device");
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    CHECK_THROWS_WITH(at(dir / "fifo"), (dir / "fifo").string() + ": restore: neither a regular file nor a block device");
    CHECK_THROWS_WITH(at(dir / "none" / "x"), (dir / "none").string() + ": open: No such file or directory");
}

TEST_CASE("targets: who claims what a user writes") {
    using file = targets::file<>;
    using stream = targets::stream<>;
    for (const auto* path : {"x", "/x", "./rbd:x", "/a:b", "A:b", ":x"}) CHECK((file::claims(path) && !stream::claims(path)));
    CHECK((stream::claims("-") && !file::claims("-")));
    for (const auto* path : {"rbd:pool/image", "lvm:vg/lv", ""}) CHECK((!file::claims(path) && !stream::claims(path)));
}
