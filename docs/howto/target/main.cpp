// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipe.hpp"

#include <backy/conformance/target_suite.hpp>

using namespace backy::conformance;

TEST_CASE("pipe: conforms") {
    const scratch dir;
    const auto packed = (dir / "image.gz").string(), plain = (dir / "image").string();
    const auto make = [&] { return my::pipe({"pipe:gzip -1 >" + packed, dir / "repository"}); };
    target_suite(make, [&] {
        REQUIRE(std::system(("gzip -dc " + packed + " >" + plain).c_str()) == 0);
        return slurp(plain);
    });
}

TEST_CASE("pipe: a command that fails is a restore that failed") {
    my::pipe target({"pipe:cat >/dev/null; exit 3", ""});
    target.resize(1);
    target.zero({0, 1});
    CHECK_THROWS_WITH(target.sync(), "cat >/dev/null; exit 3: exit status 3");
}
