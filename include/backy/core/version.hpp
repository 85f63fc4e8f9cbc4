// SPDX-License-Identifier: GPL-3.0-or-later
// The version of these headers and programs; CMakeLists.txt reads it from here.
#pragma once

namespace backy {

inline constexpr auto* version = "0.1.0";

}  // namespace backy
