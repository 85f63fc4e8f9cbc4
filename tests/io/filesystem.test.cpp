// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/program.hpp"

#include <backy/io/filesystem.hpp>
#include <backy/io/posix.hpp>

#include <sys/statvfs.h>

using namespace backy;
using namespace support;

namespace {
io::file<io::posix> opened(const fs::path& p) { return {io::posix{}, p.string(), O_RDONLY | O_DIRECTORY}; }
}  // namespace

TEST_CASE("filesystem: a mount point is one, a directory or a subvolume in it is none") {
    CHECK(io::is_mount_point(io::directory<io::posix>("/proc")));
    for (const auto& mounted : copy_on_write()) {
        CHECK(io::is_mount_point(io::directory<io::posix>(mounted)));
        const scratch dir(mounted);
        CHECK(!io::is_mount_point(io::directory<io::posix>(dir.path())));
        fs::create_symlink(mounted, dir / "link");
        CHECK(io::is_mount_point(io::directory<io::posix>(dir / "link")));
        if (mounted.filename() != "btrfs") continue;
        REQUIRE(shell("btrfs -q subvolume create '" + (dir / "sub").string() + "'").code == 0);
        CHECK(!io::is_mount_point(io::directory<io::posix>(dir / "sub")));
        CHECK(io::filesystem_identity(opened(dir / "sub")) == io::filesystem_identity(opened(mounted)));
        CHECK(opened(dir / "sub").status().st_dev != opened(mounted).status().st_dev);
        REQUIRE(shell("btrfs -q subvolume delete '" + (dir / "sub").string() + "'").code == 0);
        const auto uuid = shell("btrfs filesystem show '" + mounted.string() + "' | grep -o 'uuid: .*' | cut -c 7-").out;
        CHECK(io::filesystem_identity(opened(mounted)) + "\n" == uuid);
    }
}

TEST_CASE("filesystem: room for data as df has it, and on btrfs for metadata") {
    for (const auto& place : copy_on_write()) {
        const auto rooms = io::room_of(opened(place));
        struct ::statvfs fs {};
        REQUIRE(::statvfs(place.c_str(), &fs) == 0);
        CHECK(rooms[0].kind == "data");
        CHECK(std::abs(static_cast<double>(rooms[0].free) - static_cast<double>(fs.f_bavail * fs.f_frsize)) < 64.0 * 1024 * 1024);
        const bool btrfs = place.filename() == "btrfs";
        REQUIRE(rooms.size() == (btrfs ? 2 : 1));
        if (!btrfs) continue;
        CHECK((rooms[1].kind == "metadata" && rooms[1].used > 0));
        CHECK((rooms[1].free > 16_MiB && rooms[1].free < fs.f_blocks * fs.f_frsize));
    }
}
