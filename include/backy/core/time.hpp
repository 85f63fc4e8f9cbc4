// SPDX-License-Identifier: GPL-3.0-or-later
// Moments (always UTC), lengths of time, and how both are written. libstdc++ 12 has neither std::format nor chrono's parsing.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace backy {

using timestamp = std::chrono::sys_time<std::chrono::microseconds>;
using seconds = std::chrono::duration<double>;

/// "2015-11-04 11:09:26"
inline std::string to_text(timestamp t) {
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(t - day));
    char text[40];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d", int(date.year()), unsigned(date.month()), unsigned(date.day()),
                  int(clock.hours().count()), int(clock.minutes().count()), int(clock.seconds().count()));
    return text;
}

/// RFC 3339 with microseconds: "2015-11-04T11:09:26.000001Z"
inline std::string to_rfc3339(timestamp t) {
    auto text = to_text(t);
    text[10] = 'T';
    const auto fraction = t - std::chrono::floor<std::chrono::seconds>(t);
    char tail[16];
    std::snprintf(tail, sizeof tail, ".%06dZ", int(fraction.count()));
    return text + tail;
}

/// "2015-11-04" as the midnight that begins that day; nothing for anything else, impossible dates included.
inline std::optional<std::chrono::sys_days> parse_date(std::string_view text) {
    int year = 0;
    unsigned month = 0, day = 0;
    const auto number = [&](std::size_t at, std::size_t length, auto& to) {
        const auto* const end = text.data() + at + length;
        return std::from_chars(text.data() + at, end, to).ptr == end && text[at] != '-';
    };
    if (text.size() != 10 || text[4] != '-' || text[7] != '-' || !number(0, 4, year) || !number(5, 2, month) || !number(8, 2, day))
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date);
}

/// What to_rfc3339 has written, to the microsecond; nothing for anything else.
inline std::optional<timestamp> parse_rfc3339(std::string_view text) {
    const auto day = parse_date(text.substr(0, 10));
    unsigned h = 0, m = 0, s = 0, us = 0;
    const auto number = [&](std::size_t at, std::size_t length, unsigned& to) {
        const auto* const end = text.data() + at + length;
        return std::from_chars(text.data() + at, end, to).ptr == end;
    };
    if (!day || text.size() != 27 || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != '.' || text[26] != 'Z' || !number(11, 2, h) ||
        !number(14, 2, m) || !number(17, 2, s) || !number(20, 6, us) || h > 23 || m > 59 || s > 59)
        return std::nullopt;
    return timestamp(*day) + std::chrono::hours(h) + std::chrono::minutes(m) + std::chrono::seconds(s) + std::chrono::microseconds(us);
}

/// A positive number with s, m, h, d or w: "30d". Nothing for anything else, or for more than about 10,000 years.
inline std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
    constexpr std::int64_t longest = 320'000'000'000;
    std::int64_t n = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (code != std::errc{} || end + 1 != text.data() + text.size() || n <= 0) return std::nullopt;
    std::int64_t unit = 0;
    switch (*end) {
        case 's': unit = 1; break;
        case 'm': unit = 60; break;
        case 'h': unit = 3'600; break;
        case 'd': unit = 86'400; break;
        case 'w': unit = 604'800; break;
        default: return std::nullopt;
    }
    if (n > longest / unit) return std::nullopt;
    return std::chrono::seconds(n * unit);
}

}  // namespace backy
