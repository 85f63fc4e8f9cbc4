// SPDX-License-Identifier: GPL-3.0-or-later
// Section: one table of a configuration or of metadata, in memory. Policies read their settings from it and never see the
// language of the file; each value knows where it stands, so that an error can say file, line, column and key.
#pragma once

#include <backy/core/error.hpp>
#include <backy/core/text.hpp>
#include <backy/core/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace backy {

/// Where a value stands; line 0: nowhere, it was made by the program.
struct place {
    unsigned line = 0, column = 0;
};

struct value;
struct entry;

/// What no policy asks for (TOML's local dates and times), kept as it is written so that nothing is lost on rewriting.
struct verbatim {
    std::string text;
};

class section {
public:
    section();
    section(std::string file, std::string path, place at);
    section(const section&);
    section(section&&) noexcept;
    section& operator=(const section&);
    section& operator=(section&&) noexcept;
    ~section();

    const std::vector<entry>& entries() const { return entries_; }
    bool has(std::string_view key) const { return look_up(key) != nullptr; }
    /// In the order of the calls; an older value of the key is replaced in its place.
    section& set(std::string key, value v);
    /// For a key that is known not to be there: without looking, so that a table of 10,000 jobs is read in time.
    void add(std::string key, value v);
    void erase(std::string_view key);
    /// For a wrapper of what reads this table: the key is the wrapper's, gone from here, and still named among those that are known.
    void set_aside(std::string_view key);

    /// The value, or nothing when the key is absent. Of another type: config_error.
    template <class T>
    std::optional<T> find(std::string_view key) const;
    /// Absent: config_error.
    template <class T>
    T get(std::string_view key) const {
        if (auto v = find<T>(key)) return *std::move(v);
        refuse(key, "missing");
    }
    template <class T>
    T get(std::string_view key, T otherwise) const {
        return find<T>(key).value_or(std::move(otherwise));
    }
    /// The table of that name, an empty one if it is absent.
    section table(std::string_view key) const;
    std::vector<std::string> strings(std::string_view key) const;
    /// Spelled as "30s", a number with s, m, h, d or w.
    std::chrono::seconds duration(std::string_view key, const std::string& otherwise) const;

    /// config_error for the first key that is none of these.
    void allow_only(const std::vector<std::string_view>& known) const;
    /// Throws a config_error that names file, line, column and key.
    [[noreturn]] void refuse(std::string_view key, const std::string& why) const;

private:
    const entry* look_up(std::string_view key) const;

    std::string file_, path_;
    place at_;
    std::vector<entry> entries_;
    std::vector<std::string> aside_;
};

struct value {
    std::variant<std::string, std::int64_t, double, bool, timestamp, verbatim, std::vector<value>, section> held;
    place at = {};
};
struct entry {
    std::string key;
    backy::value value;
};

// Here, where an entry is complete.
inline section::section() = default;
inline section::section(std::string file, std::string path, place at) : file_(std::move(file)), path_(std::move(path)), at_(at) {}
inline section::section(const section&) = default;
inline section::section(section&&) noexcept = default;
inline section& section::operator=(const section&) = default;
inline section& section::operator=(section&&) noexcept = default;
inline section::~section() = default;

inline const entry* section::look_up(std::string_view key) const {
    const auto found = std::ranges::find(entries_, key, &entry::key);
    return found == entries_.end() ? nullptr : &*found;
}

inline section& section::set(std::string key, value v) {
    const auto found = std::ranges::find(entries_, key, &entry::key);
    if (found == entries_.end()) entries_.push_back({std::move(key), std::move(v)});
    else found->value = std::move(v);
    return *this;
}

inline void section::add(std::string key, value v) { entries_.push_back({std::move(key), std::move(v)}); }

inline void section::set_aside(std::string_view key) {
    erase(key);
    aside_.emplace_back(key);
}

inline void section::erase(std::string_view key) {
    std::erase_if(entries_, [&](const entry& e) { return e.key == key; });
}

inline void section::refuse(std::string_view key, const std::string& why) const {
    const auto* const e = look_up(key);
    const auto at = e ? e->value.at : at_;
    auto where = file_;
    if (at.line > 0) where += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    const auto name = path_.empty() || key.empty() ? path_ + std::string(key) : path_ + "." + std::string(key);
    if (!name.empty()) where += (where.empty() ? "" : ": ") + name;
    throw config_error(where, why);
}

template <class T>
std::optional<T> section::find(std::string_view key) const {
    constexpr auto* wanted = std::is_same_v<T, std::string>    ? "a string"
                             : std::is_same_v<T, std::int64_t> ? "a whole number"
                             : std::is_same_v<T, double>       ? "a number"
                             : std::is_same_v<T, bool>         ? "true or false"
                             : std::is_same_v<T, timestamp>    ? "a date-time with an offset"
                             : std::is_same_v<T, section>      ? "a table"
                                                               : "an array";
    const auto* const e = look_up(key);
    if (!e) return std::nullopt;
    if (const auto* const v = std::get_if<T>(&e->value.held)) return *v;
    if constexpr (std::is_same_v<T, double>)
        if (const auto* const n = std::get_if<std::int64_t>(&e->value.held)) return static_cast<double>(*n);
    refuse(key, std::string("must be ") + wanted);
}

inline section section::table(std::string_view key) const {
    return find<section>(key).value_or(section(file_, path_.empty() ? std::string(key) : path_ + "." + std::string(key), at_));
}

inline std::vector<std::string> section::strings(std::string_view key) const {
    std::vector<std::string> all;
    for (const auto& v : get<std::vector<value>>(key, {})) {
        const auto* const text = std::get_if<std::string>(&v.held);
        if (!text) refuse(key, "must be an array of strings");
        all.push_back(*text);
    }
    return all;
}

inline std::chrono::seconds section::duration(std::string_view key, const std::string& otherwise) const {
    const auto text = get<std::string>(key, otherwise);
    const auto parsed = parse_duration(text);
    if (!parsed) refuse(key, "must be a number with s, m, h, d or w: \"" + text + "\"");
    return *parsed;
}

inline void section::allow_only(const std::vector<std::string_view>& known) const {
    for (const auto& e : entries_)
        if (std::ranges::count(known, std::string_view(e.key)) == 0) {
            std::vector<std::string> all(known.begin(), known.end());
            all.insert(all.end(), aside_.begin(), aside_.end());
            refuse(e.key, "unknown key; known here: " + join(all, ", "));
        }
}

}  // namespace backy
