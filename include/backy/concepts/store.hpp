// SPDX-License-Identifier: GPL-3.0-or-later
// Store: where the bytes of revisions live, and nothing else of them.
#pragma once

#include <backy/concepts/image.hpp>
#include <backy/core/journal.hpp>
#include <backy/core/section.hpp>
#include <backy/history/revision_id.hpp>

#include <filesystem>
#include <optional>

namespace backy {

/// A revision that does not exist yet.
///
/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | w.write(offset, in), w.zero(extent) | – | whole blocks but for the tail | error |
/// | w.copied() | byte_count | bytes of the parent that had to be copied, because they could not be shared: they are read back too | – |
/// | w.seal() | SealedImage | all is durable and nothing is written afterwards | error |
/// | w.commit() | – | after seal: the revision stands under its ID, durably | error |
///
/// One that can share bytes with a file beside it has `w.adopt(file, extent)`, too: true, and they are written, at the same offset; false:
/// it cannot, and nothing was done. (The backup asks it where the snapshot has `frozen_file()`.)
/// threads: write, zero and adopt by several at once, in different windows.
/// ends: the destructor lets go of handles and undoes nothing; Store::remove undoes.
template <class W>
concept RevisionWriter = std::movable<W> && requires(W w, byte_count offset, const_block in, extent e) {
    { w.write(offset, in) } -> std::same_as<void>;
    { w.zero(e) } -> std::same_as<void>;
    { w.copied() } -> std::same_as<byte_count>;
    w.seal();
    { w.commit() } -> std::same_as<void>;
} && SealedImage<decltype(std::declval<W&>().seal())>;

/// What a store writes a revision with.
template <class S>
using writer_of = decltype(std::declval<S&>().begin(std::declval<const revision_id&>(), byte_count{}, std::declval<const std::optional<revision_id>&>()));

/// What a Catalog's digests are kept in: a Store without a place in a configuration.
///
/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | s.begin(id, size, parent) | RevisionWriter | holds the parent's bytes, cut or extended by zeroes to `size`; all zeroes without a parent | error |
/// | s.open(id) | Image | | missing_revision if it was not committed; error |
/// | s.examine(id) | SealedImage | the same, read from the medium: what verify believes | as open |
/// | s.remove(id) | – | afterwards nothing of it is left, committed, sealed or half-written; no error if there was nothing | error |
///
/// There is no resize (the size is known once the source is frozen) and no recover (undoing a killed run is removing the ID
/// that .run names): calls that do not exist cannot be forgotten.
/// laws: a revision never changes once it is committed, whatever happens to its parent or children; remove is idempotent.
/// threads: one writer at a time (the repository's lock), any number of readers.
template <class S>
concept RevisionSpace = requires(S s, const revision_id& id, byte_count size, const std::optional<revision_id>& parent) {
    s.begin(id, size, parent);
    { s.open(id) } -> Image;
    { s.examine(id) } -> SealedImage;
    { s.remove(id) } -> std::same_as<void>;
} && RevisionWriter<writer_of<S>>;

/// A RevisionSpace that a configuration can name.
///
/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | S::type, S::config::from(table) | | as of a Source | config_error |
/// | S(config, repository, journal) | | the repository's directory, for stores that keep their bytes in it | error |
///
/// models: stores::image; tests/support has one of snapshots of a single image (as RBD would be) and one of chunks
template <class S>
concept Store = RevisionSpace<S> && requires(const section& table) {
    { S::type.c_str() } -> std::convertible_to<const char*>;
    { S::config::from(table) } -> std::same_as<typename S::config>;
} && std::constructible_from<S, typename S::config, const std::filesystem::path&, journal&>;

/// A Store whose revisions are files, each at `s.path(id)`: what `find`, `last` and dd need.
template <class S>
concept FileStore = Store<S> && requires(const S s, const revision_id& id) {
    { s.path(id) } -> std::same_as<std::filesystem::path>;
};

/// A Store whose medium may be full, and that can tell before it is.
///
/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | s.require_room(n) | – | a revision that takes n bytes more may begin | no_space, error |
template <class S>
concept BoundedStore = Store<S> && requires(const S s, byte_count n) {
    { s.require_room(n) } -> std::same_as<void>;
};

/// A Store that can tell what its revisions have in common.
///
/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | s.shared(a, b, size) | block_map | of a volume of `size` bytes: blocks of two revisions that are one on the medium, at the same offset, so that reading one reads the other; what is uncertain is left out | missing_revision, error |
template <class S>
concept SharingStore = Store<S> && requires(const S s, const revision_id& id, byte_count size) {
    { s.shared(id, id, size) } -> std::same_as<block_map>;
};

/// What revisions together take on the medium, and what they use of that: each byte once, however many share it.
struct layout {
    byte_count held = 0;     ///< on the medium
    byte_count used = 0;     ///< of that by any of them
    byte_count to_copy = 0;  ///< by relayout
    /// 1: nothing is held that is not used.
    double ratio() const { return used == 0 ? 1 : static_cast<double>(held) / static_cast<double>(used); }
};

/// A Store whose revisions can come to hold more than they use, as those before and after them go.
///
/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | s.layout_of(ids) | optional<layout> | nothing: it cannot be told, or there is nothing to tell | error |
/// | s.relayout(ids) | byte_count | gives back what is held and not used by copying what is; how much that was | error, also when the process was asked to end |
///
/// laws: relayout changes no byte of any revision, also when it is killed, and needs no lock: whoever reads or makes revisions goes on.
template <class S>
concept AgeingStore = Store<S> && requires(const S s, const std::vector<revision_id>& ids) {
    { s.layout_of(ids) } -> std::same_as<std::optional<layout>>;
    { s.relayout(ids) } -> std::same_as<byte_count>;
};

}  // namespace backy
