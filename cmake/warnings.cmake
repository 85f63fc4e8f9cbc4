# SPDX-License-Identifier: GPL-3.0-or-later
# For our own programs and tests; users of the headers choose their own.
add_library(backy_warnings INTERFACE)
target_compile_options(backy_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror)
