// SPDX-License-Identifier: GPL-3.0-or-later
// Snapshot: a volume as it was frozen under the ID of a revision.
#pragma once

#include <backy/concepts/image.hpp>
#include <backy/history/revision.hpp>

namespace backy {

/// An Image, and what only the frozen thing can say of itself without a race. A store cannot: of a revision it is in the catalog.
///
/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | s.identity() | std::string | of the volume: another one under the same name has another; empty: cannot tell | – |
/// | s.consistency() | consistency | how the volume stood while it is read | – |
/// | s.remarks() | vector<string> | what went wrong though the snapshot is good; a run with any exits 3 | – |
/// | s.attest() | – | asked after the last read: every read so far was of the frozen volume | error, if it cannot be sure of that |
///
/// One that is a file has `s.frozen_file()`, too: a pointer to it if it stays as it is whatever happens to the volume, else null.
/// laws: unless live, two reads of a range give equal bytes.
/// ends: the destructor lets go of handles; the snapshot stays until Source::release, by this process or the next.
template <class S>
concept Snapshot = Image<S> && requires(const S s) {
    { s.identity() } -> std::same_as<std::string>;
    { s.consistency() } -> std::same_as<consistency>;
    { s.remarks() } -> std::same_as<std::vector<std::string>>;
    { s.attest() } -> std::same_as<void>;
};

/// A Snapshot that can tell what changed since an older one.
///
/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | s.changed_since(base, visit) | optional<string> | visits what may differ from the snapshot of that ID; a text: why it cannot tell, and what was visited means nothing | error |
///
/// A hint and never the truth: the engine compares a sample of what it leaves out.
template <class S>
concept DeltaSnapshot = Snapshot<S> && requires(const S s, const revision_id& base, const extent_visitor& visit) {
    { s.changed_since(base, visit) } -> std::same_as<std::optional<std::string>>;
};

/// A DeltaSnapshot whose base somebody else could change.
///
/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | s.mark_of(id) | std::string | of the snapshot of that ID: another one once anybody has changed or replaced it; empty: there is none | error |
template <class S>
concept MarkedSnapshot = DeltaSnapshot<S> && requires(const S s, const revision_id& id) {
    { s.mark_of(id) } -> std::same_as<std::string>;
};

}  // namespace backy
