// SPDX-License-Identifier: GPL-3.0-or-later
// The laws of Source. A fixture makes a volume and changes it: `set(content)`, and `make()`, a source that reads it. One that has a
// `granule` can only be as large as multiples of it; one that `keeps_no_map` never tells what changed.
#pragma once

#include "image_suite.hpp"

#include <backy/concepts/source.hpp>

namespace conformance {

template <class Fixture>
void source_suite(Fixture& volume) {
    using namespace backy;
    using S = std::remove_cvref_t<decltype(volume.make())>;
    static_assert(Source<S>);
    support::randomness random;
    const auto possible = [&](std::size_t size) {
        if constexpr (requires { Fixture::granule; }) return std::max<std::size_t>(round_up(size, Fixture::granule), Fixture::granule);
        else return size;
    };
    const auto exists = [&](const revision_id& id) { return std::ranges::count(volume.make().snapshots(), id) > 0; };

    SECTION("what init writes can be read") { CHECK_NOTHROW(S::config::from(S::parse(volume.spelling()))); }
    SECTION("a snapshot has the volume's bytes, of any size") {
        for (const std::size_t size : {0ul, 1ul, 65536ul, 65537ul, 5'000'001ul}) {
            INFO(size);
            const auto truth = support::some_volume(random, possible(size));
            volume.set(truth);
            auto source = volume.make();
            const auto id = fresh_id();
            image_suite(source.freeze(id), truth);
            source.release(id);
        }
    }
    SECTION("unless it is live, a snapshot keeps its bytes while the volume goes on") {
        const auto truth = support::some_volume(random, possible(1'000'001));
        volume.set(truth);
        auto source = volume.make();
        const auto id = fresh_id();
        if (const auto snapshot = source.freeze(id); snapshot.consistency() != consistency::live) {
            volume.set(support::changed(random, truth, possible(900'000)));
            image_suite(snapshot, truth);
        }
        source.release(id);
    }
    SECTION("a snapshot that outlives its process is listed until it is released, by anybody") {
        volume.set(support::some_volume(random, possible(100'000)));
        const auto id = fresh_id();
        { auto frozen = volume.make().freeze(id); }
        CHECK((exists(id) || volume.make().snapshots().empty()));
        volume.make().release(id);
        CHECK(!exists(id));
        CHECK_NOTHROW(volume.make().release(id));
    }
    SECTION("the same volume has the same identity, whatever is in it") {
        volume.set(support::some_volume(random, possible(100'000)));
        auto source = volume.make();
        const auto first = fresh_id(), second = fresh_id();
        const auto before = source.freeze(first).identity();
        volume.set(support::some_volume(random, possible(90'000)));
        CHECK(source.freeze(second).identity() == before);
        source.release(first), source.release(second);
    }
    if constexpr (DeltaSnapshot<snapshot_of<S>>) {
        SECTION("the change map leaves out nothing that changed, and says so when it cannot tell") {
            const auto before = support::some_volume(random, possible(2'000'000)), after = support::changed(random, before, possible(2'000'000));
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

}  // namespace conformance
