// SPDX-License-Identifier: GPL-3.0-or-later
// Digests: what the blocks of a revision ought to be. A digests file is an Image, a header of 4 KiB and then one digest for each
// block of 64 KiB at its index; a block of zeroes has a digest of zeroes, so the file has holes where the volume has (docs/format.md).
#pragma once

#include <backy/concepts/hash.hpp>
#include <backy/concepts/image.hpp>
#include <backy/core/error.hpp>
#include <backy/core/sha256.hpp>

#include <bit>
#include <optional>

namespace backy {

/// The head of a digests file. Numbers are little-endian; what is not used is zero. Inherited from the parent's, with its key.
struct digests_header {
    std::array<char, 8> magic{'b', 'a', 'c', 'k', 'y', 'd', 'g', '\0'};
    std::uint32_t version = 1;
    std::uint32_t digest_size = 0;
    std::uint64_t block_size = backy::block_size;
    std::array<char, 16> algorithm{};
    std::array<std::byte, 32> key{};
};
static_assert(std::endian::native == std::endian::little && sizeof(digests_header) == 72);

/// Some blocks held against their digests. Bit i is block i of the data.
template <Hash H>
struct comparison {
    std::uint64_t differing = 0;  ///< not what the table says
    std::uint64_t zero = 0;       ///< zeroes, whatever the table says
    std::array<typename H::digest, window_blocks> digests{};  ///< of the data
};

/// What a table of digests does whatever it is made of. threads: const members by several at once.
template <Hash H>
class digester {
public:
    explicit digester(const typename H::key& key) : key_(key), hash_(key) {}
    const typename H::key& key() const { return key_; }

    /// Up to one window of data, beginning with a block; the last one may be short.
    comparison<H> compare(const_block data, std::span<const typename H::digest> known) const {
        comparison<H> c;
        for (std::size_t i = 0; i * block_size < data.size(); ++i) {
            const auto b = blocks_in(data, i, 1);
            if (is_zero(b)) c.zero |= std::uint64_t{1} << i;
            else c.digests[i] = hash_(b);
            if (i >= known.size() ? c.digests[i] != typename H::digest{} : c.digests[i] != known[i]) c.differing |= std::uint64_t{1} << i;
        }
        return c;
    }

private:
    typename H::key key_;
    H hash_;
};

template <Hash H>
struct digests_layout {
    static constexpr byte_count start = 4_KiB, width = sizeof(typename H::digest);
    static byte_count size_for(byte_count volume) { return start + blocks_of(volume) * width; }
    static byte_count place_of(byte_count offset) { return start + offset / block_size * width; }

    static digests_header header_for(const typename H::key& key) {
        digests_header h;
        h.digest_size = static_cast<std::uint32_t>(width);
        const std::string_view algorithm(H::type.c_str());
        std::ranges::copy(algorithm.substr(0, h.algorithm.size()), h.algorithm.begin());
        if constexpr (!std::is_empty_v<typename H::key>) {
            static_assert(sizeof(key) <= sizeof(h.key));
            std::memcpy(h.key.data(), &key, sizeof key);
        }
        return h;
    }
    /// Throws store_error for a file of another kind, version, algorithm or block size.
    static typename H::key key_in(const Image auto& image) {
        digests_header h;
        if (image.size() < start) throw store_error("digests", "shorter than their header");
        image.read(0, bytes_of(h));
        typename H::key key{};
        if constexpr (!std::is_empty_v<typename H::key>) std::memcpy(&key, h.key.data(), sizeof key);
        if (const auto ours = header_for(key); std::memcmp(&h, &ours, sizeof h) != 0)
            throw store_error("digests", std::string("not a table of format 1 by ") + H::type.c_str() + " over blocks of 64 KiB");
        return key;
    }
};

/// A digests file, or without one the table of a volume of zeroes.
template <Hash H, Image I>
class digest_table {
public:
    using hash = H;
    using layout = digests_layout<H>;

    explicit digest_table(const typename H::key& key) : digester_(key) {}
    explicit digest_table(I image) : image_(std::move(image)), digester_(layout::key_in(*image_)) {}

    const typename H::key& key() const { return digester_.key(); }
    /// One read of the table, and one pass of the hash over the data.
    comparison<H> compare(byte_count offset, const_block data) const {
        const auto count = blocks_of(data.size());
        const auto digests = known(offset, count);
        return digester_.compare(data, std::span(digests).first(count));
    }
    /// Blocks that another table says something else of; all, if its key is another.
    block_map differing(const digest_table& other, byte_count size) const {
        block_map map(size);
        const auto ours = layout::header_for(key()), theirs = layout::header_for(other.key());
        if (std::memcmp(&ours, &theirs, sizeof ours) != 0) return map.add({0, size}), map;
        for (byte_count at = 0; at < size; at += window_size) {
            const auto count = blocks_of(std::min(window_size, size - at));
            const auto here = known(at, count), there = other.known(at, count);
            for (byte_count i = 0; i < count; ++i)
                if (here[i] != there[i]) map.add({at + i * block_size, 1});
        }
        return map;
    }
    /// Blocks with a digest, and some beside them: a page of the file covers many.
    block_map allocated(byte_count size) const {
        block_map map(size);
        if (image_)
            image_->extents([&](extent e) {
                const auto from = std::max(e.offset, layout::start), to = std::max(e.offset + e.length, layout::start);
                const auto first = (from - layout::start) / layout::width, last = divide_up(to - layout::start, layout::width);
                map.add({first * block_size, (last - first) * block_size});
            });
        return map;
    }

private:
    std::array<typename H::digest, window_blocks> known(byte_count offset, byte_count count) const {
        std::array<typename H::digest, window_blocks> digests{};
        const auto place = layout::place_of(offset);
        if (image_ && image_->size() > place)
            image_->read(place, std::as_writable_bytes(std::span(digests)).first(std::min(count * layout::width, image_->size() - place)));
        return digests;
    }

    std::optional<I> image_;
    digester<H> digester_;
};

/// The same answers without a digests file, from the bytes of the revision themselves: for one that came from elsewhere, or whose
/// digests are damaged. Costs a read of the revision where a table costs a 4,096th of it.
template <Hash H, Image I>
class computed_digests {
public:
    computed_digests(const typename H::key& key, I image) : image_(std::move(image)), digester_(key) {}
    const typename H::key& key() const { return digester_.key(); }

    comparison<H> compare(byte_count offset, const_block data) const {
        const auto there = offset < image_.size() ? std::min<byte_count>(data.size(), image_.size() - offset) : 0;
        thread_local const aligned_buffer buffer(window_size);
        try {
            if (there > 0) image_.read(offset, buffer.first(there));
        } catch (const error&) {  // what cannot be read cannot be kept
            auto c = digester_.compare(data, {});
            c.differing = first_blocks(blocks_of(data.size()));
            return c;
        }
        const auto known = digester_.compare(buffer.first(there), {});
        return digester_.compare(data, std::span(known.digests).first(blocks_of(data.size())));
    }
    block_map allocated(byte_count size) const { return backy::allocated(image_, size); }

private:
    I image_;
    digester<H> digester_;
};

/// The SHA-256 of a whole digests file.
std::string seal_of_digests(const Image auto& image) {
    sha256_stream sum;
    const aligned_buffer buffer(1_MiB);
    for (byte_count at = 0, size = image.size(); at < size; at += 1_MiB) {
        const auto part = buffer.first(std::min(1_MiB, size - at));
        image.read(at, part);
        sum.add(part);
    }
    return sum.hex();
}

}  // namespace backy
