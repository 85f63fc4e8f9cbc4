// SPDX-License-Identifier: GPL-3.0-or-later
// The laws of Catalog: `catalog_suite(make)`, where make() opens the same catalog again and again.
#pragma once

#include <backy/concepts/catalog.hpp>
#include <backy/conformance/store_suite.hpp>

namespace backy::conformance {

inline revision some_revision(std::uint64_t sequence) {
    using namespace std::chrono;
    revision r;
    r.id = fresh_id();
    r.sequence = sequence;
    r.made_at = sys_days(2015y / November / 4) + 11h + microseconds(26'000'001);
    r.parent = fresh_id();
    r.tags = {"daily", "manual:x.y-z_1"};
    r.trust = trust::verified;
    r.consistency = consistency::application;
    r.size = 1'099'511'627'777;
    r.source = {"file", "/a \"b\"\n\\c", "inode 7", "a mark"};
    r.stats = {12, 34, seconds(0.125)};
    r.digests = {"gmac", 65536, std::string(64, 'a')};
    r.durable = r.read_back = proof{r.made_at, "all"};
    return r;
}

template <class Make>
    requires Catalog<std::remove_reference_t<std::invoke_result_t<Make>>>
void catalog_suite(Make make) {
    SECTION("what was put is read again, in order of sequence") {
        const auto second = some_revision(2), first = some_revision(1);
        make().put(second);
        make().put(first);
        const auto h = make().read();
        REQUIRE(h.revisions.size() == 2);
        CHECK(h.revisions[0].id == first.id);
        const auto& r = h.revisions[1];
        CHECK(std::tuple(r.id, r.sequence, r.made_at, r.parent, r.tags, r.trust, r.consistency, r.size) ==
              std::tuple(second.id, second.sequence, second.made_at, second.parent, second.tags, second.trust, second.consistency, second.size));
        CHECK(std::tuple(r.source.type, r.source.name, r.source.identity) == std::tuple("file", second.source.name, "inode 7"));
        CHECK(r.source.snapshot == "a mark");
        CHECK(std::tuple(r.stats.bytes_written, r.stats.bytes_read, r.stats.duration) == std::tuple(12u, 34u, second.stats.duration));
        CHECK(std::tuple(r.digests->algorithm, r.digests->block_size, r.digests->sha256) == std::tuple("gmac", 65536u, std::string(64, 'a')));
        CHECK((r.durable && r.durable->at == r.made_at && r.read_back->part == "all" && !r.compared && !r.verified));
    }
    SECTION("putting again replaces, removing removes, twice too") {
        auto r = some_revision(1);
        make().put(r);
        r.trust = trust::distrusted;
        make().put(r);
        REQUIRE(make().read().revisions.size() == 1);
        CHECK(make().read().revisions[0].trust == trust::distrusted);
        make().remove(r.id);
        make().remove(r.id);
        CHECK(make().read().revisions.empty());
    }
    SECTION("an announcement stays until the catalog is at rest") {
        CHECK(!make().announced());
        const announcement a{{fresh_id(), fresh_id()}, {fresh_id()}, "rbd/\"x\"\n"};
        make().announce({{fresh_id()}, {}, ""});
        make().announce(a);
        const auto read = make().announced();
        REQUIRE(read);
        CHECK((read->revisions == a.revisions && read->snapshots == a.snapshots && read->source == a.source));
        make().at_rest();
        make().at_rest();
        CHECK(!make().announced());
    }
    SECTION("revisions that are retired are gone and announced at once, beside what else is announced") {
        const auto r = some_revision(1), other = some_revision(2);
        make().put(r), make().put(other);
        make().retire(r.id);
        CHECK(!make().read().has(r.id));
        REQUIRE(make().announced());
        CHECK((make().announced()->revisions == std::vector{r.id} && make().announced()->snapshots == std::vector{r.id}));
        make().retire(other.id);
        CHECK(make().announced()->revisions.size() == 2);
        CHECK(make().read().strangers.empty());
        make().at_rest();
        CHECK(!make().announced());
    }
    SECTION("of two who lock one gets it, and the other after the first has let go") {
        auto&& a = make();
        auto&& b = make();
        {
            const auto held = a.lock(false);
            CHECK_THROWS_AS(b.lock(false), lock_busy);
        }
        CHECK_NOTHROW(b.lock(false));
        CHECK_NOTHROW(b.lock(true));
    }
    SECTION("its digests are a store") {
        store_suite([&]() -> decltype(auto) {
            static std::optional<std::remove_cvref_t<decltype(make())>> kept;
            kept.emplace(make());
            return kept->digests();
        });
    }
}

}  // namespace backy::conformance
