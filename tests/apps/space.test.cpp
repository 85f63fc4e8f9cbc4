// SPDX-License-Identifier: GPL-3.0-or-later
// What a further revision costs on the disk, asked of the filesystem.
#include "support/program.hpp"

#include <sys/statvfs.h>

using namespace support;

TEST_CASE("space: a further revision takes at most 1.15 times what changed, digests and metadata included") {
    for (const auto& place : copy_on_write()) {
        INFO(place);
        const scratch dir(place), source(plain());
        const repository_directory backy(dir / "r");
        const auto path = (source / "disk.img").string();
        randomness random;
        constexpr std::size_t touched = 512, apart = 16 << 20;  // so far apart that each digest is in a page of its own: the worst case
        const auto rewrite = [&] {
            std::fstream disk(path, std::ios::in | std::ios::out | std::ios::binary);
            content block(backy::block_size, '\0');
            for (std::size_t i = 0; i < touched; ++i) {
                random.fill(block, 0, block.size());
                disk.seekp(static_cast<std::streamoff>(i * apart)).write(block.data(), static_cast<std::streamsize>(block.size()));
            }
            REQUIRE(disk.flush());
        };
        std::ofstream(path).close();
        fs::resize_file(path, touched * apart);
        rewrite();
        REQUIRE(backy("init file " + path).code == 0);
        REQUIRE(backy("backup a").code == 0);
        const auto used = [&] {
            ::sync();
            shell("btrfs filesystem sync '" + place.string() + "'");
            struct ::statvfs st {};
            REQUIRE(::statvfs(place.c_str(), &st) == 0);
            return (st.f_blocks - st.f_bfree) * st.f_frsize;
        };
        for (int round = 0; round < 3; ++round) {
            rewrite();
            const auto before = used();
            REQUIRE(backy("backup b").code == 0);
            const auto cost = static_cast<double>(used() - before) / static_cast<double>(touched * backy::block_size);
            std::cout << place.filename() << ": " << touched << " scattered blocks of 64 KiB cost " << cost << " times their size\n";
            CHECK(cost <= 1.15);
            CHECK(cost >= 0.99);  // or nothing was measured
        }
    }
}
