// SPDX-License-Identifier: GPL-3.0-or-later
// closest: what somebody may have meant who typed something else.
#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backy {

/// How many characters have to be put in, taken out, changed, or swapped with the next one, to make one of the other (optimal string
/// alignment). cost: a.size() * b.size() steps.
inline std::size_t typing_errors(std::string_view a, std::string_view b) {
    std::vector<std::size_t> above(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        next[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] != b[j - 1])});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) next[j] = std::min(next[j], above[j - 2] + 1);
        }
        above = std::exchange(row, next);
    }
    return row[b.size()];
}

/// Nothing: none is near enough, which is an error for every three characters and one more.
inline std::optional<std::string> closest(std::string_view typed, const std::vector<std::string>& known) {
    constexpr std::size_t longest = 100;  // nobody typed that by mistake
    if (typed.size() > longest || known.empty()) return std::nullopt;
    const auto best = *std::ranges::min_element(known, {}, [&](const std::string& k) { return typing_errors(typed, k); });
    const auto errors = typing_errors(typed, best);
    return errors <= typed.size() / 3 + 1 && errors < best.size() ? std::optional(best) : std::nullopt;
}

}  // namespace backy
