// SPDX-License-Identifier: GPL-3.0-or-later
// A .rev of the Python backy (2.0 to 2.5, YAML) as one of our revisions. Text in, values out.
#pragma once

#include <backy/history/revision.hpp>
#include <backy/legacy/yaml.hpp>

#include <cmath>

namespace backy::legacy {

/// What such a file says. Nothing in it is proven: no sequence, no digests.
struct old_revision {
    revision r;           ///< without size and source, which the file does not have
    bool complete;        ///< it says how long it took
    std::string backend;  ///< "cowfile", a raw image; "chunked" is pieces in a store of their own
};

namespace detail {

/// Takes what it is asked for off the front of a text.
class cursor {
public:
    explicit cursor(std::string_view text) : rest_(text) {}
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool take_blanks() {
        const auto before = rest_.size();
        while (take(' ') || take('\t')) {}
        return rest_.size() < before;
    }
    /// So many digits.
    std::optional<int> number(std::size_t least, std::size_t most) {
        const auto digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        if (digits < least || digits > most) return std::nullopt;
        int n = 0;
        std::from_chars(rest_.data(), rest_.data() + digits, n);
        rest_.remove_prefix(digits);
        return n;
    }
    /// The digits of a fraction, as microseconds.
    std::chrono::microseconds fraction() {
        std::int64_t us = 0, unit = 100'000;
        for (; !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; rest_.remove_prefix(1), unit /= 10) us += (rest_[0] - '0') * unit;
        return std::chrono::microseconds(us);
    }
    bool at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

template <class N>
std::optional<N> number_in(std::string_view text) {
    N n{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return n;
}

inline bool can_be_written(timestamp t) {
    return t >= timestamp(std::chrono::sys_days(std::chrono::year(1) / 1 / 1)) && t < timestamp(std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1));
}

/// 2026-11-22 20:02:25.885246+00:00, with a T, with a Z, or without a zone, which is UTC.
inline std::optional<timestamp> date_and_time(std::string_view text) {
    cursor in(text);
    const auto year = in.number(4, 4);
    const auto month = in.take('-') ? in.number(1, 2) : std::nullopt;
    const auto day = in.take('-') ? in.number(1, 2) : std::nullopt;
    if (!year || !month || !day || !(in.take('T') || in.take('t') || in.take_blanks())) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)), std::chrono::day(static_cast<unsigned>(*day))};
    constexpr int none = 99;
    const auto sixtieths = [&] { return in.take(':') ? in.number(2, 2).value_or(none) : none; };
    const int h = in.number(1, 2).value_or(none), m = sixtieths(), s = sixtieths();
    if (!date.ok() || h > 23 || m > 59 || s > 59) return std::nullopt;
    auto t = timestamp(std::chrono::sys_days(date)) + std::chrono::hours(h) + std::chrono::minutes(m) + std::chrono::seconds(s);
    if (in.take('.')) t += in.fraction();
    in.take_blanks();
    const bool ahead = in.take('+');
    if (ahead || in.take('-')) {
        const auto hours = in.number(1, 2), minutes = in.take(':') ? in.number(2, 2) : std::optional(0);
        if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
        const auto zone = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
        t = ahead ? t - zone : t + zone;
    } else {
        in.take('Z');
    }
    if (!in.at_end()) return std::nullopt;
    return t;
}

}  // namespace detail

/// A date and time as PyYAML writes it, or seconds since 1970 as older versions did. Nothing for anything else, or for a year that has not four digits.
inline std::optional<timestamp> parse_moment(std::string_view text) {
    auto t = detail::date_and_time(text);
    constexpr double longest = 1e12;  // what still fits is looked at below
    if (const auto s = t ? std::nullopt : detail::number_in<double>(text); s && std::abs(*s) < longest)
        t = timestamp(std::chrono::round<std::chrono::microseconds>(seconds(*s)));
    return t && detail::can_be_written(*t) ? t : std::nullopt;
}

/// Throws config_error, with the place, for what is no such file. Keys that we do not know are kept; an empty tag is dropped.
inline old_revision parse_revision(const std::string& text, const std::string& file) {
    const auto s = parse_yaml(text, file);
    old_revision old;
    auto& r = old.r;
    r.id = s.get<std::string>("uuid");
    if (!is_revision_id(r.id)) s.refuse("uuid", "\"" + r.id + "\" is no ID that this backy can have (22 characters without 0 1 I O l, or a UUID)");
    const auto moment = s.get<std::string>("timestamp");
    const auto made_at = parse_moment(moment);
    if (!made_at) s.refuse("timestamp", "\"" + moment + "\" is no date and time");
    r.made_at = *made_at;
    if (const auto parent = s.get<std::string>("parent", ""); is_revision_id(parent)) r.parent = parent;
    for (const auto& tag : s.strings("tags"))
        if (!tag.empty() && !r.has_tag(tag)) r.tags.push_back(tag);

    constexpr std::array names{"trusted", "distrusted", "verified"};
    const auto trust = s.get<std::string>("trust", names[0]);
    const auto found = std::ranges::find(names, trust);
    if (found == names.end()) s.refuse("trust", "unknown: \"" + trust + "\"");
    r.trust = static_cast<backy::trust>(found - names.begin());

    const auto stats = s.table("stats");
    const auto written = stats.get<std::string>("bytes_written", "0");
    const auto bytes = detail::number_in<std::int64_t>(written);
    if (!bytes || *bytes < 0) stats.refuse("bytes_written", "\"" + written + "\" is no number of bytes");
    r.stats.bytes_written = static_cast<byte_count>(*bytes);
    const auto took = stats.find<std::string>("duration");
    const auto duration = took ? detail::number_in<double>(*took) : std::nullopt;
    if (took && (!duration || !(*duration >= 0) || std::isinf(*duration))) stats.refuse("duration", "\"" + *took + "\" is no number of seconds");
    old.complete = took.has_value();
    r.stats.duration = seconds(duration.value_or(0));
    old.backend = s.get<std::string>("backend_type", "cowfile");

    for (const auto& e : s.entries())  // ours would be read as such
        if (std::ranges::count(std::array{"format", "sequence", "parent", "consistency", "size", "source", "digests", "proof"}, e.key) == 0) r.unknown.add(e.key, e.value);
    return old;
}

}  // namespace backy::legacy
