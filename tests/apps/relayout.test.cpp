// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: engine/relayout cli/relayout
#include "support/program.hpp"

#include <backy/core/block_map.hpp>

using namespace support;

TEST_CASE("backy relayout: says what it costs before it begins, and afterwards every revision is what it was") {
    for (const auto& place : copy_on_write()) {
        INFO(place);
        const scratch dir(place);
        const repository_directory backy(dir / "r");
        randomness random;
        content volume(16 << 20, '\0');
        random.fill(volume, 0, volume.size());
        spill(dir / "disk.img", volume);
        REQUIRE(backy("init file " + (dir / "disk.img").string()).code == 0);
        REQUIRE(backy("backup first").code == 0);
        REQUIRE(backy("relayout").code == 0);
        CHECK(slurp(backy / "backy.log").find("re-layout: nothing to do: ") != std::string::npos);
        const auto first = fs::read_symlink(backy / "last").string();
        for (std::size_t b = 0; b < volume.size(); b += 2 * backy::block_size) random.fill(volume, b, backy::block_size);
        spill(dir / "disk.img", volume);
        REQUIRE(backy("backup second").code == 0);
        REQUIRE(backy("forget -r " + first).code == 0);
        REQUIRE(backy("relayout").code == 0);
        const auto log = slurp(backy / "backy.log");
        const auto cost = log.find("re-layout: 24.00 MiB held for 16.00 MiB in use: 8.00 MiB are copied, some at a time, and shared again by all");
        const auto done = log.find("re-layout: 8.00 MiB copied, now 16.00 MiB held for 16.00 MiB in use");
        CHECK((cost < done && done != std::string::npos) == (place.filename() == "btrfs"));
        CHECK(slurp(backy / "last") == volume);
        CHECK(backy("verify").code == 0);
    }
}
