// SPDX-License-Identifier: GPL-3.0-or-later
// Confinable: a policy that can say that it needs nothing but files. A command all of whose policies say so is confined
// (core/confinement.hpp).
#pragma once

#include <concepts>
#include <type_traits>

namespace backy {

/// | expression | returns | meaning |
/// |---|---|---|
/// | p.needs_only_files() | bool | as it is configured it reads, writes, makes and removes files, and starts threads; it starts no program and opens no socket |
///
/// models: sources::file, stores::image, catalogs::files, targets::file, targets::stream
template <class P>
concept Confinable = requires(const P policy) {
    { policy.needs_only_files() } -> std::same_as<bool>;
};

/// What does not say so may need anything.
bool needs_only_files(const auto& policy) {
    if constexpr (Confinable<std::remove_cvref_t<decltype(policy)>>) return policy.needs_only_files();
    else return false;
}

}  // namespace backy
