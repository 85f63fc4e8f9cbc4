// SPDX-License-Identifier: GPL-3.0-or-later
// Metadata: a revision as a table of keys and back (docs/format.md). Which language the table is written in is the catalog's.
#pragma once

#include <backy/history/revision.hpp>

#include <array>
#include <limits>

namespace backy {

inline constexpr std::int64_t metadata_format = 1;

inline constexpr std::array trust_names{"trusted", "distrusted", "verified"};
inline constexpr std::array consistency_names{"live", "crash", "application"};
inline std::string name_of(trust t) { return trust_names[static_cast<std::size_t>(t)]; }
inline std::string name_of(consistency c) { return consistency_names[static_cast<std::size_t>(c)]; }

namespace detail {

template <class Enum, std::size_t N>
Enum one_of(const section& s, const char* key, const std::array<const char*, N>& names, Enum otherwise) {
    const auto text = s.find<std::string>(key);
    if (!text) return otherwise;
    const auto found = std::ranges::find(names, *text);
    if (found == names.end()) s.refuse(key, "unknown: \"" + *text + "\"");
    return static_cast<Enum>(found - names.begin());
}

inline byte_count count_of(const section& s, const char* key, std::int64_t otherwise) {
    const auto n = s.get<std::int64_t>(key, otherwise);
    if (n < 0) s.refuse(key, "negative");
    return static_cast<byte_count>(n);
}

inline value number(std::uint64_t n) {
    return {static_cast<std::int64_t>(std::min<std::uint64_t>(n, std::numeric_limits<std::int64_t>::max()))};
}

inline void put_proof(section& all, const char* key, const std::optional<proof>& p) {
    if (p) all.set(key, {section().set("at", {p->at}).set("part", {p->part})});
}
inline std::optional<proof> get_proof(const section& all, const char* key) {
    const auto table = all.find<section>(key);
    if (!table) return std::nullopt;
    return proof{table->get<timestamp>("at"), table->get<std::string>("part", "")};
}

inline void keep_unknown(section& known, const section& read) {
    for (const auto& e : read.entries()) {
        if (!known.has(e.key)) known.set(e.key, e.value);
        else if (const auto* const table = std::get_if<section>(&e.value.held)) {
            auto both = known.table(e.key);
            keep_unknown(both, *table);
            known.set(e.key, {both});
        }
    }
}

}  // namespace detail

/// Known keys first, in an order that reads well; then those it was read with and that are not known here.
inline section to_section(const revision& r) {
    section s;
    s.set("format", {metadata_format}).set("uuid", {r.id});
    if (r.sequence) s.set("sequence", detail::number(*r.sequence));
    s.set("timestamp", {r.made_at});
    if (r.parent) s.set("parent", {*r.parent});
    std::vector<value> tags;
    for (const auto& tag : r.tags) tags.push_back({tag});
    s.set("tags", {tags}).set("trust", {name_of(r.trust)}).set("consistency", {name_of(r.consistency)}).set("size", detail::number(r.size));
    auto source = section().set("type", {r.source.type}).set("name", {r.source.name}).set("identity", {r.source.identity});
    if (!r.source.snapshot.empty()) source.set("snapshot", {r.source.snapshot});
    s.set("source", {source});
    s.set("stats", {section()
                        .set("bytes_written", detail::number(r.stats.bytes_written))
                        .set("bytes_read", detail::number(r.stats.bytes_read))
                        .set("duration", {r.stats.duration.count()})});
    if (r.digests)
        s.set("digests", {section()
                              .set("algorithm", {r.digests->algorithm})
                              .set("block_size", detail::number(r.digests->block_size))
                              .set("sha256", {r.digests->sha256})});
    section proofs;
    detail::put_proof(proofs, "durable", r.durable);
    detail::put_proof(proofs, "read_back", r.read_back);
    detail::put_proof(proofs, "compared", r.compared);
    detail::put_proof(proofs, "verified", r.verified);
    if (!proofs.entries().empty()) s.set("proof", {proofs});
    detail::keep_unknown(s, r.unknown);
    return s;
}

/// Throws config_error for a newer format, a missing key or a wrong type.
inline revision revision_of(const section& s) {
    if (const auto format = s.get<std::int64_t>("format", metadata_format); format > metadata_format)
        s.refuse("format", "format " + std::to_string(format) + " is newer than this backy, which knows " + std::to_string(metadata_format));
    revision r;
    r.id = s.get<std::string>("uuid");
    if (s.has("sequence")) r.sequence = detail::count_of(s, "sequence", 0);
    r.made_at = s.get<timestamp>("timestamp");
    r.parent = s.find<std::string>("parent");
    r.tags = s.strings("tags");
    r.trust = detail::one_of(s, "trust", trust_names, trust::trusted);
    r.consistency = detail::one_of(s, "consistency", consistency_names, consistency::live);
    r.size = detail::count_of(s, "size", 0);
    const auto source = s.table("source");
    r.source = {source.get<std::string>("type", ""), source.get<std::string>("name", ""), source.get<std::string>("identity", ""), source.get<std::string>("snapshot", "")};
    const auto stats = s.table("stats");
    r.stats = {detail::count_of(stats, "bytes_written", 0), detail::count_of(stats, "bytes_read", 0),
               seconds(stats.get<double>("duration", 0.0))};
    if (const auto d = s.find<section>("digests"))
        r.digests = {d->get<std::string>("algorithm"), detail::count_of(*d, "block_size", 0), d->get<std::string>("sha256")};
    const auto proofs = s.table("proof");
    r.durable = detail::get_proof(proofs, "durable");
    r.read_back = detail::get_proof(proofs, "read_back");
    r.compared = detail::get_proof(proofs, "compared");
    r.verified = detail::get_proof(proofs, "verified");
    r.unknown = s;
    return r;
}

}  // namespace backy
