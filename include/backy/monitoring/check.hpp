// SPDX-License-Identifier: GPL-3.0-or-later
// check: a report, told as a Nagios plug-in does: one line, performance data behind `|`, then the details
// (Monitoring Plugins Development Guidelines, "Plugin Output" and "Performance data").
#pragma once

#include <backy/core/text.hpp>
#include <backy/monitoring/report.hpp>

namespace backy::monitoring {

enum class level : int { ok = 0, warning = 1, critical = 2, unknown = 3 };

struct verdict {
    monitoring::level level;
    std::string text;  ///< lines
};

inline constexpr std::chrono::minutes stale_after{5};  ///< a status file that old was written by no daemon that is well

/// `|` begins performance data, and what stands in a name must not end a line.
inline std::string plugin_text(std::string_view text) {
    auto safe = on_one_line(text);
    std::ranges::replace(safe, '|', '/');
    return safe;
}

namespace detail {

inline std::string when(const std::optional<timestamp>& t) { return t ? to_text(*t) + " UTC" : "-"; }

inline std::string count_of(std::size_t n, const char* one, const char* many) { return std::to_string(n) + " " + (n == 1 ? one : many); }

struct findings {
    std::vector<std::string> late, warnings, remarks, beside_volume;
    std::size_t failing = 0, known = 0;
    std::optional<timestamp> oldest;
};

inline void look_at(const job_report& j, timestamp now, findings& f) {
    const auto warn = [&](const std::string& text) { f.warnings.push_back(j.job + ": " + text); };
    const auto remark = [&](const std::string& text) { f.remarks.push_back(j.job + ": " + text); };
    constexpr std::chrono::minutes ahead{5};  // more than clocks differ that are kept in step
    const bool late = j.late(now);
    f.known += j.known;
    if (late) f.late.push_back(j.job + " (last time: " + when(j.last) + ")" + (j.trouble.empty() ? "" : ", last run: " + j.trouble));
    if (j.last && (!f.oldest || *j.last < *f.oldest)) f.oldest = j.last;
    if (j.last && *j.last > now + ahead) warn("its last backup is dated in the future, " + when(j.last) + " (was the clock wrong?)");
    if (!late)
        for (const auto& t : j.tags)
            if (!t.late_from || now > *t.late_from) warn("tag " + t.tag + " is late (last time: " + when(t.last) + ")");
    for (const auto& p : j.proofs)
        if (p.late(now)) warn("proof " + p.what + " is late (last time: " + when(p.last) + ")");
    if (j.failures >= 2) ++f.failing, warn(count_of(j.failures, "failure", "failures") + " in a row: " + j.trouble + " (its backy.log has more)");
    else if (j.failures == 0 && !j.trouble.empty()) warn(j.trouble);
    if (j.distrusted > 0) warn(count_of(j.distrusted, "revision is", "revisions are") + " distrusted (backy verify --distrusted, or forget)");
    for (const auto& why : j.damaged) warn(why);
    for (const auto& name : j.strangers) remark(name);
    for (const auto& use : j.tags_by_hand)
        remark("tag " + use.tag + " is not in the schedule and never expires: " + count_of(use.revisions, "revision", "revisions") + ", " + to_size(use.bytes_written));
    if (j.beside_volume) f.beside_volume.push_back(j.job);
}

inline findings look_at(const report& r, timestamp now) {
    findings f;
    for (const auto& j : r.jobs) look_at(j, now, f);
    if (const auto unknown = r.jobs.size() - f.known; unknown > 0)
        f.warnings.push_back(count_of(unknown, "job has", "jobs have") + " not been looked at yet");
    if (const auto n = f.beside_volume.size(); n > 0) {
        constexpr std::size_t named = 10;
        if (n > named) f.beside_volume.resize(named), f.beside_volume.push_back("…");
        f.remarks.push_back(count_of(n, "volume is", "volumes are") + " on the filesystem of the backups, so that one fault takes both: " + join(f.beside_volume, ", "));
    }
    for (const auto& o : r.orphans) f.warnings.push_back(o.name + ": no job owns this directory, " + to_size(o.bytes));
    for (const auto& s : r.space)
        if (s.free < s.needed) f.warnings.push_back("space for " + s.kind + ": " + to_size(s.free) + " free, the next runs need " + to_size(s.needed));
    for (const auto& text : r.trouble) f.warnings.push_back(text);
    return f;
}

inline std::string performance(const report& r, const findings& f, timestamp now) {
    const auto age = f.oldest ? std::chrono::floor<std::chrono::seconds>(now - *f.oldest).count() : 0;
    auto text = "jobs=" + std::to_string(r.jobs.size()) + " late=" + std::to_string(f.late.size()) + ";;0 failing=" + std::to_string(f.failing) +
                ";0 warnings=" + std::to_string(f.warnings.size()) + ";0 oldest=" + std::to_string(std::max<std::int64_t>(age, 0)) + "s";
    for (const auto& s : r.space) text += " " + plugin_text(s.kind) + "_free=" + std::to_string(s.free) + "B;" + std::to_string(s.needed) + ":";
    return text;
}

}  // namespace detail

/// Late jobs are critical, with the time of their last good revision; what will become so if nobody looks is a warning.
inline verdict check(const report& r, timestamp now) {
    using detail::count_of;
    const auto f = detail::look_at(r, now);
    const auto within = count_of(r.jobs.size() - f.late.size(), "job", "jobs") + " within SLA";
    verdict v{level::ok, "OK: " + within};
    if (!f.late.empty()) v = {level::critical, "CRITICAL: " + count_of(f.late.size(), "job", "jobs") + " not within SLA"};
    else if (f.warnings.size() == 1) v = {level::warning, "WARNING: " + plugin_text(f.warnings[0])};
    else if (!f.warnings.empty()) v = {level::warning, "WARNING: " + count_of(f.warnings.size(), "warning", "warnings") + ", " + within};
    v.text += " | " + detail::performance(r, f, now) + '\n';
    for (const auto& line : f.late) v.text += plugin_text(line) + '\n';
    if (!f.late.empty() || f.warnings.size() > 1)
        for (const auto& line : f.warnings) v.text += "warning: " + plugin_text(line) + '\n';
    for (const auto& line : f.remarks) v.text += "remark: " + plugin_text(line) + '\n';
    return v;
}

/// Of a status file: its age is looked at before its content.
inline verdict check_file(const std::string& path, const std::optional<timestamp>& modified, timestamp now, auto read) {
    if (!modified) return {level::unknown, "UNKNOWN: No status file found at " + plugin_text(path) + "\n"};
    if (now - *modified >= stale_after + std::chrono::seconds(1)) return {level::critical, "CRITICAL: Status file is older than 5 minutes\n"};
    return check(parse_json<report>(read(), path), now);
}

}  // namespace backy::monitoring
