// SPDX-License-Identifier: GPL-3.0-or-later
#include "linked.hpp"

#include <backy/conformance/store_suite.hpp>

TEST_CASE("linked: conforms") {
    const backy::conformance::scratch dir;
    backy::silent_journal journal;
    backy::conformance::store_suite([&] { return my::linked({}, dir.path(), journal); });
}
