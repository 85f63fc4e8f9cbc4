// SPDX-License-Identifier: GPL-3.0-or-later
// Facts: everything that is known of a revision, for programs.
#pragma once

#include <backy/cli/command.hpp>
#include <backy/cli/json.hpp>
#include <backy/history/metadata.hpp>

namespace backy::cli {

/// What deserves a look: "distrusted", "live", "damaged".
std::vector<std::string> marks_of(const revision& r, auto& store) {
    std::vector<std::string> marks;
    if (r.trust == trust::distrusted) marks.push_back("distrusted");
    if (r.consistency == consistency::live) marks.push_back("live");
    try {
        if (store.open(r.id).size() != r.size && r.size_is_known()) marks.push_back("damaged");
    } catch (const error&) {
        marks.push_back("damaged");
    }
    return marks;
}

/// In the order of a run.
inline std::vector<std::pair<std::string, proof>> proofs_of(const revision& r) {
    std::vector<std::pair<std::string, proof>> all;
    for (const auto& [name, proof] : {std::pair("durable", r.durable), {"read_back", r.read_back}, {"compared", r.compared}, {"verified", r.verified}})
        if (proof) all.emplace_back(name, *proof);
    return all;
}

json facts_of(const revision& r, auto& store, const Schedule auto& schedule) {
    json one{{"uuid", r.id}, {"timestamp", to_rfc3339(r.made_at)}, {"tags", sorted_tags(r.tags, schedule)}, {"trust", name_of(r.trust)},
             {"consistency", name_of(r.consistency)}, {"size", r.size}, {"marks", marks_of(r, store)}};
    one["sequence"] = r.sequence ? json(*r.sequence) : json();
    one["parent"] = r.parent ? json(*r.parent) : json();
    one["source"] = {{"type", r.source.type}, {"name", r.source.name}, {"identity", r.source.identity}};
    one["stats"] = {{"bytes_written", r.stats.bytes_written}, {"bytes_read", r.stats.bytes_read}, {"duration", r.stats.duration.count()}};
    one["digests"] = r.digests ? json{{"algorithm", r.digests->algorithm}, {"block_size", r.digests->block_size}, {"sha256", r.digests->sha256}} : json();
    one["proof"] = json::object();
    for (const auto& [name, proof] : proofs_of(r)) one["proof"][name] = {{"at", to_rfc3339(proof.at)}, {"part", proof.part}};
    return one;
}

}  // namespace backy::cli
