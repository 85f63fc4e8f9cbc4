// SPDX-License-Identifier: GPL-3.0-or-later
// Plain structs as JSON and back: a struct names its members once, in `void fields(auto& visit, auto& object)`, and is written and
// read by that.
#pragma once

#include <backy/core/error.hpp>
#include <backy/core/time.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <vector>

namespace backy::monitoring {

using json = nlohmann::ordered_json;  ///< written: in the order of the members
using read_json = nlohmann::json;     ///< read: in a third of the time

namespace detail {

struct any_visitor {
    void operator()(const char*, auto&) {}
};
template <class T>
concept Described = requires(any_visitor& visit, T& object) { fields(visit, object); };

}  // namespace detail

inline json to_json(timestamp t) { return to_rfc3339(t); }
inline json to_json(seconds d) { return d.count(); }
template <class T>
    requires std::constructible_from<json, const T&> && (!detail::Described<T>)
json to_json(const T& plain) {
    return plain;
}
template <detail::Described T>
json to_json(const T& object);
template <class T>
json to_json(const std::optional<T>& maybe) {
    return maybe ? to_json(*maybe) : json();
}
template <class T>
json to_json(const std::vector<T>& all) {
    auto array = json::array();
    for (const auto& one : all) array.push_back(to_json(one));
    return array;
}
template <detail::Described T>
json to_json(const T& object) {
    auto all = json::object();
    const auto write = [&](const char* name, const auto& member) { all[name] = to_json(member); };
    fields(write, object);
    return all;
}

template <class T>
    requires(!detail::Described<T>)
void from_json(const read_json& j, T& plain) {
    j.get_to(plain);
}
inline void from_json(const read_json& j, timestamp& t) {
    const auto parsed = parse_rfc3339(j.get_ref<const std::string&>());
    if (!parsed) throw error("JSON", "no time: " + j.dump());
    t = *parsed;
}
inline void from_json(const read_json& j, seconds& d) { d = seconds(j.get<double>()); }
template <detail::Described T>
void from_json(const read_json& j, T& object);
template <class T>
void from_json(const read_json& j, std::optional<T>& maybe) {
    if (j.is_null()) maybe.reset();
    else from_json(j, maybe.emplace());
}
template <class T>
void from_json(const read_json& j, std::vector<T>& all) {
    if (!j.is_array()) throw error("JSON", "no array: " + j.dump().substr(0, 40));
    for (const auto& one : j) from_json(one, all.emplace_back());
}
/// A member that is not there keeps its value: an older version did not write it.
template <detail::Described T>
void from_json(const read_json& j, T& object) {
    const auto read = [&](const char* name, auto& member) {
        if (const auto found = j.find(name); found != j.end()) from_json(*found, member);
    };
    fields(read, object);
}

/// One line of text; bytes that are no UTF-8 are replaced.
std::string print_json(const auto& object) { return to_json(object).dump(-1, ' ', false, json::error_handler_t::replace) + '\n'; }

/// Throws error for what is no JSON or of another form. `name`: of the file, for messages.
template <class T>
T parse_json(std::string_view text, const std::string& name) {
    try {
        const auto j = read_json::parse(text);
        if (const auto format = j.at("format").template get<std::int64_t>(); format != T::format_known)
            throw error(name, "format " + std::to_string(format) + "; this backy knows " + std::to_string(T::format_known));
        T object;
        from_json(j, object);
        return object;
    } catch (const read_json::exception& e) {
        throw error(name, std::string("cannot be understood: ") + e.what());
    }
}

}  // namespace backy::monitoring
