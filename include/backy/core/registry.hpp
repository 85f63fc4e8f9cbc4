// SPDX-License-Identifier: GPL-3.0-or-later
// A registry: the policies of one kind in a build, keyed by the name they have in a configuration.
#pragma once

#include <backy/core/name.hpp>
#include <backy/core/section.hpp>

#include <boost/hana/for_each.hpp>
#include <boost/hana/fuse.hpp>
#include <boost/hana/fwd/hash.hpp>
#include <boost/hana/length.hpp>
#include <boost/hana/map.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/set.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/type.hpp>

#include <string>

namespace backy {
namespace hana = boost::hana;

/// Two policies of one name do not compile (hana::make_map would keep the first without a word).
template <class... Policy>
constexpr auto registry_of() {
    static_assert(decltype(hana::length(hana::to_set(hana::make_tuple(Policy::type...))))::value == sizeof...(Policy),
                  "two policies share a type name");
    return hana::make_map(hana::make_pair(Policy::type, hana::type_c<Policy>)...);
}

/// "ceph-rbd, file": what a build has, for messages.
std::string known_names(const auto& registry) {
    std::string known;
    hana::for_each(hana::keys(registry), [&](auto key) { known.append(known.empty() ? "" : ", ").append(key.c_str()); });
    return known;
}

/// From a string to a type: calls use(hana::type_c<Policy>) for the policy of that name; false if there is none.
bool visit(const auto& registry, const std::string& wanted, auto use) {
    bool found = false;
    hana::for_each(registry, hana::fuse([&](auto key, auto policy) {
                       if (wanted != key.c_str()) return;
                       found = true;
                       use(policy);
                   }));
    return found;
}

/// The same for the `type` of a table; an unknown one is a config_error that lists what this build has.
void visit(const auto& registry, const section& table, auto use) {
    const auto wanted = table.template get<std::string>("type");
    if (!visit(registry, wanted, use)) table.refuse("type", "unknown type \"" + wanted + "\"; this build has: " + known_names(registry));
}

}  // namespace backy
