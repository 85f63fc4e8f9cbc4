// SPDX-License-Identifier: GPL-3.0-or-later
// IDs of revisions: a random 128-bit UUID in 22 characters of base 57, the alphabet without 0 1 I O l.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace backy {

using revision_id = std::string;

inline constexpr std::string_view id_alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
inline constexpr std::size_t id_length = 22;  // 57^22 > 2^128

/// A version-4 UUID (RFC 9562, 5.4), most significant digit first.
inline revision_id fresh_id() {
    std::random_device random;  // the kernel's
    std::array<std::uint32_t, 4> uuid{random(), random(), random(), random()};
    uuid[1] = (uuid[1] & 0xffff0fffu) | 0x00004000u;
    uuid[2] = (uuid[2] & 0x3fffffffu) | 0x80000000u;
    revision_id id(id_length, id_alphabet[0]);
    for (auto digit = id.rbegin(); digit != id.rend(); ++digit) {  // long division by the base
        std::uint64_t rest = 0;
        for (auto& word : uuid) {
            rest = rest << 32 | word;
            word = static_cast<std::uint32_t>(rest / id_alphabet.size());
            rest %= id_alphabet.size();
        }
        *digit = id_alphabet[rest];
    }
    return id;
}

/// Ours, or an ordinary 36-character UUID as old directories have them. Nothing else ever becomes a part of a file name.
inline bool is_revision_id(std::string_view text) {
    if (text.size() == id_length) return text.find_first_not_of(id_alphabet) == text.npos;
    constexpr std::string_view pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    return std::ranges::equal(text, pattern, [](char c, char p) {
        return p == '-' ? c == '-' : std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos;
    });
}

/// An ID as the 36 characters that others know UUIDs by.
inline std::string uuid_text(const revision_id& id) {
    if (id.size() != id_length) return id;
    std::array<std::uint32_t, 4> uuid{};
    for (const char digit : id) {
        std::uint64_t carry = id_alphabet.find(digit);
        for (auto word = uuid.rbegin(); word != uuid.rend(); ++word) {
            carry += *word * std::uint64_t{id_alphabet.size()};
            *word = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
    }
    char text[40];
    std::snprintf(text, sizeof text, "%08x-%04x-%04x-%04x-%04x%08x", uuid[0], uuid[1] >> 16, uuid[1] & 0xffff, uuid[2] >> 16, uuid[2] & 0xffff, uuid[3]);
    return text;
}

/// What the snapshot of a revision is called where others see it: in a Ceph cluster, in a volume group.
inline std::string snapshot_name(const revision_id& id) { return "backy-" + id; }

/// Whose snapshot has that name; nothing: it is none of backy's.
inline std::optional<revision_id> id_of_snapshot(std::string_view name) {
    constexpr std::string_view prefix = "backy-";
    if (!name.starts_with(prefix) || !is_revision_id(name.substr(prefix.size()))) return std::nullopt;
    return revision_id(name.substr(prefix.size()));
}

}  // namespace backy
