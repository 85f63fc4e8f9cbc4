// SPDX-License-Identifier: GPL-3.0-or-later
// Catalog: where metadata live, apart from where bytes live.
#pragma once

#include <backy/concepts/store.hpp>
#include <backy/history/history.hpp>

namespace backy {

/// What a run makes or removes, announced before it does. Whoever comes next removes exactly this if it does not exist whole.
struct announcement {
    std::vector<revision_id> revisions;  ///< being made or removed
    std::vector<revision_id> snapshots;  ///< at the source, to be released unless they belong to the newest revision that counts
    std::string source;                  ///< for people
};

/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | c.lock(wait) | a movable guard | nobody else changes the repository while it lives | lock_busy unless `wait` |
/// | c.read() | history | damaged metadata are listed in it, never an error | error |
/// | c.fingerprint(thorough) | string | the same as earlier: the history has not changed; empty: it changes right now. Cheap, or by every revision | error |
/// | c.put(r) | – | new or rewritten; atomic and durable: from here on the revision exists | error |
/// | c.remove(id) | – | durable: from here on it does not; no error if there was none | error |
/// | c.announce(a) | – | durable | error |
/// | c.retire(id) | bool | remove and announce of one revision in one step that takes no space: for a full disk. False: it could only be removed | error |
/// | c.announced() | optional<announcement> | what the last run left, if it did not come to its end | error |
/// | c.at_rest() | – | nothing is announced any more, and nothing half-written is left | error |
/// | c.point(id, image) | – | `last` and `last.rev`; nothing: there is no last | error |
/// | c.digests() | RevisionSpace& | a revision's digests are a small image, cloned from its parent's | |
///
/// Digests are the engine's and not the store's: the witness must not be the accused, and a snapshot of an RBD image has no room for them.
/// requires: whoever calls a member that changes something holds the lock.
/// laws: after a crash inside put, remove or announce either the old or the new state is there, whole.
/// threads: one; reading members need no lock.  models: catalogs::files
template <class C>
concept Catalog = requires(C c, const revision& r, const revision_id& id, const announcement& a, const std::optional<revision_id>& maybe,
                           const std::optional<std::filesystem::path>& image) {
    { c.lock(bool{}) } -> std::movable;
    { c.read() } -> std::same_as<history>;
    { c.fingerprint(bool{}) } -> std::same_as<std::string>;
    { c.put(r) } -> std::same_as<void>;
    { c.remove(id) } -> std::same_as<void>;
    { c.announce(a) } -> std::same_as<void>;
    { c.retire(id) } -> std::same_as<bool>;
    { c.announced() } -> std::same_as<std::optional<announcement>>;
    { c.at_rest() } -> std::same_as<void>;
    { c.point(maybe, image) } -> std::same_as<void>;
    { c.digests() } -> RevisionSpace;
} && std::constructible_from<C, const std::filesystem::path&>;

}  // namespace backy
