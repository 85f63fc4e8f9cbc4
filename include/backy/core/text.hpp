// SPDX-License-Identifier: GPL-3.0-or-later
// Text for people: sizes, lists, tables, and names made safe for one line.
#pragma once

#include <backy/core/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace backy {

/// "1 block", "2 blocks".
inline std::string counted(std::uint64_t n, std::string_view noun) { return std::to_string(n) + ' ' + std::string(noun) + (n == 1 ? "" : "s"); }

/// "264.85 MiB"; below 1 KiB "100 Bytes". TiB is the top.
inline std::string to_size(byte_count n) {
    if (n < 1_KiB) return counted(n, "Byte");
    constexpr std::array units{"KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(n) / 1024;
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
    char text[48];
    std::snprintf(text, sizeof text, "%.2f %s", value, units[unit]);
    return text;
}

inline std::string join(const std::vector<std::string>& parts, std::string_view between) {
    std::string text;
    for (const auto& part : parts) text.append(&part == parts.data() ? "" : between).append(part);
    return text;
}

/// The parts between separators, empty ones included.
inline std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t from = 0;;) {
        const auto to = text.find(separator, from);
        parts.emplace_back(text.substr(from, to - from));
        if (to == text.npos) return parts;
        from = to + 1;
    }
}

inline std::string trimmed(std::string_view text) {
    constexpr auto* blanks = " \t";
    const auto from = text.find_first_not_of(blanks);
    return from == text.npos ? std::string() : std::string(text.substr(from, text.find_last_not_of(blanks) - from + 1));
}

/// So many bytes at its beginning are a character of UTF-8 that a terminal only shows. 0: a control (C0, C1, or one that turns the
/// direction of what follows), or no UTF-8 (RFC 3629, section 4).
inline std::size_t shown_bytes(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    if (first < 0x80) return first >= 0x20 && first != 0x7f;
    const std::size_t n = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
    if (n == 0 || n > text.size()) return 0;
    unsigned code = first & (0x7fU >> n);
    for (std::size_t i = 1; i < n; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
        code = code << 6 | (byte(i) & 0x3f);
    }
    const auto in = [&](unsigned from, unsigned to) { return code >= from && code <= to; };
    const bool longer_than_need_be = code < (n == 4 ? 0x10000U : n == 3 ? 0x800U : 0x80U);
    const bool turns = code == 0x61c || in(0x200e, 0x200f) || in(0x202a, 0x202e) || in(0x2066, 0x2069);
    return longer_than_need_be || in(0x80, 0x9f) || in(0xd800, 0xdfff) || code > 0x10ffff || turns ? 0 : n;
}

/// What is not shown as `\n`, `\t` or `\xNN`, so that a hostile name stays on its line and off the terminal's controls.
inline std::string on_one_line(std::string_view text) {
    std::string safe;
    for (; !text.empty(); text.remove_prefix(1)) {
        for (std::size_t n = 0; !text.empty() && (n = shown_bytes(text)) > 0; text.remove_prefix(n)) safe += text.substr(0, n);
        if (text.empty()) break;
        if (text[0] == '\n') safe += "\\n";
        else if (text[0] == '\t') safe += "\\t";
        else {
            char hex[8];
            std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(text[0]));
            safe += hex;
        }
    }
    return safe;
}

/// A table with rules, as `status` and the shell print them. Cells of columns named in `right` are set to the right.
class text_table {
public:
    text_table(std::vector<std::string> head, std::vector<std::size_t> right) : right_(std::move(right)), rows_{std::move(head)} {}
    void add(std::vector<std::string> row) {
        for (auto& cell : row) cell = on_one_line(cell);
        rows_.push_back(std::move(row));
    }
    std::string to_text() const {
        std::vector<std::size_t> widths(rows_[0].size());
        for (const auto& row : rows_)
            for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
        std::string rule = "+", text;
        for (const auto width : widths) rule.append(width + 2, '-').append("+");
        for (const auto& row : rows_) {
            if (text.empty()) text = rule + '\n';
            for (std::size_t i = 0; i < row.size(); ++i) {
                const std::string pad(widths[i] - row[i].size(), ' ');
                text += "| " + (std::ranges::count(right_, i) > 0 ? pad + row[i] : row[i] + pad) + ' ';
            }
            text += "|\n";
            if (&row == rows_.data()) text += rule + '\n';
        }
        return text + rule + '\n';
    }

private:
    std::vector<std::size_t> right_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace backy
