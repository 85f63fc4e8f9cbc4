// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: hashes/gmac hashes/sha256
#include <backy/conformance/small_suites.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/hashes/sha256.hpp>

using namespace backy;

TEST_CASE("gmac: conforms") { conformance::hash_suite<hashes::gmac>(); }
TEST_CASE("sha256: conforms") { conformance::hash_suite<hashes::sha256>(); }

TEST_CASE("gmac: is AES-128-GMAC with a nonce of zeroes: test case 1 of McGrew and Viega") {
    const hashes::gmac hash{hashes::gmac::key{}};  // no data, key and nonce zero: 58e2fccefa7e3061367f1d57a4e7455a
    const auto tag = hash({});
    CHECK(tag == hashes::gmac::digest{0x58, 0xe2, 0xfc, 0xce, 0xfa, 0x7e, 0x30, 0x61, 0x36, 0x7f, 0x1d, 0x57, 0xa4, 0xe7, 0x45, 0x5a});
}

TEST_CASE("gmac: keys are random") { CHECK(hashes::gmac::fresh_key() != hashes::gmac::fresh_key()); }
