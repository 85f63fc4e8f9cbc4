// SPDX-License-Identifier: GPL-3.0-or-later
// Document: TOML text to a section and back. The only header that includes toml++.
#pragma once

#include <backy/core/section.hpp>

#include <toml++/toml.h>

#include <charconv>
#include <cmath>
#include <sstream>

namespace backy::config {

namespace detail {

inline place place_of(const toml::node& node) { return {node.source().begin.line, node.source().begin.column}; }

template <class T>
verbatim as_written(const toml::value<T>& v) {
    std::ostringstream text;
    text << v;
    return {text.str()};
}

inline decltype(value::held) moment_of(const toml::value<toml::date_time>& v) {
    namespace chrono = std::chrono;
    const auto& t = v.get();
    if (!t.offset) return as_written(v);
    const chrono::year_month_day date{chrono::year(t.date.year), chrono::month(t.date.month), chrono::day(t.date.day)};
    const timestamp moment(chrono::sys_days(date) + chrono::hours(t.time.hour) + chrono::minutes(t.time.minute) + chrono::seconds(t.time.second) +
                           chrono::microseconds(t.time.nanosecond / 1000) - chrono::minutes(t.offset->minutes));
    const auto year = chrono::year_month_day(chrono::floor<chrono::days>(moment)).year();
    if (year < chrono::year(0) || year > chrono::year(9999)) return as_written(v);  // in UTC it cannot be written (RFC 3339 has four digits)
    return moment;
}

/// Tables and arrays in each other; toml++ itself, of which what we print has to be read again, stops at 256 where they are written inline.
inline constexpr unsigned deepest = 64;

inline section section_of(const toml::table& table, const std::string& file, const std::string& path, unsigned depth);

inline value value_of(const toml::node& node, const std::string& file, const std::string& path, unsigned depth) {
    if (depth > deepest) section(file, path, place_of(node)).refuse("", "nested too deeply");
    const auto held = [&]() -> decltype(value::held) {
        if (const auto* const v = node.as_string()) return v->get();
        if (const auto* const v = node.as_integer()) return v->get();
        if (const auto* const v = node.as_floating_point()) return v->get();
        if (const auto* const v = node.as_boolean()) return v->get();
        if (const auto* const v = node.as_date_time()) return moment_of(*v);
        if (const auto* const v = node.as_date()) return as_written(*v);
        if (const auto* const v = node.as_time()) return as_written(*v);
        if (const auto* const v = node.as_table()) return section_of(*v, file, path, depth);
        std::vector<value> all;
        for (const auto& element : *node.as_array()) all.push_back(value_of(element, file, path, depth + 1));
        return all;
    };
    return {held(), place_of(node)};
}

inline section section_of(const toml::table& table, const std::string& file, const std::string& path, unsigned depth) {
    section s(file, path, place_of(table));
    for (const auto& [key, node] : table) {
        const std::string name(key.str());
        auto v = value_of(node, file, path.empty() ? name : path + "." + name, depth + 1);
        if (const auto at = key.source().begin; at.line > 0) v.at = {at.line, at.column};
        s.add(name, std::move(v));
    }
    return s;
}

inline std::string toml_string(std::string_view text) {
    std::string q = "\"";
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') (q += '\\') += c;
        else if (code < 0x20 || code == 0x7f) {
            char hex[8];
            std::snprintf(hex, sizeof hex, "\\u%04X", code);
            q += hex;
        } else q += c;
    }
    return q + '"';
}

inline std::string key_text(std::string_view key) {
    constexpr auto* bare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return !key.empty() && key.find_first_not_of(bare) == key.npos ? std::string(key) : toml_string(key);
}

inline std::string number_text(double number) {
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
    char text[32];
    std::string shortest(text, std::to_chars(text, text + sizeof text, number).ptr);
    return shortest.find_first_of(".e") == shortest.npos ? shortest + ".0" : shortest;
}

inline std::string inline_text(const value& v) {
    struct writer {
        std::string operator()(const std::string& text) const { return toml_string(text); }
        std::string operator()(std::int64_t number) const { return std::to_string(number); }
        std::string operator()(bool truth) const { return truth ? "true" : "false"; }
        std::string operator()(timestamp t) const { return to_rfc3339(t); }
        std::string operator()(const verbatim& v) const { return v.text; }
        std::string operator()(double number) const { return number_text(number); }
        std::string operator()(const std::vector<value>& all) const {
            std::string text;
            for (const auto& element : all) text += (text.empty() ? "" : ", ") + inline_text(element);
            return "[" + text + "]";
        }
        std::string operator()(const section& table) const {
            std::string text;
            for (const auto& e : table.entries()) text += (text.empty() ? " " : ", ") + key_text(e.key) + " = " + inline_text(e.value);
            return "{" + text + (text.empty() ? "}" : " }");
        }
    };
    return std::visit(writer{}, v.held);
}

}  // namespace detail

/// The table a TOML text holds. `file` is its name in messages. Throws config_error with line and column.
inline section parse(std::string_view text, const std::string& file) {
    try {
        return detail::section_of(toml::parse(text, file), file, "", 0);
    } catch (const toml::parse_error& e) {
        const auto at = e.source().begin;
        throw config_error(file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column), std::string(e.description()));
    }
}

/// TOML with the keys in the section's order: plain values first, then one [table] for each table in it, deeper ones inline.
/// (toml++ sorts keys by name; people read these files, so they keep the order in which they make sense.)
inline std::string print(const section& s) {
    std::string values, tables;
    for (const auto& e : s.entries()) {
        if (const auto* const table = std::get_if<section>(&e.value.held)) {
            tables += "\n[" + detail::key_text(e.key) + "]\n";
            for (const auto& inner : table->entries()) tables += detail::key_text(inner.key) + " = " + detail::inline_text(inner.value) + '\n';
        } else values += detail::key_text(e.key) + " = " + detail::inline_text(e.value) + '\n';
    }
    return values + tables;
}

}  // namespace backy::config
