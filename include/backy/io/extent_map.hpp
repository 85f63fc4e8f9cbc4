// SPDX-License-Identifier: GPL-3.0-or-later
// Where the bytes of a file lie on its filesystem (FIEMAP), and which blocks two files hold in one place.
#pragma once

#include <backy/io/file.hpp>

#include <linux/fiemap.h>

#include <array>

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

/// Calls visit(extent), ascending, for what lies in one place by all of these maps, or nowhere by all of them.
template <std::size_t N>
void for_each_same(const std::array<std::vector<placed_extent>, N>& maps, extent within, std::invocable<extent> auto visit) {
    std::array<std::size_t, N> at{};
    const auto end = within.offset + within.length;
    for (auto from = within.offset, to = end; from < end; from = to) {
        to = end;
        std::array<std::optional<byte_count>, N> address;  // nothing: a hole
        bool is_known = true;
        for (std::size_t n = 0; n < N; ++n) {
            const auto& map = maps[n];
            while (at[n] < map.size() && map[at[n]].where.offset + map[at[n]].where.length <= from) ++at[n];
            if (at[n] == map.size()) continue;
            const auto& e = map[at[n]];
            if (e.where.offset > from) {
                to = std::min(to, e.where.offset);
                continue;
            }
            to = std::min(to, e.where.offset + e.where.length);
            address[n] = e.address + (from - e.where.offset);
            is_known &= e.is_plain();
        }
        if (is_known && std::ranges::count(address, address[0]) == N) visit(extent{from, to - from});
    }
}

/// What FIEMAP tells of the others is no place on a disk, or not all of it: CIFS, which has reflinks, gives the offset in the file.
template <Io I>
bool tells_places(const file<I>& f) {
    const auto type = f.filesystem();
    return type == BTRFS_SUPER_MAGIC || type == XFS_SUPER_MAGIC;
}

/// The whole blocks, of a volume of `size` bytes, that are the same in both files because they lie in one place, or are holes. Nothing: the
/// filesystem cannot tell. The first map is made again after the second: a balance that moves things between the two cannot make different
/// bytes seem the same. Neither file may be written to meanwhile. cost: by extents, not by bytes.
template <Io I>
std::optional<block_map> shared_blocks(const file<I>& a, const file<I>& b, byte_count size) {
    if (!tells_places(a) || !tells_places(b)) return std::nullopt;
    constexpr byte_count piece = 4_GiB;  // a fragmented one has 50,000 extents
    block_map shared(size);
    extent whole{0, 0};  // neighbours joined
    const auto take = [&] {
        const auto first = divide_up(whole.offset, block_size), end = whole.offset + whole.length;
        const auto last = end == size ? blocks_of(size) : end / block_size;
        if (first < last) shared.add({first * block_size, (last - first) * block_size});
    };
    for (byte_count at = 0; at < size; at += piece) {
        const extent within{at, std::min(piece, size - at)};
        auto before = placement(a, within), other = placement(b, within), after = placement(a, within);
        if (!before || !other || !after) return std::nullopt;
        for_each_same(std::array{std::move(*before), std::move(*other), std::move(*after)}, within, [&](extent e) {
            if (whole.offset + whole.length != e.offset) take(), whole = {e.offset, 0};
            whole.length += e.length;
        });
    }
    take();
    return shared;
}

}  // namespace backy::io
