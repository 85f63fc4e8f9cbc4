// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: composition
// Every template of the engine and the command line over the archetypes. That this compiles is the test.
#include "archetypes.hpp"

#include <backy/cli/main.hpp>
#include <backy/io/faulty.hpp>
#include <backy/stores/image.hpp>

#include <catch2/catch.hpp>

namespace archetype {

template <class T>
using repository_of = repository<T, catalog, hash, clock>;

template <class Frozen, class T>
void engine(repository_of<T>& r, source<Frozen>& s, target& t, in_place_target& p, const revision& one, const schedule& kept) {
    backup(r, s, {});
    forget(r, s, [](const history&) { return std::vector<revision_id>{}; });
    expire(r, s, kept);
    relayout(r);
    verify(r, one);
    distrust(r, [](const history& h) { return h.revisions; });
    restore(r, one, t);
    restore(r, one, p);
}

}  // namespace archetype

TEST_CASE("archetypes: the engine and the command line ask for no more than the concepts promise") {
    using namespace archetype;
    CHECK(&engine<snapshot, store> != nullptr);
    CHECK(&engine<delta_snapshot, file_store> != nullptr);
    CHECK(&engine<snapshot, ageing_store> != nullptr);
    CHECK(&cli::main<build> != nullptr);
    using twice_faulty = io::faulty<io::faulty<io::posix>>;  // an adapter over an adapter over a policy
    CHECK(std::is_constructible_v<stores::image<twice_faulty>, stores::image<twice_faulty>::config, const std::filesystem::path&, journal&>);
}
