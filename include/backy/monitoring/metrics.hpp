// SPDX-License-Identifier: GPL-3.0-or-later
// Metrics: a report for Prometheus, through node_exporter's textfile collector. Text that is right by OpenMetrics 1.0 and by the older
// Prometheus exposition format 0.0.4, which that collector reads: gauges only, one block for each, labels quoted.
#pragma once

#include <backy/monitoring/report.hpp>

namespace backy::monitoring {

namespace detail {

class metrics_writer {
public:
    /// Begins a metric: samples follow by add(). What has a unit has it as the end of its name.
    void metric(const std::string& name, const std::string& unit, const std::string& help) {
        name_ = "backy_" + name;
        text_ += "# TYPE " + name_ + " gauge\n";
        if (!unit.empty()) text_ += "# UNIT " + name_ + " " + unit + "\n";
        text_ += "# HELP " + name_ + " " + help + "\n";
    }
    void add(const std::vector<std::pair<std::string, std::string>>& labels, double value) {
        text_ += name_;
        for (std::size_t i = 0; i < labels.size(); ++i) text_ += (i == 0 ? "{" : ",") + labels[i].first + "=\"" + escaped(labels[i].second) + "\"";
        char number[32];
        std::snprintf(number, sizeof number, "%.16g", value);
        text_ += std::string(labels.empty() ? "" : "}") + " " + number + "\n";
    }
    std::string text() && { return std::move(text_) + "# EOF\n"; }

private:
    static std::string escaped(std::string_view value) {  // one label that is no UTF-8, and Prometheus takes none of the file
        std::string safe;
        for (const char c : on_one_line(value)) safe += c == '\\' ? "\\\\" : c == '"' ? "\\\"" : std::string(1, c);
        return safe;
    }
    std::string name_, text_;
};

}  // namespace detail

/// The label is `name`: `job` is what Prometheus calls its own. Moments are seconds since 1970. What never was has no sample, but for those from which something is late: they are 0 then.
inline std::string metrics_of(const report& r) {
    const auto at = [](timestamp t) { return std::chrono::duration<double>(t.time_since_epoch()).count(); };
    const auto at_or_0 = [&](const std::optional<timestamp>& t) { return t ? at(*t) : 0.0; };
    detail::metrics_writer out;
    const auto of_jobs = [&](const char* name, const char* unit, const char* help, auto value) {
        out.metric(name, unit, help);
        for (const auto& j : r.jobs)
            if (const std::optional<double> v = value(j)) out.add({{"name", j.job}}, *v);
    };
    using number = std::optional<double>;
    out.metric("report_timestamp_seconds", "seconds", "When the scheduler wrote this.");
    out.add({}, at(r.written));
    out.metric("trouble", "", "Troubles of the scheduler itself; the status file has their words.");
    out.add({}, static_cast<double>(r.trouble.size()));
    of_jobs("job_last_backup_timestamp_seconds", "seconds", "When the newest revision that counts was made.", [&](const job_report& j) { return j.last ? number(at(*j.last)) : std::nullopt; });
    of_jobs("job_late_from_timestamp_seconds", "seconds", "From when on the job is not within its SLA; 0: it has no revision that counts.",
            [&](const job_report& j) { return j.known ? number(j.last ? at_or_0(j.late_from) : 0) : std::nullopt; });
    of_jobs("job_last_duration_seconds", "seconds", "How long the newest revision took.", [](const job_report& j) { return j.last ? number(j.last_duration.count()) : std::nullopt; });
    of_jobs("job_failures", "", "Runs that failed since one went well.", [](const job_report& j) { return number(static_cast<double>(j.failures)); });
    of_jobs("job_distrusted_revisions", "", "Revisions that are not to be built upon.", [](const job_report& j) { return number(static_cast<double>(j.distrusted)); });
    of_jobs("job_damaged_revisions", "", "Revisions whose metadata cannot be read.", [](const job_report& j) { return number(static_cast<double>(j.damaged.size())); });
    out.metric("job_tag_late_from_timestamp_seconds", "seconds", "From when on a tag of the schedule is late; 0: no revision that counts carries it.");
    for (const auto& j : r.jobs)
        for (const auto& t : j.tags) out.add({{"name", j.job}, {"tag", t.tag}}, at_or_0(t.late_from));
    out.metric("job_proof_late_from_timestamp_seconds", "seconds", "From when on a proof is late that the schedule promises, of those that will be within a day; 0: there is none.");
    for (const auto& j : r.jobs)
        for (const auto& p : j.proofs) out.add({{"name", j.job}, {"proof", p.what}}, at_or_0(p.late_from));
    out.metric("space_free_bytes", "bytes", "What the filesystem of the base directory has free.");
    for (const auto& s : r.space) out.add({{"kind", s.kind}}, static_cast<double>(s.free));
    out.metric("space_needed_bytes", "bytes", "What the runs of the next day are expected to take of it.");
    for (const auto& s : r.space) out.add({{"kind", s.kind}}, static_cast<double>(s.needed));
    out.metric("orphan_bytes", "bytes", "What directories hold that no job owns.");
    for (const auto& o : r.orphans) out.add({{"directory", o.name}}, static_cast<double>(o.bytes));
    return std::move(out).text();
}

}  // namespace backy::monitoring
