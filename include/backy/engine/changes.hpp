// SPDX-License-Identifier: GPL-3.0-or-later
// What a backup has to read: the change map of the source where it has one, with a sample of what the map leaves out; else all.
#pragma once

#include <backy/concepts/snapshot.hpp>
#include <backy/engine/copy.hpp>

#include <random>

namespace backy {

/// Blocks that may differ between an image and a table of digests; outside of them both are zero. (Adds to the table's map, since
/// a map of 16 TiB has 32 MiB.)
block_map everything(const Image auto& image, block_map digests) {
    image.extents([&](extent e) { digests.add(e); });
    return digests;
}

struct blocks_to_read {
    block_map blocks;
    std::optional<block_map> hint;  ///< what the source says has changed; nothing: all is read
    std::string description;
};

/// A change map that is wrong in 1 % of the blocks is found with p ≥ 99.99 % by 917 of them: 0.99^917 < 0.0001.
inline constexpr byte_count sample_size = 917;

inline block_map sample_of(const block_map& from, byte_count n) {
    std::mt19937_64 random(std::random_device{}());
    const auto count = from.count();
    if (count <= n) return from;
    std::vector<byte_count> ranks;
    for (byte_count i = 0; i < n; ++i) ranks.push_back(std::uniform_int_distribution<byte_count>(0, count - 1)(random));
    std::ranges::sort(ranks);
    return from.chosen(ranks);
}

/// `digests`: where the parent was not zero. `base`: the revision whose snapshot the map may start from; none: everything is read.
template <Snapshot S>
blocks_to_read changes_to_read(const S& snapshot, block_map digests, const revision* base) {
    const auto size = snapshot.size();
    if constexpr (DeltaSnapshot<S>) {
        block_map changed(size);
        if (base && base->size == size && snapshot.changed_since(base->id, [&](extent e) { changed.add(e); })) {
            auto used = everything(snapshot, std::move(digests)), unused = block_map(size);
            unused.add({0, size});
            unused.remove(used);
            used.remove(changed), unused.remove(changed);
            auto blocks = changed;
            blocks.add(sample_of(used, sample_size));
            blocks.add(sample_of(unused, sample_size));
            if (size > 0) blocks.add({size - 1, 1});
            return {std::move(blocks), std::move(changed),
                    "the change map's blocks, a sample of " + std::to_string(sample_size) + " others with data and as many without, the tail"};
        }
    }
    return {everything(snapshot, std::move(digests)), std::nullopt, "every block"};
}

}  // namespace backy
