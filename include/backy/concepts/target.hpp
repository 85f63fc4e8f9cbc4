// SPDX-License-Identifier: GPL-3.0-or-later
// Target: where a restore goes.
#pragma once

#include <backy/concepts/image.hpp>

#include <filesystem>
#include <string>

namespace backy {

/// What `restore` was asked for.
struct target_request {
    std::string spelling;               ///< as the user wrote it
    std::filesystem::path repository;   ///< nothing in it may become a target
    bool force = false;                 ///< although it is in use
};

/// | expression | returns | meaning | throws |
/// |---|---|---|---|
/// | T::type | hana::string | its name in messages | |
/// | T::claims(spelling) | bool | this kind of target is meant; the first one of a build that claims it gets it | |
/// | T(request) | | refuses what must not be written to; nothing is changed yet | error |
/// | t.resize(n) | – | there is room for n bytes | error, if it is too small and cannot grow |
/// | t.write(offset, in), t.zero(extent) | – | ascending, unless it is an InPlaceTarget | error |
/// | t.sync() | – | what was written is durable, or has reached the reader | error |
///
/// threads: write and zero by several at once, in different windows, if it is an InPlaceTarget; else by one.
/// ends: no promise about what was not synced.  models: targets::file, targets::stream
template <class T>
concept Target = requires(T t, const std::string& spelling, byte_count n, const_block in, extent e) {
    { T::type.c_str() } -> std::convertible_to<const char*>;
    { T::claims(spelling) } -> std::same_as<bool>;
    { t.resize(n) } -> std::same_as<void>;
    { t.write(n, in) } -> std::same_as<void>;
    { t.zero(e) } -> std::same_as<void>;
    { t.sync() } -> std::same_as<void>;
} && std::constructible_from<T, const target_request&>;

/// One that can be read as well: it is restored in any order, and only what differs is written.
template <class T>
concept InPlaceTarget = Target<T> && Image<T>;

}  // namespace backy
