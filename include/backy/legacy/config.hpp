// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of the Python backy's configurations with our keys and types. What a policy then makes of a table is asked by who has the policies.
#pragma once

#include <backy/legacy/yaml.hpp>

#include <charconv>

namespace backy::legacy {

namespace detail {

/// Another value for a key that is there, in the same place of the file.
inline void replace(section& s, const std::string& key, decltype(value::held) held) {
    const auto& all = s.entries();
    const auto at = std::ranges::find(all, key, &entry::key)->value.at;
    s.set(key, {std::move(held), at});
}

/// Where the text is a whole number it becomes one; else it stays what it is, and whoever wants a number says so.
inline void make_number(section& s, const std::string& key) {
    const auto text = s.find<std::string>(key);
    if (!text) return;
    std::int64_t n = 0;
    if (const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), n); code == std::errc{} && end == text->data() + text->size())
        replace(s, key, n);
}

}  // namespace detail

/// `type` and that source's keys. `backend` and `cow` say how the Python backy stores; there is nothing like them here.
inline section source_of(section s) {
    s.erase("backend");
    s.erase("cow");
    if (const auto text = s.has("full-always") ? parse_yaml_bool(s.get<std::string>("full-always")) : std::nullopt) detail::replace(s, "full-always", *text);
    return s;
}

/// A map of tags, each with `interval` (digits alone are seconds) and `keep`.
inline section schedule_of(section s) {
    const auto tags = s.entries();
    for (const auto& e : tags) {
        auto rule = s.get<section>(e.key);
        if (const auto every = rule.find<std::string>("interval"); every && every->find_first_not_of("0123456789") == every->npos && !every->empty())
            detail::replace(rule, "interval", *every + "s");
        detail::make_number(rule, "keep");
        detail::replace(s, e.key, rule);
    }
    return s;
}

inline section global_of(section s) {
    for (const auto* key : {"worker-limit", "status-interval", "telnet-port"}) detail::make_number(s, key);
    return s;
}

/// What DIR/config says: from 2.5 on the source and its schedule, before that the source alone.
struct job_config {
    section source, schedule;
};
inline job_config job_config_of(const section& s) {
    if (s.has("type") || !s.has("source")) return {source_of(s), {}};
    s.allow_only({"source", "schedule", "path"});
    return {source_of(s.get<section>("source")), schedule_of(s.table("schedule"))};
}

}  // namespace backy::legacy
