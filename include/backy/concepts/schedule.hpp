// SPDX-License-Identifier: GPL-3.0-or-later
// Schedule: which tags a repository's revisions carry, and when they have run out.
#pragma once

#include <backy/core/section.hpp>
#include <backy/history/history.hpp>

namespace backy {

/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | S::type | hana::string | its name in documents | |
/// | S::config::from(table) | S::config | of the [schedule] table; an empty one is a schedule that knows no tag | config_error |
/// | s.interval_of(tag) | optional<seconds> | nothing: the schedule does not know it | – |
///
/// threads: const members by several at once.  models: schedules::interval
template <class S>
concept Schedule = requires(const S s, const section& table, const std::string& tag) {
    { S::type.c_str() } -> std::convertible_to<const char*>;
    { S::config::from(table) } -> std::same_as<typename S::config>;
    { s.interval_of(tag) } -> std::same_as<std::optional<std::chrono::seconds>>;
} && std::constructible_from<S, typename S::config>;

}  // namespace backy
