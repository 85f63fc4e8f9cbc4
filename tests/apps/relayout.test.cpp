// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: engine/relayout cli/relayout
#include "support/program.hpp"

#include <backy/core/block_map.hpp>

#include <regex>

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
        INFO(log);
        // How writeback cuts the extents is btrfs's choice: a few blocks more or less stay as they are.
        const std::regex said(R"(re-layout: 2[34]\.\d\d MiB held for 16\.00 MiB in use: [78]\.\d\d MiB are copied, some at a time, and shared again by all[^\n]*\n)"
                              R"([^\n]*re-layout: [78]\.\d\d MiB copied, now 16\.\d\d MiB held for 16\.00 MiB in use)");
        CHECK(std::regex_search(log, said) == (place.filename() == "btrfs"));
        CHECK(slurp(backy / "last") == volume);
        CHECK(backy("verify").code == 0);
    }
}
