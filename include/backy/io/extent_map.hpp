// SPDX-License-Identifier: GPL-3.0-or-later
// Where the bytes of a file lie on its filesystem (FIEMAP), and which blocks two files hold in one place.
#pragma once

#include <backy/io/file.hpp>

#include <linux/fiemap.h>

#include <cstring>

namespace backy::io {

/// `extent` of a file, and the address on the filesystem at which it begins.
struct placed_extent {
    extent where;
    byte_count address;
    std::uint32_t flags;  ///< FIEMAP_EXTENT_* of linux/fiemap.h

    /// Nothing speaks against that equal addresses are equal bytes: not compressed, inline, preallocated, on its way to the disk or unknown.
    bool is_plain() const { return (flags & ~(FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_MERGED)) == 0; }
};

/// What lies within an extent, ascending; what does not lie anywhere is left out. After what was written is on the disk. Nothing: the
/// filesystem cannot tell. cost: some 0.2 µs for each.
template <Io I>
std::optional<std::vector<placed_extent>> placement(const file<I>& f, extent within) {
    constexpr std::size_t at_once = 1000;
    std::vector<std::uint64_t> memory((sizeof(struct ::fiemap) + at_once * sizeof(struct ::fiemap_extent)) / sizeof(std::uint64_t));
    auto& map = *reinterpret_cast<struct ::fiemap*>(memory.data());
    std::vector<placed_extent> all;
    const auto end = within.offset + within.length;
    for (auto at = within.offset; at < end;) {
        map.fm_start = at, map.fm_length = end - at;
        map.fm_flags = FIEMAP_FLAG_SYNC;  // the kernel gives back other flags here
        map.fm_mapped_extents = 0, map.fm_extent_count = at_once;
        const auto rc = again([&] { return f.io().ioctl(f.descriptor(), FS_IOC_FIEMAP, reinterpret_cast<std::uintptr_t>(&map)); });
        if (is_unsupported(rc)) return std::nullopt;
        check(rc, f.path(), "extent map at offset " + std::to_string(at));
        if (map.fm_mapped_extents == 0) break;
        for (std::uint32_t i = 0; i < map.fm_mapped_extents; ++i) {
            const auto& e = map.fm_extents[i];
            const auto from = std::max<byte_count>(e.fe_logical, at), to = std::min<byte_count>(e.fe_logical + e.fe_length, end);
            if (from < to) all.push_back({{from, to - from}, e.fe_physical + (from - e.fe_logical), e.fe_flags});
            if ((e.fe_flags & FIEMAP_EXTENT_LAST) != 0) return all;
        }
        const auto& last = map.fm_extents[map.fm_mapped_extents - 1];
        at = std::max<byte_count>(last.fe_logical + last.fe_length, at + 1);
    }
    return all;
}

/// Calls visit(extent) for what both have at the same offset and the same address, ascending.
void for_each_shared(const std::vector<placed_extent>& a, const std::vector<placed_extent>& b, std::invocable<extent> auto visit) {
    for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
        const auto x_end = x->where.offset + x->where.length, y_end = y->where.offset + y->where.length;
        const auto from = std::max(x->where.offset, y->where.offset), to = std::min(x_end, y_end);
        if (from < to && x->is_plain() && y->is_plain() && x->address + (from - x->where.offset) == y->address + (from - y->where.offset))
            visit(extent{from, to - from});
        if (x_end <= y_end) ++x;
        else ++y;
    }
}

/// The whole blocks, of a volume of `size` bytes, that are one for both files. The first map is made again after the second: a balance that
/// moves things between the two cannot make different bytes seem the same.
template <Io I>
block_map shared_blocks(const file<I>& a, const file<I>& b, byte_count size) {
    constexpr byte_count piece = 4_GiB;  // a fragmented one has 50,000 extents
    block_map shared(size);
    for (byte_count at = 0; at < size; at += piece) {
        const extent within{at, std::min(piece, size - at)};
        const auto before = placement(a, within), other = placement(b, within), after = placement(a, within);
        if (!before || !other || !after) return block_map(size);
        std::vector<placed_extent> still;
        for_each_shared(*before, *other, [&](extent e) { still.push_back({e, e.offset, 0}); });
        std::vector<placed_extent> again;
        for_each_shared(*after, *other, [&](extent e) { again.push_back({e, e.offset, 0}); });
        extent whole{0, 0};  // neighbours joined
        const auto take = [&] {
            const auto first = divide_up(whole.offset, block_size), end = whole.offset + whole.length;
            const auto last = end == size ? blocks_of(size) : end / block_size;
            if (first < last) shared.add({first * block_size, (last - first) * block_size});
        };
        for_each_shared(still, again, [&](extent e) {
            if (whole.offset + whole.length != e.offset) take(), whole = {e.offset, 0};
            whole.length += e.length;
        });
        take();
    }
    return shared;
}

}  // namespace backy::io
