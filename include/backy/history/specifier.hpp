// SPDX-License-Identifier: GPL-3.0-or-later
// Specifier: how a user names a revision. Numbers, tags and `last` look only at revisions that count; an ID reaches any.
#pragma once

#include <backy/history/history.hpp>

#include <range/v3/view/drop.hpp>

#include <charconv>

namespace backy {

inline constexpr std::size_t shortest_prefix = 6;

/// A full ID, or a prefix of just one. Throws history_error; of an ambiguous prefix it lists the candidates.
inline const revision& resolve_id(const history& h, const std::string& spec) {
    if (const auto* const exact = h.find(spec)) return *exact;
    if (spec.size() < shortest_prefix)
        throw history_error("revision \"" + spec + "\"", "there is none (an ID can be shortened to " + std::to_string(shortest_prefix) + " characters)");
    std::vector<std::string> candidates;
    for (const auto& r : h.revisions)
        if (r.id.starts_with(spec)) candidates.push_back(r.id);
    for (const auto& d : h.damaged)
        if (d.id.starts_with(spec)) candidates.push_back(d.id);
    if (candidates.size() > 1) throw history_error("revision \"" + spec + "\"", "ambiguous: " + join(candidates, ", "));
    if (candidates.size() == 1) {
        if (const auto* const only = h.find(candidates[0])) return *only;
        throw history_error("revision " + candidates[0], std::ranges::find(h.damaged, candidates[0], &damaged_revision::id)->why);
    }
    throw history_error("revision \"" + spec + "\"", "there is none");
}

/// Digits alone: a number, 0 the newest · `last`, `latest` · a full ID · a tag: its newest · a prefix of an ID.
inline const revision& resolve(const history& h, const std::string& spec) {
    if (!spec.empty() && spec.find_first_not_of("0123456789") == spec.npos) {
        std::size_t number = 0;
        const auto [end, code] = std::from_chars(spec.data(), spec.data() + spec.size(), number);
        if (code == std::errc{})
            for (const auto& r : h.counting() | ranges::views::drop(static_cast<std::ptrdiff_t>(std::min<std::size_t>(number, h.revisions.size())))) return r;
        throw history_error("revision " + spec, "there are not that many that count");
    }
    if (spec == "last" || spec == "latest") {
        if (const auto* const r = h.newest()) return *r;
        throw history_error("revision \"" + spec + "\"", "there is none that counts");
    }
    if (const auto* const exact = h.find(spec)) return *exact;
    for (const auto& r : h.counting() | ranges::views::filter([&](const revision& candidate) { return candidate.has_tag(spec); })) return r;
    return resolve_id(h, spec);
}

}  // namespace backy
