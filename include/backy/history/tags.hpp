// SPDX-License-Identifier: GPL-3.0-or-later
// Tags as a user writes them: one argument, separated by commas.
#pragma once

#include <backy/core/error.hpp>
#include <backy/core/text.hpp>

#include <algorithm>

namespace backy {

inline bool is_tag(std::string_view text) {
    constexpr std::string_view digits = "0123456789";
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.:";
    return text.find_first_not_of(digits) != text.npos && text.find_first_not_of(allowed) == text.npos;
}

/// Blanks around commas are dropped, repeated tags count once. Throws config_error for what is no tag.
inline std::vector<std::string> parse_tags(std::string_view text) {
    std::vector<std::string> tags;
    for (const auto& part : split(text, ',')) {
        const auto tag = trimmed(part);
        if (!is_tag(tag))
            throw config_error("tags \"" + std::string(text) + "\"",
                               tag.empty() ? "an empty tag" : "\"" + tag + "\" is no tag (letters, digits, _ - . : and not digits alone)");
        if (std::ranges::count(tags, tag) == 0) tags.push_back(tag);
    }
    return tags;
}

}  // namespace backy
