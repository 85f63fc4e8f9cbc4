// SPDX-License-Identifier: GPL-3.0-or-later
// Source: what is backed up. It freezes a volume into a Snapshot.
#pragma once

#include <backy/concepts/snapshot.hpp>
#include <backy/core/journal.hpp>
#include <backy/core/section.hpp>

#include <filesystem>

namespace backy {

/// What a source freezes a volume into.
template <class S>
using snapshot_of = decltype(std::declval<S&>().freeze(std::declval<const revision_id&>()));

/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | S::type | hana::string | its name in a configuration | |
/// | S::parse(spelling) | section | the table that `init TYPE SOURCE` writes for a SOURCE | config_error |
/// | S::config::from(table) | S::config | checks every key; touches nothing | config_error |
/// | S(config, journal) | | touches nothing; the journal outlives it | |
/// | s.name() | std::string | for people: "/srv/vm.img", "rbd/test02" | – |
/// | s.freeze(id) | Snapshot | from here on a snapshot of this ID exists, also if the process dies; a frozen guest is thawed before it returns | error |
/// | s.snapshots() | vector<revision_id> | those that exist now, whoever made them; the engine knows which are ours | error |
/// | s.release(id) | – | no Snapshot object of that ID lives any more; afterwards there is none; no error if there was none | error |
///
/// laws: restore(backup(v)) equals v as it was frozen; release after release is fine; snapshots() holds id from freeze to release,
/// or never does (a source that keeps nothing outside its process).
/// threads: one.  models: sources::file; tests/support has one in memory that tells its changes
template <class S>
concept Source = requires(S s, const revision_id& id, const section& table, const std::string& spelling) {
    { S::type.c_str() } -> std::convertible_to<const char*>;
    { S::parse(spelling) } -> std::same_as<section>;
    { S::config::from(table) } -> std::same_as<typename S::config>;
    { s.name() } -> std::same_as<std::string>;
    s.freeze(id);
    { s.snapshots() } -> std::same_as<std::vector<revision_id>>;
    { s.release(id) } -> std::same_as<void>;
} && Snapshot<snapshot_of<S>> && std::constructible_from<S, typename S::config, journal&>;  // (not in the list: there g++ would not say what the snapshot lacks)

/// A source whose volume is a file or a device of this machine: `s.path()`.
template <class S>
concept FileSource = Source<S> && requires(const S s) {
    { s.path() } -> std::same_as<std::filesystem::path>;
};

/// How a source is backed up whose snapshots tell what changed.
struct tracking {
    /// Of a configuration.
    static constexpr std::array<std::string_view, 3> keys{"full-always", "compared-within-runs", "compare-time-limit"};

    bool has_map = true;                   ///< false: as it is configured its snapshots tell nothing, and none is kept
    bool full_always = false;              ///< every run reads everything, and no snapshot is kept for the next one
    unsigned compared_within = 30;         ///< so many runs compare all that is allocated, a part of it each
    std::chrono::seconds compare_limit{};  ///< for comparing what the change map leaves out, per run; 0: as long as it takes
    bool operator==(const tracking&) const = default;  ///< all that is configured

    /// Throws config_error.
    static tracking from(const section& table) {
        const auto within = table.get<std::int64_t>("compared-within-runs", 30);
        if (within < 1 || within > 10'000) table.refuse("compared-within-runs", "must be 1 to 10000");
        const auto limit = table.get<std::string>("compare-time-limit", "0s");
        const auto parsed = limit == "0s" ? std::chrono::seconds(0) : parse_duration(limit);
        if (!parsed) table.refuse("compare-time-limit", "must be a number with s, m, h, d or w, or \"0s\" for none: \"" + limit + "\"");
        return {true, table.get<bool>("full-always", false), static_cast<unsigned>(within), *parsed};
    }
};

/// A source whose `freeze` returns DeltaSnapshots: `s.tracked()` says what is made of their change maps.
template <class S>
concept TrackedSource = Source<S> && requires(S s, const revision_id& id) {
    { s.freeze(id) } -> DeltaSnapshot;
    { s.tracked() } -> std::same_as<tracking>;
};

/// What is made of the change maps of any source; of one without them nothing.
template <Source S>
tracking tracking_of(S& source) {
    if constexpr (TrackedSource<S>) return source.tracked();
    else return {.has_map = DeltaSnapshot<decltype(source.freeze({}))>};
}

}  // namespace backy
