// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: engine/backup engine/changes engine/copy engine/digests engine/expire engine/forget engine/mismatches engine/repository engine/restore engine/verify
// The laws of a backup over every source and store, and what the engine does when parts of the past are missing or wrong.
#include "setup.hpp"

#include <backy/hashes/sha256.hpp>

#include <set>

using namespace support;

namespace {

template <class S, class T>
struct pair_under_test {
    using source = S;
    using store = T;
};

/// Sets the volume of either source to the content.
template <class S>
typename S::config volume_with(const scratch& dir, const content& c) {
    if constexpr (std::is_same_v<S, memory_source>) {
        memory_source::named(dir.path().string()).now = std::make_shared<content>(c);
        return {dir.path().string()};
    } else {
        spill(dir / "disk.img", c);
        return {dir / "disk.img", false, "", ""};
    }
}

content restored(const auto& repository, const revision& r, const fs::path& to, const fs::path& forbidden) {
    targets::file<> target({to.string(), forbidden, false});
    const auto report = restore(repository, r, target);
    CHECK(report.bad.empty());
    CHECK(report.unchecked == "");
    return slurp(to);
}

}  // namespace

TEMPLATE_TEST_CASE("engine: restore(backup(v)) is v, for every source and store, over sizes that change and revisions that go", "",
                   (pair_under_test<sources::file<>, stores::image<>>), (pair_under_test<memory_source, stores::image<>>),
                   (pair_under_test<sources::file<>, snapshot_store>), (pair_under_test<memory_source, snapshot_store>),
                   (pair_under_test<sources::file<>, chunk_store>), (pair_under_test<memory_source, chunk_store>)) {
    using S = typename TestType::source;
    using T = typename TestType::store;
    for (const auto& place : copy_on_write()) {
        INFO(place);
        const scratch dir(place);
        randomness random;
        silent_journal journal;
        const auto repository_path = dir / "repository";
        fs::create_directory(repository_path);
        typename T::config store{};
        if constexpr (!std::is_same_v<T, stores::image<>>) store = {dir.path().string()};

        std::map<revision_id, content> truth;
        content now;
        for (const std::size_t size : {5'000'077ul, 5'000'077ul, 4'194'304ul, 4'100'000ul, 6'000'000ul, 0ul, 1ul, 70'000ul}) {
            now = truth.empty() ? some_volume(random, size) : changed(random, now, size);
            const auto config = volume_with<S>(dir, now);
            const auto made = engine<S, T>(repository_path, config, store, journal, [](auto& r, auto& s) { return backup(r, s, {"daily"}); });
            CHECK(made.attention.empty());
            CHECK(made.made.sequence == truth.size() + 1);
            truth[made.made.id] = now;
        }
        const auto config = volume_with<S>(dir, now);
        const auto all_hold = [&] {
            engine<S, T>(repository_path, config, store, journal, [&](auto& r, auto& s) {
                const auto h = r.catalog().read();
                REQUIRE(h.revisions.size() == truth.size());
                CHECK(h.strangers.empty());
                for (const auto& one : h.revisions) {
                    CHECK((restored(r, one, dir / "restored.img", repository_path) == truth.at(one.id)));
                    CHECK(verify(r, one).empty());
                }
                const bool delta = tracking_of(s).has_map;
                CHECK(s.snapshots() == (delta && h.newest() ? std::vector{h.newest()->id} : std::vector<revision_id>{}));
                CHECK(!r.catalog().announced());
            });
        };
        all_hold();
        for (const int number : {3, 5, 0}) {  // the newest too: its snapshot goes with it, and the next run reads everything
            engine<S, T>(repository_path, config, store, journal, [&](auto& r, auto& s) {
                const auto id = resolve(r.catalog().read(), std::to_string(number)).id;
                forget(r, s, [&](const history&) { return std::vector{id}; });
                truth.erase(id);
                if (number != 0) return;
                CHECK(s.snapshots().empty());
                const auto made = backup(r, s, {});
                truth[made.made.id] = now;
            });
            all_hold();
        }
    }
}

TEST_CASE("engine: a change map that leaves out what changed is noticed, the revision mended, and said so") {
    if (copy_on_write().empty()) return;
    const scratch dir(copy_on_write().front());
    silent_journal journal;
    randomness random;
    auto& volume = memory_source::named(dir.path().string());
    const auto before = some_volume(random, 9'000'777);
    auto after = before;
    random.fill(after, 100'000, 4'000'000);  // the map will only tell of the second half
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        volume.now = std::make_shared<content>(before);
        CHECK(backup(r, s, {}).attention.empty());
        volume.now = std::make_shared<content>(after);
        volume.map_lies = true;
        const auto second = backup(r, s, {});
        REQUIRE(second.attention.size() == 1);
        CHECK(second.attention[0].find("the change map was wrong") != std::string::npos);
        CHECK(second.made.compared->part == "every block, since the change map was wrong");
        CHECK(second.made.stats.bytes_written == 62 * block_size);  // none of them twice
        CHECK((slurp(dir / "last") == after));
    });
}

TEST_CASE("engine: with a change map only that and the sample are read") {
    if (copy_on_write().empty()) return;
    const scratch dir(copy_on_write().front());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(256 << 20, 'x');
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        CHECK(backup(r, s, {}).made.stats.bytes_read == 256_MiB);
        auto changed = *volume.now;
        changed[100'000'000] = 'y';
        volume.now = std::make_shared<content>(changed);
        const auto made = backup(r, s, {}).made;
        CHECK(made.stats.bytes_written == block_size);
        CHECK(made.stats.bytes_read <= (sample_size + 2 + divide_up(256_MiB / window_size, 30) * window_blocks) * block_size);
        CHECK(made.stats.bytes_read >= sample_size / 2 * block_size);
        CHECK(made.compared->part ==
              "the change map's blocks; beside it up to 917 drawn from the others that are allocated and as many from those that are not, in turn 1 of 30 parts of the allocated ones, the last one");
    });
}

TEST_CASE("engine: the last block is always read, whatever a change map says and a sample draws") {
    const scratch dir(plain());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    content truth(100'000'077, 'x');
    volume.now = std::make_shared<content>(truth);
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        auto base = backup(r, s, {}).made.id;
        for (int run = 0; run < 8; ++run) {
            truth.back() = static_cast<char>('a' + run);
            volume.now = volume.frozen[base] = std::make_shared<content>(truth);  // so that the map tells nothing
            const auto made = backup(r, s, {});
            CHECK(made.attention.size() == 1);
            base = made.made.id;
        }
        CHECK((slurp(dir / "last") == truth));
    });
}

TEST_CASE("engine: so many runs as are configured compare everything that has data") {
    const scratch dir(plain());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    content truth(128 << 20, 'x');
    volume.now = std::make_shared<content>(truth);
    volume.how.compared_within = 3;
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        backup(r, s, {});
        truth[40'000'000] = 'y';  // in a block that the map leaves out
        volume.now = std::make_shared<content>(truth);
        volume.map_lies = true;
        int mended = 0;
        for (int run = 0; run < 3; ++run) mended += static_cast<int>(backup(r, s, {}).attention.size());
        CHECK(mended == 1);
        CHECK((slurp(dir / "last") == truth));
    });
}

TEST_CASE("changes: what is compared beside a map is a sample of either kind, the last block, and each part in turn") {
    const byte_count size = 1000 * window_size + 5;
    block_map used(size), changed(size);
    used.add({0, 600 * window_size});
    changed.add({0, 100 * window_size});
    auto together = block_map(size);
    for (std::uint64_t turn = 7; turn < 7 + 30; ++turn) {
        const auto compared = beside_the_map(changed, used, turn, 30);
        CHECK(!compared.exceeds([&] { auto all = block_map(size); all.add({0, size}), all.remove(changed); return all; }()));
        auto with_data = compared, without = compared;
        with_data.remove({600 * window_size, size}), without.remove({0, 600 * window_size});
        CHECK((without.count() > 850 && without.count() <= sample_size + 1));  // drawn with repetition from 25,600
        CHECK((with_data.count() > 850 + 500 / 31 * window_blocks && with_data.count() <= sample_size + (500 / 30 + 1) * window_blocks));
        together.add(compared);
    }
    used.remove(changed);
    CHECK(!used.exceeds(together));
    CHECK(beside_the_map(block_map(0), block_map(0), 1, 30).count() == 0);
    for (int i = 0; i < 100; ++i) {
        auto [later, sooner] = from_anywhere(used);
        CHECK((later.count() + sooner.count() == used.count() && !later.exceeds(used) && !sooner.exceeds(used)));
        later.add(sooner);
        CHECK(!used.exceeds(later));
    }
}

TEST_CASE("engine: the last block is compared at every run, whatever the change map says") {
    const scratch dir(plain());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    content truth((256 << 20) + 5000, '\0');
    volume.now = std::make_shared<content>(truth);
    volume.forgets_the_end = true;
    volume.how.compared_within = 1'000'000;
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        backup(r, s, {});
        for (const char c : {'a', 'b', 'c', 'd'}) {  // each time 1 in 5 would be drawn
            truth.back() = c;
            volume.now = std::make_shared<content>(truth);
            const auto made = backup(r, s, {});
            CHECK(made.attention.size() == 1);
            CHECK(std::ifstream(dir / "last").seekg(-1, std::ios::end).get() == c);
        }
    });
}

TEST_CASE("engine: after a change map was wrong everything is compared, also where the source sees nothing") {
    const scratch dir(plain());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    content truth(160 << 20, '\0');  // more blocks than a sample has
    volume.now = std::make_shared<content>(truth);
    volume.sees_nothing = true;
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        backup(r, s, {});
        volume.map_lies = true;
        for (std::size_t at = 0; at < truth.size(); at += 2 * block_size) truth[at] = 'y';
        volume.now = std::make_shared<content>(truth);
        CHECK(backup(r, s, {}).attention.size() == 1);
        CHECK((slurp(dir / "last") == truth));
    });
}

TEST_CASE("engine: a snapshot that was asked for in vain and came too late is released by the next run, and only then .run is gone") {
    const scratch dir(plain());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(100'000, 'x');
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        volume.comes_late = true;
        CHECK_THROWS_WITH(backup(r, s, {}), "memory: no snapshot yet");
        REQUIRE(r.catalog().announced());
        const auto late = r.catalog().announced()->snapshots;
        REQUIRE(late.size() == 1);
        CHECK(r.catalog().announced()->revisions.empty());
        volume.comes_late = false;
        volume.frozen[late[0]] = volume.now;  // here it is
        const auto good = backup(r, s, {}).made.id;
        CHECK(s.snapshots() == std::vector{good});
        CHECK(!r.catalog().announced());
        forget(r, s, [&](const history&) { return std::vector{good}; });
        CHECK(!r.catalog().announced());
        volume.comes_late = true;
        CHECK_THROWS_AS(backup(r, s, {}), source_error);
        volume.comes_late = false;
        backup(r, s, {});
        CHECK(!r.catalog().announced());  // it never came
    });
}

TEST_CASE("engine: a comparison that has no more time is left, and the revision says so") {
    const scratch dir(plain());
    noisy_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(400 << 20, 'x');
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        backup(r, s, {});
        auto changed = *volume.now;
        for (std::size_t at = 0; at < changed.size(); at += 8 << 20) changed[at] = 'y';
        volume.now = std::make_shared<content>(changed);
        volume.how.compare_limit = std::chrono::seconds(1);
        volume.slow_reads = true;
        const auto made = backup(r, s, {});
        CHECK(made.attention.empty());
        CHECK(made.made.compared->part.find("partially compared (the time limit): ") == 0);
        CHECK(journal.text.find(made.made.compared->part) != std::string::npos);
        CHECK((slurp(dir / "last") == changed));
    });
}

TEST_CASE("engine: why everything was read is in the log and in the revision") {
    if (copy_on_write().empty()) return;
    const scratch dir(copy_on_write().front());
    noisy_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(2'000'000, 'x');
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        const auto reads_all_because = [&](const std::string& why) {
            INFO(why);
            const auto made = backup(r, s, {}).made;
            CHECK(made.compared->part == "every allocated block (" + why + ")");
            CHECK(journal.text.find("revision " + made.id + ": reading every allocated block (" + why + ")") != std::string::npos);
            CHECK(made.stats.bytes_read == volume.now->size());
            return made;
        };
        reads_all_because("there is no revision to build upon");
        volume.frozen.clear();
        reads_all_because("its parent's snapshot is gone");
        volume.now = std::make_shared<content>(1'900'000, 'x');
        reads_all_because("the size was 2000000, now it is 1900000");
        volume.identity = "another";
        const auto fourth = reads_all_because("it is another volume than before");
        fs::remove(dir / (fourth.id + ".digests"));
        const auto fifth = reads_all_because("its parent has no digests to go by");
        distrust(r, [&](const history& h) { return std::vector{*h.find(fifth.id)}; });
        reads_all_because("newer revisions than its parent do not count");
        volume.how.full_always = true;
        reads_all_because("full-always is set");
        CHECK(s.snapshots().empty());  // nothing is kept for a next run that would not use it
        volume.how.full_always = false;
        reads_all_because("its parent's snapshot is gone");
        CHECK(backup(r, s, {}).made.compared->part.starts_with("the change map's blocks"));
    });
}

TEST_CASE("engine: a snapshot that is not what was read ends the run without a revision") {
    const scratch dir(plain());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(100'000, 'x');
    volume.vanishes = true;
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        CHECK_THROWS_WITH(backup(r, s, {}), "memory: the snapshot vanished while it was read");
        CHECK(r.catalog().read().revisions.empty());
        CHECK(s.snapshots().empty());
    });
}

TEST_CASE("engine: a source that became another volume is read whole, keeps what it shares, and somebody is told") {
    if (copy_on_write().empty()) return;
    const scratch dir(copy_on_write().front());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(2'000'000, 'x');
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        backup(r, s, {});
        volume.identity = "another";
        const auto second = backup(r, s, {});
        REQUIRE(second.attention.size() == 1);
        CHECK(second.attention[0].find("the source became another volume") != std::string::npos);
        CHECK(second.made.stats.bytes_read == 2'000'000);
        CHECK(second.made.stats.bytes_written == 0);
        CHECK(backup(r, s, {}).attention.empty());
    });
}

TEST_CASE("engine: snapshots of others are never touched, and one that cannot be released is a warning and stays in .run") {
    const scratch dir(plain());
    noisy_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(100'000, 'x');
    const auto foreign = fresh_id();
    volume.frozen[foreign] = volume.now;
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        const auto first = backup(r, s, {}).made.id;
        CHECK(!r.catalog().announced());
        volume.holds_snapshots = true;
        const auto second = backup(r, s, {}).made.id;
        CHECK(journal.text.find("the snapshot stays") != std::string::npos);
        CHECK(volume.frozen.size() == 3);
        forget(r, s, [&](const history&) { return std::vector{first}; });  // its snapshot is no revision's now, but .run knows it
        REQUIRE(r.catalog().announced());
        CHECK(r.catalog().announced()->snapshots == std::vector{first});
        volume.unreachable = true;
        volume.holds_snapshots = false;
        CHECK_THROWS_AS(backup(r, s, {}), source_error);
        REQUIRE(r.catalog().announced());
        volume.unreachable = false;
        const auto third = backup(r, s, {}).made.id;
        CHECK(!r.catalog().announced());
        CHECK(s.snapshots().size() == 2);
        CHECK((volume.frozen.contains(foreign) && volume.frozen.contains(third)));
        CHECK(r.catalog().read().has(second));
    });
}

TEST_CASE("engine: revisions that follow one another go at once, whole ones and unfinished ones") {
    const scratch dir(plain());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(100'000, 'x');
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        std::vector<revision_id> made, unfinished{fresh_id(), fresh_id(), fresh_id()};
        for (int i = 0; i < 6; ++i) made.push_back(backup(r, s, {}).made.id);
        const std::vector middle(made.begin() + 1, made.end() - 1);
        forget(r, s, [&](const history&) { return middle; });
        for (const auto& id : unfinished)
            for (const auto& name : {id, "." + id + ".digests.new"}) std::ofstream(dir / name) << "half";
        r.catalog().announce({unfinished, {}, "memory"});
        const auto last = backup(r, s, {}).made.id;
        std::set<std::string> left, right{".lock", "last", "last.rev"};
        for (const auto& entry : fs::directory_iterator(dir.path())) left.insert(entry.path().filename().string());
        for (const auto& id : {made.front(), made.back(), last}) right.insert({id, id + ".digests", id + ".rev"});
        CHECK(left == right);
    });
}

TEST_CASE("engine: forgetting needs no source") {
    const scratch dir(plain());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(100'000, 'x');
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        const auto id = backup(r, s, {}).made.id;
        volume.unreachable = true;
        CHECK(forget(r, s, [&](const history&) { return std::vector{id}; }) == std::vector{id});
        CHECK(r.catalog().read().revisions.empty());
        CHECK(!fs::exists(dir / id));
        volume.unreachable = false;
        backup(r, s, {});
        CHECK(s.snapshots().size() == 1);
    });
}

TEST_CASE("engine: a distrusted newest revision is not built upon, and the next one writes what it had wrong") {
    for (const auto& place : copy_on_write()) {
        const scratch dir(place);
        silent_journal journal;
        randomness random;
        const auto truth = some_volume(random, 3'000'000);
        spill(dir / "disk.img", truth);
        fs::create_directory(dir / "r");
        engine<sources::file<>, stores::image<>>(dir / "r", {dir / "disk.img", false, "", ""}, {}, journal, [&](auto& r, auto& s) {
            const auto first = backup(r, s, {}).made.id;
            const auto second = backup(r, s, {}).made.id;
            rot(dir / "r" / second, 70'000);
            const auto faults = verify(r, *r.catalog().read().find(second));
            REQUIRE(faults.size() == 1);
            CHECK(faults[0] == "offset 65536, 65536 bytes: does not match its digest");
            CHECK(r.catalog().read().find(second)->trust == trust::distrusted);
            CHECK(fs::read_symlink(dir / "r" / "last") == first);
            const auto third = backup(r, s, {}).made;
            CHECK(third.parent == first);
            CHECK((slurp(dir / "r" / "last") == truth));
            CHECK(verify(r, third).empty());
        });
    }
}

TEST_CASE("engine: rot in extents that a distrusted revision shares with older ones does not go on into the next") {
    for (const auto& place : copy_on_write()) {
        const scratch dir(place);
        silent_journal journal;
        randomness random;
        const auto truth = some_volume(random, 3'000'000);
        spill(dir / "disk.img", truth);
        fs::create_directory(dir / "r");
        engine<sources::file<>, stores::image<>>(dir / "r", {dir / "disk.img", false, "", ""}, {}, journal, [&](auto& r, auto& s) {
            const auto first = backup(r, s, {}).made.id, second = backup(r, s, {}).made.id;
            for (const auto& id : {first, second}) rot(dir / "r" / id, 70'000);  // as if one shared extent had rotted
            distrust(r, [&](const history& h) { return std::vector{*h.find(second)}; });
            const auto third = backup(r, s, {}).made;
            CHECK(third.parent == first);
            CHECK((slurp(dir / "r" / "last") == truth));
            CHECK(third.stats.bytes_written == block_size);
            CHECK(verify(r, third).empty());
            CHECK(r.catalog().read().find(third.id)->verified->part == "the whole image, from the disk");
        });
    }
}

TEST_CASE("engine: a change map is not used when there are no digests for what it leaves out") {
    const scratch dir(plain());
    silent_journal journal;
    auto& volume = memory_source::named(dir.path().string());
    volume.now = std::make_shared<content>(160 << 20, 'x');
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        const auto first = backup(r, s, {}).made.id;
        fs::remove(dir / (first + ".digests"));
        const auto second = backup(r, s, {}).made;
        CHECK(second.stats.bytes_read == 160_MiB);
        CHECK(verify(r, second).empty());
        const auto third = backup(r, s, {}).made;  // and from there on it is used again
        CHECK(third.stats.bytes_read < 160_MiB);
        CHECK(verify(r, third).empty());
    });
}

namespace {

/// A medium that does not keep what was written: one bit of what is read back is another.
struct forgetful_store : snapshot_store {
    using snapshot_store::snapshot_store;
    struct forgetful_writer : snapshot_store::writer {
        bytes_in_memory seal() {
            auto bytes = *snapshot_store::writer::seal().bytes;
            bytes.at(1'000'000) = static_cast<char>(bytes.at(1'000'000) ^ 1);
            return {std::make_shared<content>(std::move(bytes))};
        }
    };
    forgetful_writer begin(const revision_id& id, byte_count size, const std::optional<revision_id>& parent) { return {snapshot_store::begin(id, size, parent)}; }
};

}  // namespace

TEST_CASE("engine: what the medium did not keep is found by the read-back, and the revision never exists") {
    const scratch dir(plain());
    silent_journal journal;
    memory_source::named(dir.path().string()).now = std::make_shared<content>(2'000'000, 'x');
    engine<memory_source, forgetful_store>(dir.path(), {dir.path().string()}, {dir.path().string()}, journal, [&](auto& r, auto& s) {
        CHECK_THROWS_WITH(backup(r, s, {}), Catch::EndsWith("read-back at offset 983040: does not match its digest"));
        CHECK(r.catalog().read().revisions.empty());
        CHECK(r.catalog().read().strangers.empty());
        CHECK(!r.catalog().announced());
        CHECK(s.snapshots().empty());
    });
}

TEST_CASE("engine: where a parent had to be copied, the copy is counted and read back") {
    const scratch dir(fs::exists("/dev/shm") ? fs::path("/dev/shm") : plain());
    silent_journal journal;
    spill(dir / "disk.img", content(2'000'000, 'x'));
    fs::create_directory(dir / "r");
    engine<sources::file<>, stores::image<>>(dir / "r", {dir / "disk.img", false, "", ""}, {}, journal, [&](auto& r, auto& s) {
        backup(r, s, {});
        const auto second = backup(r, s, {}).made;
        CHECK(second.stats.bytes_written >= 2'000'000);
        CHECK(second.read_back->part.starts_with("31 blocks"));
        rot(dir / "r" / second.id, 983'040 + 5);
        CHECK_THROWS_WITH(backup(r, s, {}), Catch::Contains("offset 983040: does not match its digest, as it was copied from its parent (backy verify -r " + second.id + ")"));
        verify(r, r.catalog().read().revisions.back());
        CHECK(backup(r, s, {}).made.trust == trust::trusted);  // of the one before
    });
}

TEST_CASE("engine: a target that cannot be read is written") {
    struct unreadable : io::posix {
        long pread(int, block, byte_count) const { return -EIO; }
    };
    const scratch dir(plain()), to(plain());
    silent_journal journal;
    const content truth(3'000'000, 'x');
    memory_source::named(dir.path().string()).now = std::make_shared<content>(truth);
    std::ofstream(to / "target") << content(3'000'000, 'y');
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        const auto made = backup(r, s, {}).made;
        targets::file<unreadable> target({(to / "target").string(), dir.path(), false});
        CHECK(restore(r, made, target).bad.empty());
    });
    CHECK(slurp(to / "target") == truth);
}

TEST_CASE("digests: an image that stands for a table counts what it cannot read as different") {
    struct torn : bytes_in_memory {
        void read(byte_count at, block out) const {
            if (at == 0) throw error("torn", "read: Input/output error");
            bytes_in_memory::read(at, out);
        }
    };
    const auto bytes = std::make_shared<content>(window_size + 100, 'x');
    const computed_digests<hashes::gmac, torn> digests(hashes::gmac::fresh_key(), torn{{bytes}});
    CHECK(digests.compare(0, bytes_of(std::string_view(*bytes).substr(0, 100'000))).differing == 0b11);
    CHECK(digests.compare(window_size, bytes_of(std::string_view(*bytes).substr(window_size))).differing == 0);
}

TEST_CASE("engine: a parent without usable digests is read instead, and what it shares stays shared") {
    if (copy_on_write().empty()) return;
    const scratch dir(copy_on_write().front());
    noisy_journal journal;
    randomness random;
    const auto truth = some_volume(random, 3'000'077);
    spill(dir / "disk.img", truth);
    fs::create_directory(dir / "r");
    const sources::file<>::config source{dir / "disk.img", false, "", ""};
    const auto first = engine<sources::file<>, stores::image<>>(dir / "r", source, {}, journal, [](auto& r, auto& s) { return backup(r, s, {}); }).made.id;
    const auto second_backup = [&]<class H>(H) {
        const auto made = engine<sources::file<>, stores::image<>, H>(dir / "r", source, {}, journal, [&](auto& r, auto& s) {
            const auto one = backup(r, s, {}).made;
            CHECK(verify(r, one).empty());
            return one;
        });
        CHECK(made.parent == first);
        CHECK((slurp(dir / "r" / "last") == truth));
        return made;
    };
    SECTION("they are damaged") {
        rot(dir / "r" / (first + ".digests"), 4096 + 5);
        CHECK(second_backup(hashes::gmac(hashes::gmac::fresh_key())).stats.bytes_written == 0);
        CHECK(journal.text.find("its digests are damaged") != std::string::npos);
    }
    SECTION("they are gone") {
        fs::remove(dir / "r" / (first + ".digests"));
        CHECK(second_backup(hashes::gmac(hashes::gmac::fresh_key())).stats.bytes_written == 0);
    }
    SECTION("they were made by another hash") {
        CHECK(second_backup(hashes::sha256()).stats.bytes_written == 0);
        CHECK(journal.text.find("not a table of format 1 by sha256") != std::string::npos);
    }
    SECTION("the revision came from elsewhere: only its image and three lines of metadata are there") {
        fs::remove(dir / "r" / (first + ".digests"));
        fs::remove(dir / "r" / (first + ".rev"));
        std::ofstream(dir / "r" / (first + ".rev"))
            << "uuid = \"" << first << "\"\ntimestamp = 2015-11-04T11:09:26Z\ntags = [\"old\"]\nstats = { duration = 1.5 }\n";
        CHECK(second_backup(hashes::gmac(hashes::gmac::fresh_key())).stats.bytes_written == 0);
    }
}

TEST_CASE("engine: a newest revision whose image is gone or was cut is passed over, and somebody is told") {
    if (copy_on_write().empty()) return;
    const scratch dir(copy_on_write().front());
    silent_journal journal;
    randomness random;
    const auto truth = some_volume(random, 2'000'000);
    spill(dir / "disk.img", truth);
    fs::create_directory(dir / "r");
    engine<sources::file<>, stores::image<>>(dir / "r", {dir / "disk.img", false, "", ""}, {}, journal, [&](auto& r, auto& s) {
        const auto first = backup(r, s, {}).made.id, second = backup(r, s, {}).made.id;
        SECTION("gone") { fs::remove(dir / "r" / second); }
        SECTION("a symlink, since somebody moved it") {
            fs::rename(dir / "r" / second, dir / "moved");
            fs::create_symlink(dir / "moved", dir / "r" / second);
        }
        SECTION("a FIFO") {
            fs::remove(dir / "r" / second);
            REQUIRE(::mkfifo((dir / "r" / second).c_str(), 0600) == 0);
        }
        SECTION("cut") {
            fs::permissions(dir / "r" / second, fs::perms(0640));
            fs::resize_file(dir / "r" / second, 1'999'999);
        }
        const auto third = backup(r, s, {});
        CHECK(third.attention.size() == 1);
        CHECK(third.made.parent == first);
        CHECK((slurp(dir / "r" / "last") == truth));
        CHECK(verify(r, third.made).empty());
        if (fs::is_symlink(dir / "r" / second) || !fs::is_regular_file(dir / "r" / second)) {
            if (fs::exists(fs::symlink_status(dir / "r" / second))) CHECK_THROWS_AS(verify(r, *r.catalog().read().find(second)), error);
            return;
        }
        CHECK(!verify(r, *r.catalog().read().find(second)).empty());
        CHECK(r.catalog().read().find(second)->trust == trust::distrusted);
    });
}

TEST_CASE("engine: two backups at once: one runs, the other is told") {
    const scratch dir(plain());
    silent_journal journal;
    memory_source::named(dir.path().string()).now = std::make_shared<content>("x");
    engine<memory_source, stores::image<>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        catalogs::files<> other(dir.path());
        const auto held = other.lock(false);
        CHECK_THROWS_WITH(backup(r, s, {}), (dir / ".lock").string() + ": lock: held by another backy process (try again when it has ended)");
        CHECK_THROWS_AS(forget(r, s, [](const history&) { return std::vector<revision_id>{}; }), lock_busy);
        CHECK_THROWS_AS(distrust(r, [](const history& h) { return h.revisions; }), lock_busy);
        CHECK(r.catalog().read().revisions.empty());
    });
}
