// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/program.hpp"
#include "support/volume.hpp"

#include <backy/io/extent_map.hpp>
#include <backy/io/posix.hpp>

using namespace backy;
using namespace support;

namespace {

using file = io::file<io::posix>;

file opened(const fs::path& p, int flags = O_RDWR) { return {io::posix{}, p.string(), flags}; }

/// A file of random bytes, and a reflink of it.
struct two_files {
    explicit two_files(const fs::path& place, std::size_t size) : dir(place) {
        content bytes(size, '\0');
        random.fill(bytes, 0, size);
        spill(dir / "a", bytes);
        clone();
    }
    void clone() const {
        fs::remove(dir / "b");
        REQUIRE(opened(dir / "b", O_RDWR | O_CREAT).clone(opened(dir / "a")));
    }
    /// The numbers of the blocks that are shared.
    std::vector<byte_count> shared(byte_count size) const {
        const auto map = io::shared_blocks(opened(dir / "a"), opened(dir / "b"), size).value();
        std::vector<byte_count> blocks;
        for (byte_count at = 0; at < size; at += block_size)
            if (map.has(at)) blocks.push_back(at / block_size);
        return blocks;
    }
    void write(byte_count at, const content& bytes) const { opened(dir / "b").write(at, bytes_of(std::string_view(bytes))); }

    randomness random;
    scratch dir;
};

using blocks = std::vector<byte_count>;

}  // namespace

TEST_CASE("extent map: blocks of a reflink are shared until they are written to, the last and short one too") {
    for (const auto& place : copy_on_write()) {
        const two_files two(place, 5 * block_size + 777);
        const auto size = 5 * block_size + 777;
        CHECK(two.shared(size) == blocks{0, 1, 2, 3, 4, 5});
        two.write(block_size + 5, "x");
        CHECK(two.shared(size) == blocks{0, 2, 3, 4, 5});
        two.write(3 * block_size, slurp(two.dir / "a").substr(3 * block_size, block_size));  // the same bytes elsewhere
        CHECK(two.shared(size) == blocks{0, 2, 4, 5});
        opened(two.dir / "b").zero({4 * block_size, block_size});
        CHECK(two.shared(size) == blocks{0, 2, 5});
        two.write(5 * block_size + 700, "x");
        CHECK(two.shared(size) == blocks{0, 2});
        CHECK(two.shared(block_size) == blocks{0});
    }
}

TEST_CASE("extent map: holes are the same, and not files of equal bytes, what was preallocated, or small files kept with their metadata") {
    for (const auto& place : copy_on_write()) {
        const two_files two(place, 2 * block_size);
        fs::copy_file(two.dir / "a", two.dir / "c");
        fs::rename(two.dir / "c", two.dir / "b");
        if (shell("cmp '" + (two.dir / "a").string() + "' '" + (two.dir / "b").string() + "'").code != 0) FAIL("not equal");
        const auto by_copying = two.shared(2 * block_size);
        CHECK((by_copying.empty() || by_copying == blocks{0, 1}));  // cp, and so copy_file, may reflink
        fs::resize_file(two.dir / "a", 0), fs::resize_file(two.dir / "a", 2 * block_size);
        two.clone();
        CHECK(two.shared(2 * block_size) == blocks{0, 1});
        two.write(block_size + 5000, "x");
        CHECK(two.shared(2 * block_size) == blocks{0});
        REQUIRE(io::posix{}.fallocate(opened(two.dir / "a").descriptor(), 0, 0, 2 * block_size) == 0);
        two.clone();
        CHECK(two.shared(2 * block_size).empty());
        fs::remove(two.dir / "a");
        spill(two.dir / "a", "a few bytes");
        two.clone();
        if (place.filename() == "btrfs") CHECK(two.shared(11).empty());
    }
}

TEST_CASE("extent map: what btrfs compressed is not said to be shared, for its address says little") {
    for (const auto& place : copy_on_write()) {
        if (place.filename() != "btrfs") continue;
        const scratch dir(place);
        const auto a = dir / "a", b = dir / "b";
        { std::ofstream{a}; }
        REQUIRE(shell("btrfs property set '" + a.string() + "' compression zstd").code == 0);
        spill(a, content(8 * block_size, 'x'));
        REQUIRE(opened(b, O_RDWR | O_CREAT).clone(opened(a)));
        CHECK(io::shared_blocks(opened(a), opened(b), 8 * block_size).value().count() == 0);
    }
}

TEST_CASE("extent map: a thousand extents and more, and pieces of any length") {
    for (const auto& place : copy_on_write()) {
        constexpr byte_count count = 1500;
        const two_files two(place, 2 * count * block_size);
        for (byte_count i = 0; i < count; ++i) two.write(2 * i * block_size, "y");
        const auto shared = two.shared(2 * count * block_size);
        REQUIRE(shared.size() == count);
        CHECK(std::ranges::all_of(shared, [](byte_count n) { return n % 2 == 1; }));
        REQUIRE(io::placement(opened(two.dir / "b"), {0, 2 * count * block_size})->size() >= count);
    }
}

TEST_CASE("extent map: of a filesystem that is not known to tell places, it says nothing") {
    const scratch dir(plain());  // ext4 and others have maps
    spill(dir / "a", content(200'000, 'a'));
    const auto a = opened(dir / "a");
    if (const auto type = a.filesystem(); type != BTRFS_SUPER_MAGIC && type != XFS_SUPER_MAGIC) CHECK(!io::shared_blocks(a, a, 200'000));
}

TEST_CASE("extent map: a filesystem that has none says so") {
    const scratch dir("/dev/shm");
    spill(dir / "a", content(block_size, 'x'));
    CHECK(!io::placement(opened(dir / "a"), {0, block_size}));
    CHECK(!io::shared_blocks(opened(dir / "a"), opened(dir / "a"), block_size));
}

TEST_CASE("extent map: extents that are split in other places are compared by where each byte lies") {
    const auto shared = [](const std::vector<io::placed_extent>& a, const std::vector<io::placed_extent>& b) {
        std::vector<extent> all;
        io::for_each_same(std::array{a, b}, {0, 100}, [&](extent e) { all.push_back(e); });
        return all;
    };
    using list = std::vector<extent>;
    CHECK(shared({{{0, 100}, 1000, 0}}, {{{0, 100}, 1000, 0}}) == list{{0, 100}});
    CHECK(shared({{{0, 100}, 1000, 0}}, {{{0, 40}, 1000, 0}, {{40, 60}, 1040, FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_MERGED}}) == list{{0, 40}, {40, 60}});
    CHECK(shared({{{0, 100}, 1000, 0}}, {{{40, 20}, 1000, 0}}).empty());
    CHECK(shared({{{0, 100}, 1000, 0}}, {{{40, 20}, 1040, 0}}) == list{{40, 20}});
    CHECK(shared({{{10, 20}, 1000, 0}, {{80, 20}, 2000, 0}}, {{{10, 10}, 1000, 0}, {{80, 30}, 2000, 0}}) == list{{0, 10}, {10, 10}, {30, 50}, {80, 20}});
    CHECK(shared({}, {}) == list{{0, 100}});
    std::vector<extent> of_three;
    io::for_each_same(std::array<std::vector<io::placed_extent>, 3>{{{{{0, 100}, 1000, 0}}, {{{0, 100}, 1000, 0}}, {{{0, 50}, 1000, 0}, {{50, 50}, 7, 0}}}}, {20, 60},
                      [&](extent e) { of_three.push_back(e); });
    CHECK(of_three == list{{20, 30}});
    CHECK(shared({{{0, 100}, 1000, FIEMAP_EXTENT_ENCODED}}, {{{0, 100}, 1000, FIEMAP_EXTENT_ENCODED}}).empty());
    CHECK(shared({{{0, 100}, 1000, 0}}, {{{0, 100}, 1000, FIEMAP_EXTENT_UNWRITTEN}}).empty());
    CHECK(shared({}, {{{0, 100}, 1000, 0}}).empty());
}
