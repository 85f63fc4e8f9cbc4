// SPDX-License-Identifier: GPL-3.0-or-later
#include "blake2b.hpp"

#include <backy/conformance/small_suites.hpp>

TEST_CASE("blake2b: conforms") { backy::conformance::hash_suite<my::blake2b>(); }
