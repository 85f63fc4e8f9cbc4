// SPDX-License-Identifier: GPL-3.0-or-later
// Composition: the policies of a build, collected in registries and checked when it is compiled. An app is one of these and a call.
#pragma once

#include <backy/catalogs/files.hpp>
#include <backy/clocks/system.hpp>
#include <backy/concepts/schedule.hpp>
#include <backy/core/registry.hpp>
#include <backy/engine/repository.hpp>
#include <backy/targets/stream.hpp>

namespace backy {

namespace detail {

// One by one: of all together g++ would only say that one is none.
template <Source S>
using a_source = S;
template <Store S>
using a_store = S;
template <Target T>
using a_target = T;

}  // namespace detail

template <class... S>
struct sources_of {
    static constexpr auto registry = registry_of<detail::a_source<S>...>();
};
template <class... T>
struct stores_of {
    static constexpr auto registry = registry_of<detail::a_store<T>...>();
};
/// The first one that claims what the user wrote gets it.
template <class... T>
struct targets_of {
    static constexpr auto registry = registry_of<detail::a_target<T>...>();
};

template <class Sources, class Stores, Hash H, Schedule P, class Targets = targets_of<targets::stream<>, targets::file<>>,
          Catalog C = catalogs::files<>, Clock K = clocks::system>
struct composition {
    static constexpr auto sources = Sources::registry;
    static constexpr auto stores = Stores::registry;
    static constexpr auto targets = Targets::registry;
    using hash = H;
    using schedule = P;
    using catalog = C;
    using clock = K;
};

template <class B>
concept Composition = requires {
    B::sources;
    B::stores;
    B::targets;
    requires Hash<typename B::hash>;
    requires Schedule<typename B::schedule>;
    requires Catalog<typename B::catalog>;
    requires Clock<typename B::clock>;
};

/// A [store] that does not say its type keeps images.
inline section with_default_type(section store) {
    if (!store.has("type")) store.set("type", {std::string("image")});
    return store;
}

}  // namespace backy
