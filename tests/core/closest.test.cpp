// SPDX-License-Identifier: GPL-3.0-or-later
#include <backy/core/closest.hpp>

#include <catch2/catch.hpp>

using namespace backy;

TEST_CASE("typing_errors: put in, taken out, changed, swapped") {
    CHECK(typing_errors("", "") == 0);
    CHECK(typing_errors("backup", "backup") == 0);
    CHECK(typing_errors("bakup", "backup") == 1);
    CHECK(typing_errors("baackup", "backup") == 1);
    CHECK(typing_errors("backop", "backup") == 1);
    CHECK(typing_errors("bakcup", "backup") == 1);
    CHECK(typing_errors("", "find") == 4);
    CHECK(typing_errors("find", "") == 4);
    CHECK(typing_errors("kitten", "sitting") == 3);
}

TEST_CASE("closest: what is near, and nothing that is not") {
    const std::vector<std::string> known{"backup", "restore", "find", "forget", "--dry-run"};
    CHECK(closest("bakcup", known) == "backup");
    CHECK(closest("resotre", known) == "restore");
    CHECK(closest("--dryrun", known) == "--dry-run");
    CHECK(closest("fnd", known) == "find");
    CHECK(closest("completely-different", known) == std::nullopt);
    CHECK(closest("xyz", {"abc"}) == std::nullopt);
    CHECK(closest("x", {"a"}) == std::nullopt);
    CHECK(closest("backup", {}) == std::nullopt);
    CHECK(closest(std::string(100'000, 'b'), known) == std::nullopt);
}
