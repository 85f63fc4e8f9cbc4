// SPDX-License-Identifier: GPL-3.0-or-later
// The page cache after and while a disk was read and written from end to end.
#include "support/program.hpp"
#include "support/volume.hpp"

#include <backy/core/parallel.hpp>
#include <backy/io/passing.hpp>
#include <backy/io/posix.hpp>

#include <iostream>
#include <thread>

using namespace backy;
using namespace support;

namespace {

using file = io::file<io::posix>;
using passing = io::passing_file<io::posix>;

byte_count cached(const fs::path& p) {
    std::vector<unsigned char> pages;
    const file f(io::posix{}, p.string(), O_RDONLY);
    return static_cast<byte_count>(f.cached_pages({0, f.size()}, pages).value()) * 4_KiB;
}
void drop(const fs::path& p) {
    file f(io::posix{}, p.string(), O_RDWR);
    f.sync();
    f.drop_cache();
    REQUIRE(cached(p) == 0);
}
content read_whole(const passing& p, std::size_t piece = window_size) {
    content all(p.size(), '\0');
    const aligned_buffer buffer(piece);
    for (std::size_t at = 0; at < all.size(); at += piece) {
        const auto part = buffer.first(std::min(piece, all.size() - at));
        p.read(at, part);
        std::memcpy(all.data() + at, part.data(), part.size());
    }
    return all;
}

}  // namespace

TEST_CASE("passing file: what was not cached is not afterwards, what was still is, and the bytes are right") {
    auto places = copy_on_write();
    places.push_back(plain());
    for (const auto& place : places) {
        INFO(place);
        const scratch dir(place);
        randomness random;
        content truth(9 * block_size + 777, '\0');
        random.fill(truth, 0, truth.size());
        spill(dir / "f", truth);
        drop(dir / "f");
        const passing p(file(io::posix{}, (dir / "f").string(), O_RDONLY));
        CHECK((read_whole(p) == truth));
        CHECK(cached(dir / "f") == 0);
        std::vector<std::byte> some(3 * 4096);
        file(io::posix{}, (dir / "f").string(), O_RDONLY).read(5 * 4096, some);
        const auto before = cached(dir / "f");
        REQUIRE(before >= some.size());
        CHECK((read_whole(p) == truth));
        CHECK((read_whole(p, 2 * block_size) == truth));
        CHECK(cached(dir / "f") == before);
        CHECK((slurp(dir / "f") == truth));  // all of it is cached now
        const auto all = cached(dir / "f");
        CHECK((read_whole(p) == truth));
        CHECK(cached(dir / "f") == all);
    }
}

TEST_CASE("passing file: a filesystem without direct I/O is read through the cache, and small files like any other") {
    const scratch dir("/dev/shm");
    spill(dir / "f", content(300'000, 'x'));
    CHECK((read_whole(passing(file(io::posix{}, (dir / "f").string(), O_RDONLY))) == content(300'000, 'x')));
    const passing small(file(io::posix{}, (dir / "f").string(), O_RDONLY), false);
    std::vector<std::byte> odd(13);
    small.read(7, odd);
    CHECK(odd[12] == std::byte{'x'});
}

TEST_CASE("write behind: a file that is written by several at once never has more than that in the cache") {
    for (const auto& place : copy_on_write()) {
        INFO(place);
        const scratch dir(place);
        file f(io::posix{}, (dir / "f").string(), O_RDWR | O_CREAT);
        io::write_behind behind;
        const aligned_buffer buffer(window_size);
        std::ranges::fill(buffer.first(window_size), std::byte{'x'});
        std::atomic<bool> written = false;
        byte_count most = 0;
        std::thread watcher([&] {
            for (; !written; std::this_thread::sleep_for(std::chrono::milliseconds(2))) most = std::max(most, cached(dir / "f"));
        });
        share_out(96, 4, [&](auto next) {
            for (std::size_t n = 0; (n = next()) < 96;) {
                f.write(n * window_size, buffer.first(window_size));
                behind.wrote(f, window_size);
            }
        });
        written = true;
        watcher.join();
        CHECK(most > 0);
        CHECK(most <= 2 * io::write_behind::limit + 4 * window_size);
        f.sync();
        CHECK(slurp(dir / "f") == content(96 * window_size, 'x'));
    }
}

TEST_CASE("page cache: a backup and a restore of 192 MiB take at most 64 MiB of it, at any moment, and leave nothing") {
    for (const auto& place : copy_on_write()) {
        INFO(place);
        const scratch dir(place);
        const repository_directory backy(dir / "r");
        randomness random;
        content truth(192 << 20, '\0');
        random.fill(truth, 0, truth.size());
        spill(dir / "disk.img", truth);
        drop(dir / "disk.img");
        REQUIRE(backy("init file " + (dir / "disk.img").string()).code == 0);
        const auto all_cached = [&] {
            byte_count sum = 0;
            for (const auto& entry : fs::recursive_directory_iterator(dir.path(), fs::directory_options::skip_permission_denied)) {
                std::error_code gone;
                if (entry.is_symlink(gone) || !entry.is_regular_file(gone) || entry.file_size(gone) < 1_MiB) continue;
                try {
                    sum += cached(entry.path());
                } catch (const std::exception&) {}  // renamed meanwhile
            }
            return sum;
        };
        const auto most_during = [&](const std::string& command) {
            std::atomic<bool> ended = false;
            byte_count most = 0;
            std::thread run([&] {
                const auto r = backy(command);
                if (r.code != 0) most = std::numeric_limits<byte_count>::max();
                ended = true;
            });
            byte_count seen = 0;
            for (; !ended; std::this_thread::sleep_for(std::chrono::milliseconds(5))) try {
                    seen = std::max(seen, all_cached());
                } catch (const fs::filesystem_error&) {}  // the directory changed under the iterator
            run.join();
            return std::max(most, seen);
        };
        const auto in_backup = most_during("backup daily");
        CHECK(in_backup <= 64_MiB);
        CHECK(all_cached() == 0);
        const auto in_restore = most_during("restore " + (dir / "out").string());
        CHECK(in_restore <= 64_MiB);
        CHECK(all_cached() <= 32_MiB);  // what the last fsync left
        std::cout << place.filename().string() << ": " << in_backup / 1_MiB << " MiB in a backup, " << in_restore / 1_MiB << " in a restore" << std::endl;
        CHECK((slurp(dir / "out") == truth));
    }
}
