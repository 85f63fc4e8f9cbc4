// SPDX-License-Identifier: GPL-3.0-or-later
// The laws of Source. A fixture makes a volume and changes it: `set(content)`, `make()`, a source that reads it, and `spelling()`,
// as a user would write it. One that has a `granule` can only be as large as multiples of it; one that `keeps_no_map` never tells what changed.
#pragma once

#include <backy/catalogs/files.hpp>
#include <backy/clocks/system.hpp>
#include <backy/conformance/faulty_source.hpp>
#include <backy/conformance/image_suite.hpp>
#include <backy/engine/backup.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/stores/image.hpp>

#include <iostream>
#include <map>

namespace backy::conformance {

/// Backs up, with the n-th call of the source failing, for every n until a run passes clean; the normal run draws a part of them.
template <class Fixture>
void faults_of_source(Fixture& volume, std::size_t size, randomness& random) {
    using S = std::remove_cvref_t<decltype(volume.make())>;
    using kind = source_plan::kind;
    silent_journal journal;
    const scratch dir;
    stores::image<> store({}, dir.path(), journal);
    catalogs::files<> catalog(dir.path());
    const repository<stores::image<>, catalogs::files<>, hashes::gmac, clocks::system> repository(store, catalog, journal);
    auto truth = some_volume(random, size);
    std::map<revision_id, content> acknowledged;
    const auto back_up = [&](auto source) { acknowledged[backup(repository, source, {"daily"}, 1).made.id] = truth; };
    const auto next = [&] {
        volume.set(truth = changed(random, truth, size));
    };
    const auto check = [&](bool settled) {
        const auto h = catalog.read();
        for (const auto& [id, bytes] : acknowledged) CHECK((h.find(id) && slurp(store.path(id)) == bytes));
        for (const auto& r : h.revisions)
            if (!acknowledged.contains(r.id)) CHECK((slurp(store.path(r.id)) == truth));
        if (settled)
            for (const auto& id : volume.make().snapshots()) CHECK(id == h.newest()->id);
        CHECK((!settled || !catalog.announced()));
    };
    volume.set(truth);
    back_up(volume.make());
    std::size_t tried = 0, failed = 0;
    for (const auto what : {kind::once, kind::from_then_on, kind::too_late})
        for (long n = 1;; ++n) {
            source_plan plan{what, n};
            if (n > 1 && !is_drawn(random, 3)) continue;  // the first, at which a volume is frozen, always
            INFO("fault " << static_cast<int>(what) << " at call " << n);
            next();
            try {
                back_up(faulty_source<S>([&] { return volume.make(); }, plan));
            } catch (const error&) {
                ++failed;
            }
            check(false);
            if (plan.calls < n) break;
            ++tried;
            next();
            back_up(volume.make());
            check(true);
        }
    std::cout << S::type.c_str() << " source: " << tried << " faults tried, " << failed << " runs failed" << std::endl;
    CHECK(failed > 0);
}

template <class Fixture>
void source_suite(Fixture& volume) {
    using S = std::remove_cvref_t<decltype(volume.make())>;
    static_assert(Source<S>);
    randomness random;
    const auto possible = [&](std::size_t size) {
        if constexpr (requires { Fixture::granule; }) return std::max<std::size_t>(round_up(size, Fixture::granule), Fixture::granule);
        else return size;
    };
    const auto exists = [&](const revision_id& id) { return std::ranges::count(volume.make().snapshots(), id) > 0; };

    SECTION("what init writes can be read") { CHECK_NOTHROW(S::config::from(S::parse(volume.spelling()))); }
    SECTION("a snapshot has the volume's bytes, of any size") {
        for (const std::size_t size : {0ul, 1ul, 65536ul, 65537ul, 5'000'001ul}) {
            INFO(size);
            const auto truth = some_volume(random, possible(size));
            volume.set(truth);
            auto source = volume.make();
            const auto id = fresh_id();
            image_suite(source.freeze(id), truth);
            source.release(id);
        }
    }
    SECTION("unless it is live, a snapshot keeps its bytes while the volume goes on") {
        const auto truth = some_volume(random, possible(1'000'001));
        volume.set(truth);
        auto source = volume.make();
        const auto id = fresh_id();
        if (const auto snapshot = source.freeze(id); snapshot.consistency() != consistency::live) {
            volume.set(changed(random, truth, possible(900'000)));
            image_suite(snapshot, truth);
        }
        source.release(id);
    }
    SECTION("a snapshot that outlives its process is listed until it is released, by anybody") {
        volume.set(some_volume(random, possible(100'000)));
        const auto id = fresh_id();
        { auto frozen = volume.make().freeze(id); }
        CHECK((exists(id) || volume.make().snapshots().empty()));
        volume.make().release(id);
        CHECK(!exists(id));
        CHECK_NOTHROW(volume.make().release(id));
    }
    SECTION("the same volume has the same identity, whatever is in it") {
        volume.set(some_volume(random, possible(100'000)));
        auto source = volume.make();
        const auto first = fresh_id(), second = fresh_id();
        const auto before = source.freeze(first).identity();
        volume.set(some_volume(random, possible(90'000)));
        CHECK(source.freeze(second).identity() == before);
        source.release(first), source.release(second);
    }
    SECTION("whichever call of it fails, a backup is whole or is none, and the next one needs no help") { faults_of_source(volume, possible(300'000), random); }
    if constexpr (DeltaSnapshot<snapshot_of<S>>) {
        SECTION("the change map leaves out nothing that changed, and says so when it cannot tell") {
            const auto before = some_volume(random, possible(2'000'000)), after = changed(random, before, possible(2'000'000));
            auto source = volume.make();
            const auto first = fresh_id(), second = fresh_id();
            volume.set(before);
            { auto frozen = source.freeze(first); }
            volume.set(after);
            {
                const auto snapshot = source.freeze(second);
                auto mended = before;
                const auto why = snapshot.changed_since(first, [&](extent e) { mended.replace(e.offset, e.length, after, e.offset, e.length); });
                if constexpr (requires { Fixture::keeps_no_map; }) CHECK(why.value_or("") != "");
                else CHECK((!why && mended == after));
                CHECK(snapshot.changed_since(fresh_id(), [](extent) {}).value_or("") != "");
                CHECK_NOTHROW(snapshot.attest());
            }
            source.release(first), source.release(second);
        }
    }
}

}  // namespace backy::conformance
