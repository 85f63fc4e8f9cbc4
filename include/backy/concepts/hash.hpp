// SPDX-License-Identifier: GPL-3.0-or-later
// Hash: bytes to a digest.
#pragma once

#include <backy/core/bytes.hpp>

#include <concepts>

namespace backy {

/// | expression | returns | meaning |
/// |---|---|---|
/// | H::type | hana::string | its name in digests files, at most 16 characters |
/// | H::fresh_key() | H::key | random; for a hash without a key an empty type |
/// | H(key) | | |
/// | h(in) | H::digest | depends on the bytes and their number; never digest{}, which stands for a block of zeroes, so that the digests of holes are holes |
///
/// laws: equal bytes, equal digests. Its header says how probable equal digests of different bytes are, when a guest chooses the bytes
/// and sees neither key nor digests.  requires: no padding in key or digest: they are written as they lie in memory.
/// threads: const members by several at once.  models: hashes::gmac, hashes::sha256
template <class H>
concept Hash = requires(const H h, const_block in) {
    { H::type.c_str() } -> std::convertible_to<const char*>;
    { H::fresh_key() } -> std::same_as<typename H::key>;
    { h(in) } -> std::same_as<typename H::digest>;
} && std::constructible_from<H, typename H::key> && std::regular<typename H::digest> &&
    std::is_trivially_copyable_v<typename H::digest> && std::is_trivially_copyable_v<typename H::key>;

}  // namespace backy
