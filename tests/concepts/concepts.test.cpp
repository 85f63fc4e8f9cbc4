// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: concepts/confinable concepts/io concepts/image concepts/snapshot concepts/source concepts/store concepts/catalog concepts/target concepts/hash concepts/schedule concepts/clock
// Types that must not model a concept: each lacks one thing. That this compiles is the test.
#include "../archetypes/archetypes.hpp"

#include <backy/concepts/confinable.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/io/faulty.hpp>
#include <backy/schedules/interval.hpp>
#include <backy/sources/file.hpp>
#include <backy/stores/image.hpp>

#include <catch2/catch.hpp>

namespace {
using namespace backy;

static_assert(Io<io::posix> && Io<io::faulty<io::posix>> && Image<archetype::image> && SealedImage<archetype::sealed_image>);
static_assert(Snapshot<archetype::snapshot> && DeltaSnapshot<archetype::delta_snapshot> && Source<archetype::source<archetype::snapshot>>);
static_assert(TrackedSource<archetype::tracked_source>);
static_assert(RevisionWriter<archetype::writer> && RevisionSpace<archetype::space> && Store<archetype::store> && FileStore<archetype::file_store> && AgeingStore<archetype::ageing_store>);
static_assert(Catalog<archetype::catalog> && Target<archetype::target> && InPlaceTarget<archetype::in_place_target>);
static_assert(Hash<archetype::hash> && Schedule<archetype::schedule> && Clock<archetype::clock> && Composition<archetype::build>);

struct io_without_fsync : io::posix {
    long fsync(int) const = delete;
};
struct image_read_by_one_thread : archetype::image {
    void read(byte_count, block);  // not const: no promise to several
};
struct pinned_image : archetype::pinned {
    byte_count size() const;
    void read(byte_count, block) const;
    void extents(const extent_visitor&) const;
};
struct snapshot_of_nothing : archetype::snapshot {
    std::string identity() const = delete;
};
struct delta_that_cannot_say_why : archetype::snapshot {
    bool changed_since(const revision_id&, const extent_visitor&) const;
};
struct snapshot_without_attest : archetype::snapshot {
    void attest() const = delete;
};
struct tracked_without_a_map : archetype::source<archetype::snapshot> {
    using source::source;
    tracking tracked();
};
struct source_without_release : archetype::source<archetype::snapshot> {
    using source::source;
    void release(const revision_id&) = delete;
};
struct writer_without_seal : archetype::writer {
    archetype::sealed_image seal() = delete;
};
struct writer_that_seals_into_cache : archetype::writer {
    archetype::image seal();
};
struct store_without_a_journal : archetype::space {
    static constexpr auto type = name<"mute">;
    using config = archetype::config;
    store_without_a_journal(config, const std::filesystem::path&);
};
struct catalog_without_announcement : archetype::catalog {
    using catalog::catalog;
    void announce(const announcement&) = delete;
};
struct target_without_sync : archetype::target {
    using target::target;
    void sync() = delete;
};
struct hash_without_key : archetype::hash {
    static key fresh_key() = delete;
};
struct schedule_without_intervals : archetype::schedule {
    using schedule::schedule;
    std::optional<std::chrono::seconds> interval_of(const std::string&) const = delete;
};
struct clock_that_only_tells_the_time : archetype::pinned {
    timestamp now() const;
};

static_assert(!Io<int> && !Io<io_without_fsync>);
static_assert(!Image<int> && !Image<image_read_by_one_thread> && !Image<pinned_image> && !SealedImage<archetype::image>);
static_assert(!Snapshot<archetype::image>, "an opened revision is no snapshot: nobody asked the store how it was frozen");
static_assert(!Snapshot<snapshot_of_nothing> && !Snapshot<snapshot_without_attest> && !DeltaSnapshot<archetype::snapshot> && !DeltaSnapshot<delta_that_cannot_say_why>);
static_assert(!Source<archetype::source<archetype::image>> && !Source<source_without_release> && !Source<archetype::store>);
static_assert(!TrackedSource<archetype::source<archetype::delta_snapshot>> && !TrackedSource<tracked_without_a_map>);
static_assert(!RevisionWriter<writer_without_seal> && !RevisionWriter<writer_that_seals_into_cache>);
static_assert(!Store<archetype::space> && !Store<store_without_a_journal> && !FileStore<archetype::store> && !AgeingStore<archetype::file_store> && !Store<sources::file<>>);
static_assert(!Catalog<catalog_without_announcement> && !Catalog<archetype::store>);
static_assert(!Target<target_without_sync> && !InPlaceTarget<archetype::target> && !Target<archetype::image>);
static_assert(!Hash<hash_without_key> && !Hash<int> && !Schedule<schedule_without_intervals> && !Clock<clock_that_only_tells_the_time>);
static_assert(!Composition<int>);

struct confinable_maybe {
    std::optional<bool> needs_only_files() const;
};
struct confinable_by_a_change {
    bool needs_only_files();
};
static_assert(Confinable<sources::file<>> && Confinable<stores::image<>> && Confinable<catalogs::files<>>);
static_assert(!Confinable<archetype::store> && !Confinable<confinable_maybe> && !Confinable<confinable_by_a_change>);

}  // namespace

TEST_CASE("concepts: a type that lacks one thing models none of them") { SUCCEED("by static_assert"); }

TEST_CASE("confinable: what does not say that it needs only files may need anything, and a file source with commands does") {
    silent_journal journal;
    const auto source = [&](section table) { return sources::file<>(sources::file<>::config::from(table.set("filename", {std::string("/x")})), journal); };
    const auto reflink = [] { return section().set("freeze", {std::string("reflink")}); };
    CHECK(!needs_only_files(0));
    CHECK(needs_only_files(source(section())));
    CHECK(needs_only_files(source(reflink())));
    CHECK(!needs_only_files(source(reflink().set("freeze-command", {std::string("true")}).set("thaw-command", {std::string("true")}))));
}
