// SPDX-License-Identifier: GPL-3.0-or-later
// backy status [--json]
#pragma once

#include <backy/cli/facts.hpp>
#include <backy/monitoring/report.hpp>

namespace backy::cli {

/// "proven: compared 2015-11-05 10:32:03, verified - (late)": what the schedule promises; "" if that is nothing.
inline std::string proofs_line(const history& h, const proof_limits& limits, timestamp now) {
    std::vector<std::string> parts;
    for (const auto& p : monitoring::judge_proofs(standing_of(h), limits))
        parts.push_back(p.what + " " + (p.last ? to_text(*p.last) : "-") + (p.late(now) ? " (late)" : ""));
    return parts.empty() ? "" : "proven: " + join(parts, ", ") + "\n";
}

std::string status_table(const history& h, auto& store, const Schedule auto& schedule, timestamp now) {
    text_table table({"Date", "ID", "Size", "Durat", "Tags"}, {2, 3});
    byte_count written = 0;
    for (const auto& r : h.revisions) {
        char duration[32];
        std::snprintf(duration, sizeof duration, "%.1f s", r.stats.duration.count());
        const auto marks = marks_of(r, store);
        table.add({to_text(r.made_at), r.id.substr(0, shown_id_length), to_size(r.stats.bytes_written), duration,
                   join(sorted_tags(r.tags, schedule), ",") + (marks.empty() ? "" : " (" + join(marks, ", ") + ")")});
        written += r.stats.bytes_written;
    }
    for (const auto& d : h.damaged) table.add({"-", d.id.substr(0, shown_id_length), "-", "-", "(damaged)"});
    return table.to_text() + "== Summary\n" + counted(h.revisions.size() + h.damaged.size(), "revision") + '\n' + to_size(written) + " data (estimated)\n" +
           proofs_line(h, schedule.proofs(), now);
}

json status_json(const history& h, auto& store, const Schedule auto& schedule) {
    json all{{"format", json_format}, {"revisions", json::array()}, {"damaged", json::array()}, {"strangers", h.strangers}};
    for (const auto& r : h.revisions) all["revisions"].push_back(facts_of(r, store, schedule));
    for (const auto& d : h.damaged) all["damaged"].push_back({{"uuid", d.id}, {"why", d.why}});
    return all;
}

template <Composition B>
void add_status(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("status", "The revisions, oldest first");
    const auto as_json = std::make_shared<bool>(false);
    command->add_flag("--json", *as_json, "Everything that is known, as JSON");
    command->callback([&call, as_json] {
        call.run = [&call, as_json] {
            with_revisions<B>(call, intent::read, [&](auto& repository, auto& schedule, auto& log) {
                confine_to_files(repository);
                const auto h = repository.catalog().read();
                report_damage(h, log);
                if (*as_json) print(status_json(h, repository.store(), schedule));
                else std::cout << status_table(h, repository.store(), schedule, repository.clock().now());
            });
            return success;
        };
    });
}

}  // namespace backy::cli
