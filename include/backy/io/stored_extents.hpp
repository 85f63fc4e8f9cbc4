// SPDX-License-Identifier: GPL-3.0-or-later
// stored_extents: what btrfs keeps for files that share space. An extent there takes its whole length as long as one file uses one
// block of it, so what was overwritten or deleted in part frees nothing. Other filesystems count blocks, and have nothing to tell.
#pragma once

#include <backy/core/interruption.hpp>
#include <backy/io/file.hpp>

#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>

#include <map>

namespace backy::io {

/// An extent, and for each part of it that is used the places it is used in.
struct stored_extent {
    struct place {
        std::size_t file;
        byte_count offset;
    };
    struct part {
        byte_count length;
        std::vector<place> places;
    };
    byte_count length = 0, used = 0;
    bool whole = true;  ///< all its parts are of whole blocks: the end of a file that is none cannot be shared
    std::vector<part> parts;
};

namespace detail {

inline constexpr byte_count longest_extent = 128_MiB;  ///< of btrfs: all uses of one are no further apart

/// visit(start of an item, item) for those that begin in [from, to). False: not btrfs, or the right is missing (CAP_SYS_ADMIN).
template <Io I>
bool visit_items(const file<I>& f, byte_count from, byte_count to, auto visit) {
    constexpr std::size_t room = 64_KiB;
    std::vector<std::uint64_t> memory((sizeof(::btrfs_ioctl_search_args_v2) + room) / sizeof(std::uint64_t));
    auto* const search = reinterpret_cast<::btrfs_ioctl_search_args_v2*>(memory.data());
    const auto inode = f.status().st_ino;
    while (from < to) {
        interruption::point();
        search->key = {};
        search->key.min_objectid = search->key.max_objectid = inode;
        search->key.min_type = search->key.max_type = BTRFS_EXTENT_DATA_KEY;
        search->key.min_offset = from, search->key.max_offset = to - 1;
        search->key.max_transid = ~std::uint64_t{};
        search->key.nr_items = ~std::uint32_t{};
        search->buf_size = room;
        const auto rc = again([&] { return f.io().ioctl(f.descriptor(), BTRFS_IOC_TREE_SEARCH_V2, reinterpret_cast<std::uintptr_t>(search)); });
        if (is_unsupported(rc) || rc == -EPERM) return false;
        check(rc, f.path(), "btrfs: tree search");
        if (search->key.nr_items == 0) return true;
        const auto* at = reinterpret_cast<const std::byte*>(search + 1);
        for (std::uint32_t i = 0; i < search->key.nr_items; ++i) {
            ::btrfs_ioctl_search_header header;
            ::btrfs_file_extent_item item;
            std::memcpy(&header, at, sizeof header);
            at += sizeof header;
            if (header.len >= sizeof item) {  // shorter: the data itself
                std::memcpy(&item, at, sizeof item);
                if (item.type == BTRFS_FILE_EXTENT_REG && item.disk_bytenr != 0) visit(byte_count{header.offset}, item);
            }
            at += header.len;
            from = header.offset + 1;
        }
    }
    return true;
}

struct use {
    byte_count within, length;
    stored_extent::place place;
};

/// Cut where a use begins or ends, each part has the same users throughout.
inline void add_parts(stored_extent& e, std::vector<use>& uses) {
    std::ranges::sort(uses, {}, &use::within);
    std::vector<byte_count> cuts;
    for (const auto& u : uses) cuts.insert(cuts.end(), {u.within, u.within + u.length});
    std::ranges::sort(cuts);
    cuts.erase(std::ranges::unique(cuts).begin(), cuts.end());
    std::vector<use> now;
    auto next = uses.begin();
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
        std::erase_if(now, [&](const use& u) { return u.within + u.length <= cuts[i]; });
        for (; next != uses.end() && next->within <= cuts[i]; ++next) now.push_back(*next);
        if (now.empty()) continue;
        auto& part = e.parts.emplace_back(stored_extent::part{cuts[i + 1] - cuts[i], {}});
        for (const auto& u : now) part.places.push_back({u.place.file, u.place.offset + cuts[i] - u.within});
        e.used += part.length;
    }
}

}  // namespace detail

/// visit(stored_extent) for each extent of the files, which are clones of each other: what they share is at the same offsets. False:
/// it cannot be known here. cost: a search per 700 extents of a file; memory for 1 GiB of the files at a time.
template <Io I>
bool visit_stored(const std::vector<file<I>>& files, auto visit) {
    constexpr auto step = 1_GiB, reach = detail::longest_extent;
    byte_count end = 0;
    for (const auto& f : files) end = std::max(end, f.size());
    for (byte_count at = 0; at < end; at += step) {
        struct found {
            byte_count first, length;
            bool whole = true;
            std::vector<detail::use> uses;
        };
        std::map<byte_count, found> extents;  // by where they are on the disk
        for (std::size_t i = 0; i < files.size(); ++i) {
            const auto size = files[i].size();
            const bool can = detail::visit_items(files[i], at < reach ? 0 : at - reach, at + step + reach, [&](byte_count offset, const ::btrfs_file_extent_item& item) {
                auto& e = extents.try_emplace(item.disk_bytenr, found{offset, item.compression ? item.ram_bytes : item.disk_num_bytes, true, {}}).first->second;
                e.first = std::min(e.first, offset);
                e.whole = e.whole && offset + item.num_bytes <= size;
                e.uses.push_back({item.offset, item.num_bytes, {i, offset}});
            });
            if (!can) return false;
        }
        for (auto& [disk, e] : extents) {
            if (e.first < at || e.first >= at + step) continue;  // another step's
            stored_extent whole{e.length, 0, e.whole, {}};
            detail::add_parts(whole, e.uses);
            visit(std::as_const(whole));
        }
    }
    return true;
}

}  // namespace backy::io
