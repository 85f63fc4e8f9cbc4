// SPDX-License-Identifier: GPL-3.0-or-later
#include "pieces.hpp"

#include <backy/conformance/source_suite.hpp>

namespace {

using namespace backy::conformance;

struct volume {  // what the suite changes, and the source that reads it
    void set(const content& c) {
        spill(dir / "a", c.substr(0, c.size() / 3));
        spill(dir / "b", c.substr(c.size() / 3));
    }
    std::string spelling() const { return (dir / "a").string() + "," + (dir / "b").string(); }
    my::pieces make() { return {my::pieces::config::from(my::pieces::parse(spelling())), journal}; }
    scratch dir;
    backy::silent_journal journal;
};

}  // namespace

TEST_CASE("pieces: conforms") {
    volume v;
    source_suite(v);
}
