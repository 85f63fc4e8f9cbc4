// SPDX-License-Identifier: GPL-3.0-or-later
#include <backy/backy.hpp>

using build = backy::composition<backy::sources_of<backy::sources::file<>>, backy::stores_of<backy::stores::image<>>, backy::hashes::gmac,
                                 backy::schedules::interval>;

int main(int argc, char** argv) { return backy::cli::scheduler_main<build>(argc, argv); }
