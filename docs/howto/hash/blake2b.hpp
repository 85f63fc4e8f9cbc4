// SPDX-License-Identifier: GPL-3.0-or-later
// my::blake2b models Hash: BLAKE2b of 256 bits with a key. Two blocks have equal digests with a probability of 2^-256; with 2^-128 for whoever
// looks for such blocks, and only if he has the key.
#pragma once

#include <backy/concepts/hash.hpp>
#include <backy/core/error.hpp>
#include <backy/core/name.hpp>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <memory>

namespace my {

class blake2b {
    using context = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;

public:
    static constexpr auto type = backy::name<"blake2b">;
    using key = std::array<std::uint8_t, 32>;
    using digest = std::array<std::uint8_t, 32>;

    static key fresh_key() {
        key k;
        must(RAND_bytes(k.data(), static_cast<int>(k.size())) == 1);
        return k;
    }
    explicit blake2b(const key& k) {
        const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> algorithm(EVP_MAC_fetch(nullptr, "BLAKE2BMAC", nullptr), &EVP_MAC_free);
        keyed_.reset(EVP_MAC_CTX_new(algorithm.get()), &EVP_MAC_CTX_free);
        std::size_t width = sizeof(digest);
        const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &width), OSSL_PARAM_construct_end()};
        must(keyed_ && EVP_MAC_init(keyed_.get(), k.data(), k.size(), parameters) == 1);
    }
    digest operator()(backy::const_block in) const {
        const context ours(EVP_MAC_CTX_dup(keyed_.get()), &EVP_MAC_CTX_free);  // several threads call at once
        digest d;
        std::size_t n = 0;
        must(ours && EVP_MAC_update(ours.get(), reinterpret_cast<const unsigned char*>(in.data()), in.size()) == 1);
        must(EVP_MAC_final(ours.get(), d.data(), &n, d.size()) == 1 && n == d.size());
        if (d == digest{}) d.back() = 1;  // digest{} is that of zeroes, which nobody computes
        return d;
    }

private:
    static void must(bool done) {
        if (!done) throw backy::error("OpenSSL", "BLAKE2b: failed");
    }
    std::shared_ptr<EVP_MAC_CTX> keyed_;
};
static_assert(backy::Hash<blake2b>);

}  // namespace my
