// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/volume.hpp"

#include <backy/core/block_map.hpp>

#include <set>

using namespace backy;

TEST_CASE("for_each_run: the longest runs of set bits, ascending") {
    const auto runs = [](std::uint64_t bits) {
        std::vector<std::pair<unsigned, unsigned>> all;
        for_each_run(bits, [&](unsigned first, unsigned count) { all.emplace_back(first, count); });
        return all;
    };
    using list = std::vector<std::pair<unsigned, unsigned>>;
    CHECK(runs(0).empty());
    CHECK(runs(1) == list{{0, 1}});
    CHECK(runs(~std::uint64_t{}) == list{{0, 64}});
    CHECK(runs(std::uint64_t{1} << 63) == list{{63, 1}});
    CHECK(runs(0b1110'0101) == list{{0, 1}, {2, 1}, {5, 3}});
    CHECK(runs(0xF000'0000'0000'000F) == list{{0, 4}, {60, 4}});
}

TEST_CASE("block_map: agrees with a set of block numbers under random additions and removals") {
    support::randomness random;
    for (const byte_count size : {0_KiB, 1_KiB, 64_KiB, 4_MiB, 4_MiB + 1, 20_MiB + 77}) {
        block_map map(size);
        std::set<byte_count> model;
        for (int i = 0; i < 300; ++i) {
            const extent e{random.below(size + 2_MiB), random.below(6_MiB)};
            const bool adds = random.below(3) != 0;
            if (adds) map.add(e);
            else map.remove(e);
            for (byte_count b = 0; b < blocks_of(size); ++b)
                if (e.offset < (b + 1) * block_size && e.offset + e.length > b * block_size && e.offset < size && e.length > 0) {
                    if (adds) model.insert(b);
                    else model.erase(b);
                }
            REQUIRE(map.count() == model.size());
        }
        for (byte_count b = 0; b < blocks_of(size); ++b) REQUIRE(map.has(b * block_size) == model.contains(b));
        byte_count covered = 0, end = 0;
        for (std::size_t w = 0; w < map.windows(); ++w)
            map.runs(w, [&](extent e) {
                CHECK((e.offset >= end && e.offset % block_size == 0 && e.length > 0 && e.offset + e.length <= size));
                end = e.offset + e.length;
                covered += blocks_of(e.length);
                CHECK(e.offset / window_size == (end - 1) / window_size);
            });
        CHECK(covered == model.size());

        std::vector<byte_count> ranks;
        for (byte_count r = 0; r < model.size(); r += 1 + random.below(3)) ranks.push_back(r);
        const auto chosen = map.chosen(ranks);
        CHECK(chosen.count() == ranks.size());
        for (const auto rank : ranks) CHECK(chosen.has(*std::next(model.begin(), static_cast<std::ptrdiff_t>(rank)) * block_size));
        CHECK((!chosen.exceeds(map) && map.exceeds(block_map(size)) == !model.empty()));
    }
}

TEST_CASE("block_map: merging adds and removes the other's blocks, and extents at the edge of the world are harmless") {
    block_map a(1_GiB), b(1_GiB);
    a.add({0, 128_KiB}), b.add({64_KiB, 128_KiB});
    auto both = a;
    both.add(b);
    CHECK(both.count() == 3);
    both.remove(a);
    CHECK((both.count() == 1 && both.has(128_KiB)));
    a.add({~byte_count{0} - 5, 100});
    a.add({1_GiB, 100});
    a.add({5, 0});
    CHECK(a.count() == 2);
    a.add({1_GiB - 1, ~byte_count{0}});
    CHECK(a.count() == 3);
}
