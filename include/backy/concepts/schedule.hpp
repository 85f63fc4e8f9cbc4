// SPDX-License-Identifier: GPL-3.0-or-later
// Schedule: which tags a repository's revisions carry, when the next one is due, and when tags have run out.
#pragma once

#include <backy/core/section.hpp>
#include <backy/history/standing.hpp>

namespace backy {

/// What expiry does to a history.
struct expiry {
    /// A revision that lost some of its tags.
    struct change {
        revision_id id;                 ///< which one
        std::vector<std::string> tags;  ///< those it keeps
    };
    std::vector<change> retagged;      ///< they stay
    std::vector<revision_id> removed;  ///< they go, the oldest first
};

/// How old what was really done to the bytes of a repository may be (standing::proofs); nothing: it is not looked at.
struct proof_limits {
    std::optional<std::chrono::seconds> read_back;  ///< of the newest revision that counts
    std::optional<std::chrono::seconds> compared;   ///< of the newest revision that counts
    std::optional<std::chrono::seconds> verified;   ///< of every revision that counts
    bool operator==(const proof_limits&) const = default;  ///< all of them
};

/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | S::type | hana::string | its name in documents | |
/// | S::config::from(table) | S::config | of the [schedule] table; an empty one is a schedule that knows no tag | config_error |
/// | s.tags() | vector<string> | those it knows, the shortest interval first | – |
/// | s.interval_of(tag) | optional<seconds> | nothing: the schedule does not know it | – |
/// | s.proofs() | proof_limits | what else it promises | – |
/// | s.next_run(job, known, now) | optional<timestamp> | when the job's next run is due; before now: it is owed since then. Nothing: never | – |
/// | s.tags_due(job, known, after, until) | vector<string> | the tags of a run at `until`: those whose turn comes after `after`, and those missed by then | – |
/// | s.expired(history, now) | expiry | tags that have run out, revisions that are left without any | – |
///
/// laws: pure functions. tags_due of a run at next_run is not empty. expired never removes the newest revision that counts, nor a
/// tag the schedule does not know, and after it was applied it is empty.
/// threads: const members by several at once.  models: schedules::interval
template <class S>
concept Schedule = requires(const S s, const section& table, const std::string& tag, const standing& known, const history& h, timestamp t) {
    { S::type.c_str() } -> std::convertible_to<const char*>;
    { S::config::from(table) } -> std::same_as<typename S::config>;
    { s.tags() } -> std::same_as<std::vector<std::string>>;
    { s.interval_of(tag) } -> std::same_as<std::optional<std::chrono::seconds>>;
    { s.proofs() } -> std::same_as<proof_limits>;
    { s.next_run(tag, known, t) } -> std::same_as<std::optional<timestamp>>;
    { s.tags_due(tag, known, t, t) } -> std::same_as<std::vector<std::string>>;
    { s.expired(h, t) } -> std::same_as<expiry>;
} && std::constructible_from<S, typename S::config>;

}  // namespace backy
