// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: engine/mismatches
// The loop by itself: what is read, what becomes of what cannot be read, and when it ends.
#include "support/journals.hpp"
#include "support/memory_source.hpp"

#include <backy/engine/mismatches.hpp>
#include <backy/hashes/gmac.hpp>

#include <mutex>
#include <set>

using namespace backy;
using support::content;

namespace {

/// Some of its blocks cannot be read.
struct worn_disk : support::bytes_in_memory {
    std::set<byte_count> bad;  ///< block numbers
    void read(byte_count at, block out) const {
        for (const auto b : bad)
            if (at < (b + 1) * block_size && at + out.size() > b * block_size) throw error("disk", "read at offset " + std::to_string(b) + ": Input/output error");
        bytes_in_memory::read(at, out);
    }
};

worn_disk disk_of(const content& c, std::set<byte_count> bad = {}) { return {{std::make_shared<content>(c)}, std::move(bad)}; }

block_map all_of(byte_count size) {
    block_map map(size);
    map.add({0, size});
    return map;
}

/// What a sink is given, put together again; '?' where it was given nothing.
struct collected {
    explicit collected(std::size_t size) : bytes(size, '?') {}
    void operator()(byte_count offset, const_block data) {
        const std::lock_guard lock(guard);
        CHECK((offset % block_size == 0 && offset + data.size() <= bytes.size()));
        CHECK(std::string_view(bytes).substr(offset, data.size()).find_first_not_of('?') == std::string_view::npos);
        std::memcpy(bytes.data() + offset, data.data(), data.size());
    }
    std::mutex guard;
    content bytes;
};

silent_journal quiet;

}  // namespace

TEST_CASE("copy: every block of the map goes to the sink once and as it is, and no other, by one worker and by many") {
    support::randomness random;
    for (const std::size_t size : {0ul, 1ul, 65'536ul, 4'194'304ul, 4'194'305ul, 21'000'077ul})
        for (const unsigned workers : {1u, 4u}) {
            INFO(size << " bytes, " << workers << " workers");
            content truth(size, 'x');
            for (std::size_t at = 0; at < size; at += 1000) truth[at] = static_cast<char>('a' + random.below(20));
            block_map some(size);
            content expected(size, '?');
            for (std::size_t at = 0; at < size; at += block_size) {
                if (random.below(3) == 0 && at + block_size < size) continue;  // the tail is always in it
                some.add({at, 1});
                expected.replace(at, block_size, truth, at, block_size);
            }
            collected sink(size);
            const auto read = copy(disk_of(truth), some, workers, quiet, [&](byte_count offset, const_block data) { sink(offset, data); });
            CHECK((sink.bytes == expected));
            CHECK(read == static_cast<byte_count>(size - static_cast<std::size_t>(std::ranges::count(expected, '?'))));
        }
}

TEST_CASE("copy: beside blocks that cannot be read all others are, and each of those is told") {
    const std::size_t size = 5 * window_size + 1000;
    const content truth(size, 'x');
    const std::set<byte_count> bad{0, 7, 8, 63, 64, 200, 319};
    auto expected = truth;
    for (const auto b : bad) expected.replace(b * block_size, block_size, block_size, '?');
    collected sink(size);
    std::set<byte_count> told;
    const auto from = disk_of(truth, bad);
    copy(
        from, all_of(size), 1, quiet, [&](byte_count offset, const_block data) { sink(offset, data); },
        [&](extent e, const error& why) {
            CHECK(e.length == block_size);
            CHECK(std::string(why.what()).ends_with("Input/output error"));
            told.insert(e.offset / block_size);
        });
    CHECK((sink.bytes == expected));
    CHECK(told == bad);
    CHECK_THROWS_WITH(copy(from, all_of(size), 3, quiet, [](byte_count, const_block) {}), Catch::EndsWith("Input/output error"));

    // a short last block, alone in its window and behind one that is bad
    const std::size_t window_and_half = window_size + block_size + 1000;
    told.clear();
    collected tail(window_and_half);
    copy(
        disk_of(content(window_and_half, 'x'), {64}), all_of(window_and_half), 1, quiet, [&](byte_count offset, const_block data) { tail(offset, data); },
        [&](extent e, const error&) { told.insert(e.offset / block_size); });
    CHECK(told == std::set<byte_count>{64});
    CHECK(tail.bytes.ends_with("?" + std::string(1000, 'x')));
    copy(
        disk_of(content(window_and_half, 'x'), {65}), all_of(window_and_half), 1, quiet, [](byte_count, const_block) {},
        [&](extent e, const error&) { CHECK((e == extent{window_size + block_size, 1000})); });
}

TEST_CASE("copy: ends at a window when there is no more time, and by an error when the process is asked to end") {
    const std::size_t size = 10 * window_size;
    const auto from = disk_of(content(size, 'x'));
    int windows = 0;
    const auto nothing = [](byte_count, const_block) {};
    CHECK(copy(from, all_of(size), 1, quiet, nothing, fail_if_unreadable{}, [&] { return windows++ == 3; }) == 3 * window_size);

    byte_count seen = 0;
    const auto asked = [&](byte_count, const_block data) {
        seen += data.size();
        interruption::detail::signal_number = SIGTERM;
    };
    CHECK_THROWS_WITH(copy(from, all_of(size), 1, quiet, asked), "interrupted: signal 15 asked for an end");
    interruption::detail::signal_number = 0;
    CHECK(seen == window_size);
}

TEST_CASE("copy: what ends the work is no block that cannot be read") {
    struct halting : support::bytes_in_memory {
        std::atomic<int>* reads;
        void read(byte_count at, block out) const {
            if (++*reads == 3) throw halted("pool-limit", "above it");  // once
            bytes_in_memory::read(at, out);
        }
    };
    const content truth(8 * window_size, 'x');
    for (const unsigned workers : {1u, 4u}) {
        std::atomic<int> reads = 0;
        const halting disk{{std::make_shared<content>(truth)}, &reads};
        CHECK_THROWS_AS(copy(disk, all_of(truth.size()), workers, quiet, [](byte_count, const_block) {}, [](extent, const error&) { FAIL("taken for bad"); }), halted);
        CHECK(reads < 8);
    }
}

TEST_CASE("mismatches: neighbours that are bad for one reason are one extent, and what cannot be read is one too") {
    bad_extents bad;
    bad.add({3 * block_size, block_size}, "a");
    bad.add({0, block_size}, "a");
    bad.add({block_size, block_size}, "a");
    bad.add({4 * block_size, 1000}, "b");
    std::vector<std::pair<extent, std::string>> found;
    for (const auto& b : bad.all()) found.emplace_back(b.where, b.why);
    const std::vector<std::pair<extent, std::string>> expected{{{0, 2 * block_size}, "a"}, {{3 * block_size, block_size}, "a"}, {{4 * block_size, 1000}, "b"}};
    CHECK(found == expected);

    const digest_table<hashes::gmac, support::bytes_in_memory> zeroes(hashes::gmac::fresh_key());
    content volume(20 * block_size, '\0');
    volume[9 * block_size] = 'x';
    const auto all = mismatches(disk_of(volume, {4, 5}), zeroes, all_of(volume.size()), 2, quiet);
    REQUIRE(all.size() == 2);
    CHECK((all[0].where == extent{4 * block_size, 2 * block_size} && all[0].why == "cannot be read: Input/output error"));
    CHECK((all[1].where == extent{9 * block_size, block_size} && all[1].why == "does not match its digest"));
}

TEST_CASE("mismatches: of a dead disk the first 100,000 are listed, and how much more there is") {
    bad_extents bad;
    for (byte_count b = 0; b < 100'003; ++b) bad.add({2 * b * block_size, block_size}, "dead");
    const auto all = bad.all();
    REQUIRE(all.size() == 100'001);
    CHECK(all.back().why == "and 196608 more bytes");
}
