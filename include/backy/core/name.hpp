// SPDX-License-Identifier: GPL-3.0-or-later
// Names of policies as types, so that a registry can be keyed by them: `static constexpr auto type = name<"ceph-rbd">;`.
// (BOOST_HANA_STRING as a static member does not compile with g++ 12; a literal template parameter does.)
#pragma once

#include <boost/hana/string.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace backy {

template <std::size_t N>
struct literal {
    char text[N];
    consteval literal(const char (&s)[N]) { std::copy_n(s, N, text); }
};

namespace detail {
template <literal L, class = std::make_index_sequence<sizeof(L.text) - 1>>
struct make_name;
template <literal L, std::size_t... I>
struct make_name<L, std::index_sequence<I...>> {
    static constexpr boost::hana::string<L.text[I]...> value{};
};
}  // namespace detail

template <literal L>
inline constexpr auto name = detail::make_name<L>::value;

}  // namespace backy
