// SPDX-License-Identifier: GPL-3.0-or-later
// The program as a user runs it: what it prints, what it exits with, and what dd makes of its revisions.
#include "support/program.hpp"

using namespace support;

TEST_CASE("backy: two backups of a changing disk are each restored by dd") {
    for (const auto& where : copy_on_write()) {
        INFO(where);
        const scratch dir(where);
        const repository_directory backy(dir / "repository");
        randomness random;
        const auto first = some_volume(random, 3'000'077), second = changed(random, first, 3'100'001);
        const auto disk = (dir / "disk.img").string();

        spill(disk, first);
        REQUIRE(backy("init file " + disk).code == 0);
        const auto made = backy("backup daily,weekly");
        CHECK(made.err == "");
        REQUIRE(made.code == 0);
        spill(disk, second);
        REQUIRE(backy("backup daily").code == 0);

        const auto dd = [&](const std::string& path) {
            const auto target = (dir / "restored").string();
            REQUIRE(shell("dd if='" + path + "' of='" + target + "' bs=4096k status=none").code == 0);
            return slurp(target);
        };
        CHECK((dd((backy / "last").string()) == second));
        auto old = backy("find -r weekly");
        REQUIRE(old.code == 0);
        REQUIRE(old.out.back() == '\n');
        old.out.pop_back();
        CHECK((dd(old.out) == first));
    }
}
