// SPDX-License-Identifier: GPL-3.0-or-later
// Image: bytes that can be read. A frozen volume, an opened revision, a file to restore to and a table of digests all are one.
#pragma once

#include <backy/core/block_map.hpp>

#include <concepts>
#include <string>

namespace backy {

/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | i.size() | byte_count | constant, unless its owner resizes it | – |
/// | i.read(offset, out) | – | fills `out`; never short | error, when it cannot |
/// | i.extents(visit) | – | ascending; every byte outside of them is zero. More may be visited, never less | error |
///
/// requires: reads lie within the size; offsets and the memory of whole blocks are aligned (core/bytes.hpp, aligned_buffer).
/// threads: const members may be called by several at once.
/// minimal: tests/archetypes/archetypes.hpp.  models: io::file, every snapshot, what a Store opens
template <class I>
concept Image = std::movable<I> && requires(const I i, byte_count offset, block out, const extent_visitor& visit) {
    { i.size() } -> std::same_as<byte_count>;
    { i.read(offset, out) } -> std::same_as<void>;
    { i.extents(visit) } -> std::same_as<void>;
};

/// An Image of what a medium holds, for the read-back after writing.
///
/// | expression | returns | meaning |
/// |---|---|---|
/// | i.was_uncached() | bool | every read so far was answered by the medium; false: by a cache, perhaps. Goes into the proof |
template <class I>
concept SealedImage = Image<I> && requires(const I i) {
    { i.was_uncached() } -> std::same_as<bool>;
};

/// Every block in which the image may hold something else than zeroes, of a volume of `size` bytes.
block_map allocated(const Image auto& image, byte_count size) {
    block_map map(size);
    image.extents([&](extent e) { map.add(e); });
    return map;
}

/// For people and proofs: where the bytes came from that were read so far.
std::string origin_of(const SealedImage auto& image) { return image.was_uncached() ? "from the disk" : "through the page cache"; }

/// An Image that is somebody else's, who outlives it.
template <Image I>
class image_view {
public:
    /// Of that one.
    explicit image_view(const I& image) : image_(&image) {}
    byte_count size() const { return image_->size(); }                            ///< as of an Image
    void read(byte_count offset, block out) const { image_->read(offset, out); }  ///< as of an Image
    void extents(const extent_visitor& visit) const { image_->extents(visit); }   ///< as of an Image

private:
    const I* image_;
};

}  // namespace backy
