// SPDX-License-Identifier: GPL-3.0-or-later
// targets::lvm on real logical volumes, and targets::file on devices of device-mapper and loop devices.
#include "support/volume_group.hpp"

#include <backy/conformance/target_suite.hpp>
#include <backy/targets/lvm.hpp>

using namespace backy;
using namespace support;
using Catch::Contains;
using kind = logical_volume::kind;

namespace {

targets::lvm<> opened(const logical_volume& volume, bool force = false) { return targets::lvm<>({"lvm:" + volume.text(), lab(), force}); }

double use_of(const std::string& name) { return std::stod(says("lvs --noheadings -o data_percent " + group + "/" + name)); }

/// A thin pool of its own, gone with the object.
struct pool {
    explicit pool(std::string n, const std::string& options) : name(std::move(n)) {
        says("lvcreate -qq -y -L 64M --poolmetadatasize 4M " + options + " --thinpool " + name + " " + group);
    }
    ~pool() { shell("lvremove -qq -y " + group + "/" + name); }
    std::string name;
};

}  // namespace

TEST_CASE("lvm target: conforms, new and over anything that was there, whatever the chunks") {
    const pool wide("wide", "-c 512K");
    SECTION("thin") {
        logical_volume volume(kind::thin, 6_MiB);
        volume.set(content(6_MiB, 'o'));
        conformance::target_suite([&] { return opened(volume); }, [&] { return volume.read(); }, false);
    }
    SECTION("thin, chunks of 512 KiB") {
        logical_volume volume(kind::thin, 6_MiB, "wide");
        volume.set(content(6_MiB, 'o'));
        conformance::target_suite([&] { return opened(volume); }, [&] { return volume.read(); }, false);
    }
    SECTION("thick") {
        logical_volume volume(kind::thick, 6_MiB);
        volume.set(content(6_MiB, 'o'));
        conformance::target_suite([&] { return opened(volume); }, [&] { return volume.read(); }, false);
    }
}

TEST_CASE("lvm target: a volume is made when it is restored to and not before, and zeroes are given back") {
    logical_volume volume(kind::thin, 64_KiB);
    volume.drop();
    {
        auto target = opened(volume);
        CHECK(target.size() == 0);
        CHECK(shell("lvs " + volume.text()).code != 0);
        target.resize(64_MiB + 1);
        CHECK(target.size() == 64_MiB + 64_KiB);
        target.extents([](extent) { FAIL("nothing is mapped yet"); });
        target.zero({0, 1_MiB});
        target.write(32_MiB, bytes_of("data"));
        target.sync();
    }
    CHECK(use_of(volume.name()) < 1);
    volume.set(content(volume.size(), 'x'));
    CHECK(use_of(volume.name()) == 100);
    {
        auto target = opened(volume);
        target.zero({64_KiB - 512, volume.size() / 2});  // its ends lie within chunks
        target.sync();
    }
    auto expected = content(volume.size(), 'x');
    std::fill_n(expected.begin() + (64_KiB - 512), volume.size() / 2, '\0');
    CHECK((volume.read() == expected));
    CHECK(use_of(volume.name()) < 51);
}

TEST_CASE("lvm target: where what is unmapped shows something else, zeroes are written") {
    logical_volume base(kind::thick, 1_MiB);
    base.set(content(1_MiB, 'x'));
    says("lvchange -qq -an " + base.text() + " && lvchange -qq -pr " + base.text());
    logical_volume clone(kind::thin, 64_KiB);
    clone.drop();
    says("lvcreate -qq -s --thinpool " + group + "/" + thin_pool + " -n " + clone.name() + " " + base.text());
    {
        auto target = opened(clone);
        target.zero({0, 1_MiB});
        target.sync();
    }
    CHECK((clone.read() == content(1_MiB, '\0')));
    clone.drop();
}

TEST_CASE("lvm target: what cannot be restored to is refused, and what is in use needs --force") {
    logical_volume volume(kind::thin, 1_MiB);
    {
        const io::file<io::posix> vm({}, volume.device(), O_RDONLY);
        CHECK_THROWS_WITH(opened(volume), "lvm:" + volume.text() + ": restore: somebody has it open, a VM perhaps (stop it, or use --force)");
        auto forced = opened(volume, true);
        forced.write(0, bytes_of("although"));
        forced.sync();
    }
    CHECK(volume.read().starts_with("although"));
    CHECK_THROWS_WITH(opened(volume).resize(1_MiB + 1), Contains("restore: too small: it has 1048576 bytes, the revision has 1048577"));
    says("lvchange -qq -an " + volume.text());
    CHECK_THROWS_WITH(opened(volume), Contains("restore: it is not active (lvchange --activate y " + volume.text() + ")"));
    volume.drop();
    {
        const pool second("second", "-c 64K");
        CHECK_THROWS_WITH(opened(volume), Contains(group + " has more than one thin pool to make it in"));
    }
    {
        const pool dirty("dirty", "-c 512K -Zn");
        logical_volume in_it(kind::thin, 1_MiB, "dirty");
        CHECK_THROWS_WITH(opened(in_it), Contains("pool dirty does not clear new chunks (lvchange --zero y " + group + "/dirty)"));
    }
    CHECK_THROWS_WITH(targets::lvm<>({"lvm:no-group/x", lab(), false}), Contains("Volume group \"no-group\" not found"));
}

TEST_CASE("lvm target: a restore ends before its pool is full") {
    const pool narrow("narrow", "-c 64K");
    logical_volume volume(kind::thin, 128_MiB, "narrow");
    {
        auto target = opened(volume);
        const content part(1_MiB, 'd');
        CHECK_THROWS_WITH(
            [&] {
                for (byte_count at = 0; at < 128_MiB; at += 1_MiB) target.write(at, bytes_of(part));
            }(),
            Contains("restore: pool narrow has 9") && Contains("above 90 % (extend it, or use --force)"));
    }
    CHECK(use_of("narrow") < 95);
    CHECK_THROWS_WITH(opened(volume), Contains("above 90 %"));
    CHECK_NOTHROW(opened(volume, true));
}

TEST_CASE("lvm target: pools, snapshots and what others are made from are no targets") {
    logical_volume volume(kind::thin, 1_MiB), base(kind::thick, 1_MiB);
    const auto refused = [](const std::string& name, const std::string& why) {
        CHECK_THROWS_WITH(targets::lvm<>({"lvm:" + group + "/" + name, lab(), true}), Contains(why));
    };
    refused(thin_pool, "it is a pool or a snapshot");
    says("lvcreate -qq -y -s -L 4M -n classic " + base.text() + " && lvcreate -qq -s -n backy-2222222222222222222222 " + volume.text());
    refused("classic", "it is a pool or a snapshot");
    refused("backy-2222222222222222222222", "it is a pool or a snapshot");
    says("lvremove -qq -y " + group + "/classic " + group + "/backy-2222222222222222222222");
    says("lvcreate -qq -y -s -L 4M -n classic " + volume.text());  // over a thin volume: what is unmapped cannot be told, and is written
    opened(volume).zero({0, 1_MiB});
    CHECK((volume.read() == content(1_MiB, '\0')));
    CHECK(use_of(volume.name()) == 100);
    says("lvremove -qq -y " + group + "/classic && lvchange -qq -an " + base.text() + " && lvchange -qq -pr " + base.text() +
         " && lvcreate -qq -s --thinpool " + group + "/" + thin_pool + " -n clone " + base.text());
    refused(base.name(), "other volumes are made from it and would change with it");
    says("lvremove -qq -y " + group + "/clone");
}

TEST_CASE("file target: devices that are too small, mounted or in use") {
    logical_volume volume(kind::thick, 16_MiB);
    const scratch dir(lab());
    spill(dir / "disk", content(16_MiB, 'd'));
    const auto loop = split(says("losetup -f --show " + (dir / "disk").string()), '\n')[0];
    for (const auto& device : {volume.device(), loop}) {
        INFO(device);
        const auto open = [&] { return targets::file<>({device, lab(), false}); };
        {
            auto target = open();
            target.resize(16_MiB);
            CHECK_THROWS_WITH(target.resize(16_MiB + 1), device + ": restore: too small: it has 16777216 bytes, the revision has 16777217");
            target.write(0, bytes_of("restored"));
            target.zero({64_KiB, 64_KiB});
            target.sync();
        }
        CHECK(says("head -c 8 " + device) == "restored");
        CHECK(says("cmp -n 65536 -i 65536 " + device + " /dev/zero") == "");
        says("mkfs.ext4 -q -F " + device + " && mkdir -p " + (dir / "m").string() + " && mount " + device + " " + (dir / "m").string());
        CHECK_THROWS_WITH(open(), device + ": restore: it is mounted or held by somebody (unmount it, or use --force)");
        says("umount " + (dir / "m").string());
        says("dmsetup create --table \"0 2048 linear " + device + " 0\" holder");
        CHECK_THROWS_WITH(open(), device + ": restore: it is mounted or held by somebody (unmount it, or use --force)");
        says("dmsetup remove holder");
        const auto above = split(says("losetup -f --show " + device), '\n')[0];
        CHECK_THROWS_WITH(open(), device + ": restore: it is attached to " + above + " (detach it, or use --force)");
        says("losetup -d " + above);
        CHECK_NOTHROW(open());
    }
    says("losetup -d " + loop);
}
