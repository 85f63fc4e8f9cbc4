// SPDX-License-Identifier: GPL-3.0-or-later
// The whole of backy with five policies of one's own: what a configuration can name, what digests are made by, when runs are due, and where
// restores go. Everything else is as it was.
#include "../hash/blake2b.hpp"
#include "../schedule/calendar.hpp"
#include "../source/pieces.hpp"
#include "../store/linked.hpp"
#include "../target/pipe.hpp"

#include <backy/backy.hpp>

using sources = backy::sources_of<backy::sources::throttled<backy::sources::file<>>, my::pieces>;
using stores = backy::stores_of<backy::stores::image<>, my::linked>;
using targets = backy::targets_of<backy::targets::stream<>, my::pipe, backy::targets::file<>>;  // the first that claims gets it
using build = backy::composition<sources, stores, my::blake2b, my::calendar, targets>;

int main(int argc, char** argv) { return backy::cli::main<build>(argc, argv); }
