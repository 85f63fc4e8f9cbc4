// SPDX-License-Identifier: GPL-3.0-or-later
// JSON on standard output. What has a key is described in docs/format.md; "format" counts up when a key goes or changes its meaning.
#pragma once

#include <nlohmann/json.hpp>

#include <iostream>

namespace backy::cli {

using json = nlohmann::ordered_json;

inline constexpr int json_format = 1;

/// Names and messages may hold bytes that are no UTF-8: they are replaced.
inline void print(const json& all) { std::cout << all.dump(2, ' ', false, json::error_handler_t::replace) << '\n'; }

}  // namespace backy::cli
