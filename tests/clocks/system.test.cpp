// SPDX-License-Identifier: GPL-3.0-or-later
#include <backy/clocks/system.hpp>
#include <backy/conformance/small_suites.hpp>

TEST_CASE("system clock: conforms, and tells about the time of this machine") {
    backy::conformance::clock_suite(backy::clocks::system());
    const auto now = backy::clocks::system().now().time_since_epoch();
    CHECK(std::abs(std::chrono::duration_cast<std::chrono::seconds>(now).count() - std::time(nullptr)) <= 1);
}
