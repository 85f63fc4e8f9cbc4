// SPDX-License-Identifier: GPL-3.0-or-later
#include "../composition.hpp"

int main(int argc, char** argv) { return backy::cli::main<build>(argc, argv); }
