// SPDX-License-Identifier: GPL-3.0-or-later
// Plain structs as JSON and back: a struct names its members once, in `void fields(auto& visit, auto& object)`, and is written and
// read by that.
#pragma once

#include <backy/core/error.hpp>
#include <backy/core/time.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace backy::monitoring {

using json = nlohmann::json;

namespace detail {

struct any_visitor {
    void operator()(const char*, auto&) {}
};
template <class T>
concept Described = requires(any_visitor& visit, T& object) { fields(visit, object); };

template <class T>
bool says_nothing(const T& member) {
    if constexpr (std::is_arithmetic_v<T>) return member == T{};
    else if constexpr (requires { member.empty(); }) return member.empty();
    else if constexpr (requires { member.has_value(); }) return !member.has_value();
    else return false;
}

}  // namespace detail

// Written straight to text: a tree of 10,000 jobs in between would be most of what an idle daemon does.
inline void write_json(std::string& to, std::string_view text) {
    const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
    if (std::ranges::all_of(text, is_plain)) to.append("\"").append(text).append("\"");
    else to += json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}
inline void write_json(std::string& to, const std::string& text) { write_json(to, std::string_view(text)); }
inline void write_json(std::string& to, timestamp t) { write_json(to, std::string_view(to_rfc3339(t))); }
inline void write_json(std::string& to, seconds d) { to += json(d.count()).dump(); }
inline void write_json(std::string& to, bool truth) { to += truth ? "true" : "false"; }
template <std::integral T>
void write_json(std::string& to, T number) {
    to += std::to_string(number);
}
template <detail::Described T>
void write_json(std::string& to, const T& object);
template <class T>
void write_json(std::string& to, const std::optional<T>& maybe) {
    if (maybe) write_json(to, *maybe);
    else to += "null";
}
template <class T>
void write_json(std::string& to, const std::vector<T>& all) {
    char between = '[';
    for (const auto& one : all) {
        to += std::exchange(between, ',');
        write_json(to, one);
    }
    to += all.empty() ? "[]" : "]";
}
/// Members that say nothing (0, false, nothing, empty) are left out, which is a fourth of the text.
template <detail::Described T>
void write_json(std::string& to, const T& object) {
    char between = '{';
    const auto write = [&](const char* name, const auto& member) {
        if (detail::says_nothing(member)) return;
        (to += std::exchange(between, ',')).append("\"").append(name).append("\":");
        write_json(to, member);
    };
    fields(write, object);
    to += between == '{' ? "{}" : "}";
}

template <class T>
    requires(!detail::Described<T>)
void from_json(const json& j, T& plain) {
    if constexpr (std::integral<T> && !std::same_as<T, bool>)  // a fraction need not fit, and that would be undefined
        if (!j.is_number_integer()) throw error("JSON", std::string("no whole number: ") + j.type_name());
    j.get_to(plain);
}
inline void from_json(const json& j, timestamp& t) {
    const auto parsed = parse_rfc3339(j.get_ref<const std::string&>());
    if (!parsed) throw error("JSON", "no time: " + j.dump());
    t = *parsed;
}
inline void from_json(const json& j, seconds& d) { d = seconds(j.get<double>()); }
template <detail::Described T>
void from_json(const json& j, T& object);
template <class T>
void from_json(const json& j, std::optional<T>& maybe) {
    if (j.is_null()) maybe.reset();
    else from_json(j, maybe.emplace());
}
template <class T>
void from_json(const json& j, std::vector<T>& all) {
    if (!j.is_array()) throw error("JSON", std::string("no array: ") + j.type_name());
    for (const auto& one : j) from_json(one, all.emplace_back());
}
/// A member that is not there keeps its value: an older version did not write it.
template <detail::Described T>
void from_json(const json& j, T& object) {
    const auto read = [&](const char* name, auto& member) {
        if (const auto found = j.find(name); found != j.end()) from_json(*found, member);
    };
    fields(read, object);
}

/// One line of text; bytes that are no UTF-8 are replaced.
std::string print_json(const auto& object) {
    std::string text;
    write_json(text, object);
    return text + '\n';
}

/// Throws error for what is no JSON or of another form. `name`: of the file, for messages. The elements of T::long_list become T's one
/// by one as they are read: a tree of 10,000 of them would be 60 MiB, and most of the time.
template <class T>
T parse_json(std::string_view text, const std::string& name) {
    try {
        T object;
        constexpr std::size_t typical_element = 512;  // bytes of text; a wrong guess costs a copy
        T::elements_of(object).reserve(text.size() / typical_element);
        std::string member;
        const auto take = [&](int depth, json::parse_event_t event, json& value) {
            if (depth == 1 && event == json::parse_event_t::key) member = value.get<std::string>();
            if (depth != 2 || event != json::parse_event_t::object_end || member != T::long_list) return true;
            from_json(value, T::elements_of(object).emplace_back());
            return false;
        };
        const auto rest = json::parse(text, take);
        std::int64_t format = 0;
        from_json(rest.at("format"), format);
        if (format != T::format_known)
            throw error(name, "format " + std::to_string(format) + "; this backy knows " + std::to_string(T::format_known));
        from_json(rest, object);
        return object;
    } catch (const json::exception& e) {
        throw error(name, std::string("cannot be understood: ") + e.what());
    }
}

}  // namespace backy::monitoring
