// SPDX-License-Identifier: GPL-3.0-or-later
// Which blocks of a volume: extents as sources and stores tell them, folded into one bit per block, however fragmented
// they are (2 MiB for 1 TiB). The engine marks in it what it has to read and what it wrote.
#pragma once

#include <backy/core/bytes.hpp>

#include <algorithm>
#include <bit>
#include <functional>
#include <vector>

namespace backy {

struct extent {
    byte_count offset, length;
    bool operator==(const extent&) const = default;
};

/// A visitor and not a vector: a fragmented 1 TiB volume has millions of extents.
using extent_visitor = std::function<void(extent)>;

/// Unit of comparison, one digest each (docs/decisions/0001-digests.md).
inline constexpr byte_count block_size = 64_KiB;
/// Unit of reading: the blocks of one word of a block_map.
inline constexpr byte_count window_blocks = 64;
inline constexpr byte_count window_size = window_blocks * block_size;

constexpr byte_count blocks_of(byte_count size) { return divide_up(size, block_size); }

/// The bits of the first `count` blocks, 1 to 64.
constexpr std::uint64_t first_blocks(byte_count count) { return ~std::uint64_t{} >> (window_blocks - count); }

/// `count` blocks of some data that begins with a block; the last one may be short.
inline const_block blocks_in(const_block data, std::size_t first, std::size_t count) {
    return data.subspan(first * block_size, std::min<std::size_t>(count * block_size, data.size() - first * block_size));
}

/// Calls use(first, count) for each longest run of set bits, ascending.
template <std::invocable<unsigned, unsigned> Use>
void for_each_run(std::uint64_t bits, Use use) {
    for (unsigned at = 0; bits != 0;) {
        const auto skip = static_cast<unsigned>(std::countr_zero(bits));
        const auto count = static_cast<unsigned>(std::countr_one(bits >> skip));
        use(at + skip, count);
        at += skip + count;
        bits = skip + count < window_blocks ? bits >> (skip + count) : 0;
    }
}

/// One bit per block of a volume of `size` bytes. Threads may change different windows at once, and only that.
class block_map {
public:
    explicit block_map(byte_count size) : size_(size), words_(divide_up(size, window_size)) {}

    byte_count size() const { return size_; }
    std::size_t windows() const { return words_.size(); }

    /// Every block that the extent touches; what lies behind the end is ignored.
    void add(extent e) {
        for_each_word(e, [](std::uint64_t& word, std::uint64_t mask) { word |= mask; });
    }
    void remove(extent e) {
        for_each_word(e, [](std::uint64_t& word, std::uint64_t mask) { word &= ~mask; });
    }
    void add(const block_map& other) { merge(other, [](auto a, auto b) { return a | b; }); }
    void remove(const block_map& other) { merge(other, [](auto a, auto b) { return a & ~b; }); }

    bool has(byte_count offset) const { return (words_[offset / window_size] >> (offset / block_size % window_blocks)) & 1; }

    /// Has blocks that the other one has not.
    bool exceeds(const block_map& other) const {
        for (std::size_t w = 0; w < words_.size(); ++w)
            if ((words_[w] & ~other.words_[w]) != 0) return true;
        return false;
    }

    byte_count count() const {
        byte_count n = 0;
        for (const auto word : words_) n += static_cast<byte_count>(std::popcount(word));
        return n;
    }

    /// Only the blocks of these ranks (0 is the first block that is in), which are ascending.
    block_map chosen(const std::vector<byte_count>& ranks) const {
        block_map those(size_);
        auto rank = ranks.begin();
        byte_count before = 0;
        for (std::size_t w = 0; w < words_.size() && rank != ranks.end(); ++w) {
            auto left = words_[w];
            const auto here = static_cast<byte_count>(std::popcount(left));
            for (byte_count passed = 0; rank != ranks.end() && *rank < before + here; ++rank) {
                for (; passed < *rank - before; ++passed) left &= left - 1;
                those.words_[w] |= left & -left;
            }
            before += here;
        }
        return those;
    }

    /// Only the windows `first`, first + step, …
    block_map every(std::size_t step, std::size_t first) const {
        block_map those(size_);
        for (auto w = first; w < words_.size(); w += step) those.words_[w] = words_[w];
        return those;
    }

    /// The longest extents of one window, ascending; the last one ends with the volume.
    template <std::invocable<extent> Visit>
    void runs(std::size_t window, Visit visit) const {
        for_each_run(words_[window], [&](unsigned first, unsigned count) {
            const auto offset = window * window_size + first * block_size;
            visit(extent{offset, std::min(count * block_size, size_ - offset)});
        });
    }

private:
    void for_each_word(extent e, auto change) {
        if (e.offset >= size_ || e.length == 0) return;
        const auto end = blocks_of(e.offset + std::min(e.length, size_ - e.offset));
        for (auto b = e.offset / block_size; b < end;) {
            const auto bit = b % window_blocks, n = std::min(window_blocks - bit, end - b);
            change(words_[b / window_blocks], first_blocks(n) << bit);
            b += n;
        }
    }
    void merge(const block_map& other, auto combine) {
        std::ranges::transform(words_, other.words_, words_.begin(), combine);
    }

    byte_count size_;
    std::vector<std::uint64_t> words_;
};

}  // namespace backy
