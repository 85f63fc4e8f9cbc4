// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: conformance/catalog_suite conformance/faulty_source conformance/image_suite conformance/small_suites conformance/source_suite conformance/store_suite conformance/target_suite conformance/volume
// The suites notice what they are for: policies that break one law each. (Those that keep them run the same suites in the tests of their headers.)
#include "support/stores_without_files.hpp"

#include <backy/conformance/catalog_suite.hpp>
#include <backy/conformance/small_suites.hpp>
#include <backy/conformance/source_suite.hpp>
#include <backy/conformance/store_suite.hpp>
#include <backy/conformance/target_suite.hpp>
#include <backy/hashes/sha256.hpp>
#include <backy/io/posix.hpp>
#include <backy/schedules/interval.hpp>
#include <backy/targets/file.hpp>

using namespace backy;
using conformance::content, conformance::scratch;

namespace {

silent_journal quiet;
std::string fresh_name() { return fresh_id(); }

struct volume {  // in memory
    void set(const content& c) { support::memory_source::named(name).now = std::make_shared<content>(c); }
    std::string spelling() const { return name; }
    std::string name = fresh_name();
};
template <class S>
struct volume_of : volume {
    S make() { return S({name}, quiet); }
};

struct source_of_zeroes : support::memory_source {
    using memory_source::memory_source;
    struct snapshot : memory_source::snapshot {
        void read(byte_count, block out) const { std::ranges::fill(out, std::byte{}); }
    };
    snapshot freeze(const revision_id& id) { return {memory_source::freeze(id)}; }
};
struct store_that_forgets_to_remove : support::chunk_store {
    using chunk_store::chunk_store;
    void remove(const revision_id&) {}
};
struct store_that_ignores_parents : support::chunk_store {
    using chunk_store::chunk_store;
    writer begin(const revision_id& id, byte_count size, const std::optional<revision_id>&) { return chunk_store::begin(id, size, {}); }
};
struct target_without_zeroes : targets::file<> {
    using file::file;
    void zero(extent) {}
};
struct hash_of_the_first_page : hashes::sha256 {
    using sha256::sha256;
    digest operator()(const_block in) const { return sha256::operator()(in.first(std::min<std::size_t>(in.size(), 4_KiB))); }
};
struct schedule_that_keeps_nothing : schedules::interval {
    using interval::interval;
    expiry expired(const history& h, timestamp) const {
        expiry e;
        for (const auto& r : h.revisions) e.removed.push_back(r.id);
        return e;
    }
};
struct catalog_that_forgets_to_announce : catalogs::files<> {
    using files::files;
    void announce(const announcement&) {}
};
struct io_that_removes_what_is_not_there : io::posix {
    long unlinkat(int dir, const std::string& name) const { return posix::unlinkat(dir, name), 0; }
};
struct stopped_clock : clocks::system {
    timestamp now() const { return {}; }
};

}  // namespace

TEST_CASE("conformance: a source in memory conforms") {
    volume_of<support::memory_source> v;
    conformance::source_suite(v);
}

TEST_CASE("conformance: a source whose change map leaves something out does not", "[!shouldfail]") {
    volume_of<support::memory_source> v;
    support::memory_source::named(v.name).map_lies = true;  // of the first half; at times all that the suite changes lies in the other
    for (int i = 0; i < 5; ++i) conformance::source_suite(v);
}
TEST_CASE("conformance: a source that reads zeroes does not", "[!shouldfail]") {
    volume_of<source_of_zeroes> v;
    conformance::source_suite(v);
}
TEST_CASE("conformance: a store that forgets to remove does not", "[!shouldfail]") {
    const auto name = fresh_name();
    conformance::store_suite([&] { return store_that_forgets_to_remove({name}, "", quiet); });
}
TEST_CASE("conformance: a store that ignores parents does not", "[!shouldfail]") {
    const auto name = fresh_name();
    conformance::store_suite([&] { return store_that_ignores_parents({name}, "", quiet); });
}
TEST_CASE("conformance: a target that writes no zeroes does not", "[!shouldfail]") {
    const scratch dir, repository;
    const auto path = dir / "target";
    conformance::target_suite([&] { return target_without_zeroes({path, repository.path(), false}); }, [&] { return conformance::slurp(path); });
}
TEST_CASE("conformance: a hash of the first page alone does not", "[!shouldfail]") { conformance::hash_suite<hash_of_the_first_page>(); }
TEST_CASE("conformance: a schedule that keeps nothing does not", "[!shouldfail]") {
    conformance::schedule_suite<schedule_that_keeps_nothing>(config::parse("daily = { interval = \"1d\", keep = 7 }\nweekly = { interval = \"1w\", keep = 4 }", "f"));
}
TEST_CASE("conformance: a catalog that forgets what was announced does not", "[!shouldfail]") {
    const scratch dir;
    conformance::catalog_suite([&] { return catalog_that_forgets_to_announce(dir.path()); });
}
TEST_CASE("conformance: an Io that removes what is not there does not", "[!shouldfail]") { conformance::io_suite(io_that_removes_what_is_not_there()); }
TEST_CASE("conformance: a clock that stands still in 1970 does not", "[!shouldfail]") { conformance::clock_suite(stopped_clock()); }
