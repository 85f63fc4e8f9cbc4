// SPDX-License-Identifier: GPL-3.0-or-later
// What a backup has to read: the change map of the source where it has one, and beside it a part of what the map leaves out, since a
// map is a hint and never the truth; else everything.
#pragma once

#include <backy/concepts/source.hpp>
#include <backy/engine/copy.hpp>
#include <backy/history/revision.hpp>

#include <array>
#include <random>

namespace backy {

/// Blocks that may differ between an image and a table of digests; outside of them both are zero. (Adds to the table's map, since
/// a map of 16 TiB has 32 MiB.)
block_map everything(const Image auto& image, block_map digests) {
    image.extents([&](extent e) { digests.add(e); });
    return digests;
}

/// What a source says has changed, or why everything has to be read; "" if there never was a map.
struct change_map {
    std::optional<block_map> blocks;
    std::string why_none;
};

/// `base`: the revision that the digests are of; none, and `why`: everything has to be read.
template <Snapshot S>
change_map changes_of(const S& snapshot, const revision* base, std::string why) {
    if constexpr (DeltaSnapshot<S>) {
        if (!base) return {std::nullopt, std::move(why)};
        const auto size = snapshot.size();
        if (base->size != size) return {std::nullopt, "the size was " + std::to_string(base->size) + ", now it is " + std::to_string(size)};
        change_map changes{block_map(size), ""};
        const auto is_the_one = [&] {
            if constexpr (MarkedSnapshot<S>) return !base->source.snapshot.empty() && snapshot.mark_of(base->id) == base->source.snapshot;
            else return true;
        };
        if (!is_the_one()) return {std::nullopt, "its parent's snapshot is gone or was changed"};
        if (auto reason = snapshot.changed_since(base->id, [&](extent e) { changes.blocks->add(e); })) return {std::nullopt, *std::move(reason)};
        if (!is_the_one()) return {std::nullopt, "its parent's snapshot went or was changed while it was compared with"};
        return changes;
    }
    return {};
}

/// A change map that is wrong in 1 % of the blocks is found with p ≥ 99.99 % by 917 of them: 0.99^917 < 0.0001.
inline constexpr byte_count sample_size = 917;

/// Up to `n`, drawn at random.
inline block_map sample_of(const block_map& from, byte_count n) {
    std::mt19937_64 random(std::random_device{}());
    const auto count = from.count();
    if (count <= n) return from;
    std::vector<byte_count> ranks;
    for (byte_count i = 0; i < n; ++i) ranks.push_back(std::uniform_int_distribution<byte_count>(0, count - 1)(random));
    std::ranges::sort(ranks);
    return from.chosen(ranks);
}

/// What is compared although it would not be read: a sample of the allocated blocks and one of the others, and such a part of the
/// allocated ones that `within` runs compare all of them.
/// `used`: what is allocated in the image or its parent, as coarsely as they tell. `turn`: counts the runs.
inline block_map beside_the_map(const block_map& read, block_map used, std::uint64_t turn, unsigned within) {
    auto unused = block_map(used.size());
    unused.add({0, used.size()});
    unused.remove(used);
    used.remove(read), unused.remove(read);
    auto compared = used.every(within, turn % within);
    compared.add(sample_of(used, sample_size));
    compared.add(sample_of(unused, sample_size));
    return compared;
}

/// The blocks from a random place to the end, and those before it: who has no time for all does not always leave out the same.
inline std::array<block_map, 2> from_anywhere(const block_map& all) {
    std::array<block_map, 2> halves{all, all};
    std::random_device random;
    const auto place = std::uniform_int_distribution<byte_count>(0, all.windows())(random) * window_size;
    halves[0].remove({0, place});
    halves[1].remove({place, all.size()});
    return halves;
}

}  // namespace backy
