// SPDX-License-Identifier: GPL-3.0-or-later
// LVM as its own tools show it and change it. Each call is a process, of some 50 ms on a real machine.
#pragma once

#include <backy/core/bytes.hpp>
#include <backy/core/process.hpp>

#include <nlohmann/json.hpp>

#include <charconv>

namespace backy::lvm {

/// A volume group and a logical volume in it.
struct location {
    std::string group, volume;
    bool operator==(const location&) const = default;

    /// "VG/LV"; nothing for anything else. The names as lvm(8) allows them, so that none is taken for an option or a path.
    static std::optional<location> parse(const std::string& spelling) {
        const auto parts = split(spelling, '/');
        if (parts.size() != 2 || !is_name(parts[0]) || !is_name(parts[1])) return std::nullopt;
        return location{parts[0], parts[1]};
    }
    static bool is_name(const std::string& text) {
        return !text.empty() && text.size() < 128 && text[0] != '-' && text != "." && text != ".." &&
               text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-") == text.npos;
    }
    std::string text() const { return group + "/" + volume; }
    /// What device-mapper calls it; `layer`: "tpool" for the device of a thin pool itself.
    std::string mapped(const std::string& layer = "") const {
        const auto escaped = [](const std::string& name) {
            std::string all;
            for (const char c : name) all.append(c == '-' ? 2 : 1, c);
            return all;
        };
        return escaped(group) + "-" + escaped(volume) + (layer.empty() ? "" : "-" + layer);
    }
    std::string device() const { return "/dev/mapper/" + mapped(); }
};

/// A logical volume as `lvs` reports it.
struct volume {
    std::string name, uuid;
    std::string kind;  ///< of its first segment: "thin", "thin-pool", "linear" …
    byte_count size = 0;
    std::string pool, origin;                      ///< names; empty: none
    std::vector<std::string> tags, roles;          ///< roles: "thinsnapshot", "thickorigin" … (lvs(8), lv_role)
    std::optional<std::uint64_t> thin_id;          ///< its number in the pool
    bool active = false, open = false;             ///< open: by anybody, a VM or a mount
    std::optional<bool> overflowed;                ///< a classic snapshot that had no space left and is worth nothing; nothing: LVM cannot tell
    std::optional<double> data_use, metadata_use;  ///< of a thin pool, in percent
    byte_count chunk = 0;                          ///< of a thin pool
    bool zeroes = false;                           ///< a thin pool that clears chunks before they are used

    bool is_thin() const { return kind == "thin"; }
    bool has_tag(std::string_view tag) const { return std::ranges::count(tags, tag) > 0; }
    bool is_a(std::string_view role) const { return std::ranges::count(roles, role) > 0; }
};

/// What every snapshot of ours is tagged with.
inline constexpr const char* tag = "backy";

namespace detail {

template <class Number>
std::optional<Number> number(const std::string& text) {
    Number n{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return n;
}

}  // namespace detail

/// From the JSON of `lvs`; anything that is not as it has to be is an error, and no volume is left out. One with several segments has
/// several rows: the first one counts.
inline std::vector<volume> volumes_from(const std::string& report) {
    std::vector<volume> all;
    const auto refuse = [](const std::string& why) { throw error("lvs", "its report is not understood: " + why); };
    try {
        const auto parsed = nlohmann::json::parse(report);
        for (const auto& row : parsed.at("report").at(0).at("lv")) {
            const auto text = [&](const char* field) { return row.at(field).get<std::string>(); };
            const auto yes = [&](const char* field) { return text(field) == "1"; };
            const auto must = [&](const char* field) {
                const auto n = detail::number<byte_count>(text(field));
                if (!n) refuse(std::string(field) + " is \"" + text(field) + "\"");
                return *n;
            };
            const auto may = [&]<class Number>(const char* field, std::optional<Number> n) {
                if (!n && !text(field).empty()) refuse(std::string(field) + " is \"" + text(field) + "\"");
                return n;
            };
            volume v;
            v.name = text("lv_name"), v.uuid = text("lv_uuid"), v.kind = text("segtype"), v.size = must("lv_size");
            v.pool = text("pool_lv"), v.origin = text("origin");
            if (v.name.empty() || v.uuid.empty()) refuse("a volume without a name or UUID");
            v.tags = split(text("lv_tags"), ','), v.roles = split(text("lv_role"), ',');
            v.thin_id = may("thin_id", detail::number<std::uint64_t>(text("thin_id")));
            v.active = text("lv_active") == "active", v.open = yes("lv_device_open");
            if (const auto state = text("lv_snapshot_invalid"); state == "0" || state == "1") v.overflowed = state == "1";
            v.data_use = may("data_percent", detail::number<double>(text("data_percent")));
            v.metadata_use = may("metadata_percent", detail::number<double>(text("metadata_percent")));
            v.chunk = may("chunk_size", detail::number<byte_count>(text("chunk_size"))).value_or(0);
            v.zeroes = yes("zero");
            if (std::ranges::none_of(all, [&](const volume& other) { return other.uuid == v.uuid; })) all.push_back(std::move(v));
        }
    } catch (const nlohmann::json::exception& e) {
        refuse(e.what());
    }
    return all;
}

/// LVM's own programs, each within a limit of time. Throws error with what they said.
struct tools {
    std::chrono::seconds limit{60};
    bool operator==(const tools&) const = default;

    std::vector<volume> volumes(const std::string& group) const {
        return volumes_from(
            output_of({"lvs", "--config", "report { compact_output=0 compact_output_cols=\"\" list_item_separator=\",\" }", "--reportformat", "json",
                       "--units", "b", "--nosuffix", "--binary", "-o",
                       "lv_name,lv_uuid,lv_size,segtype,pool_lv,origin,lv_tags,lv_role,thin_id,lv_active,lv_device_open,lv_snapshot_invalid,"
                       "data_percent,metadata_percent,chunk_size,zero",
                       group},
                      limit));
    }
    void run(std::vector<std::string> words) const { output_of(std::move(words), limit); }
    /// The words of what `dmsetup table` or `dmsetup status` say of a device with one target.
    std::vector<std::string> device_line(const std::string& what, const std::string& device) const {
        return split(trimmed(split(output_of({"dmsetup", what, device}, limit), '\n')[0]), ' ');
    }
};

/// The one of that name.
inline const volume* find(const std::vector<volume>& all, const std::string& name) {
    const auto found = std::ranges::find(all, name, &volume::name);
    return found == all.end() ? nullptr : &*found;
}

/// What is not mapped in a thin volume is zeroes, unless it has an external origin, which then shows through. False as well where that cannot
/// be told: the volume has a classic snapshot, which lies over it.
inline bool unmapped_is_zero(const tools& lvm, const location& where) {
    const auto words = lvm.device_line("table", where.mapped());  // thin-provisioning.rst: 0 SIZE thin POOL ID [ORIGIN]
    return words.size() == 5 && words[2] == "thin";
}

/// How full a thin pool is.
struct pool_use {
    std::optional<double> data, metadata;  ///< percent

    explicit pool_use(const volume& pool) : data(pool.data_use), metadata(pool.metadata_use) {}
    /// What is not known is too much.
    bool exceeds(double percent) const { return data.value_or(100) > percent || metadata.value_or(100) > percent; }
    std::string text() const {
        const auto percent = [](std::optional<double> use) {
            char part[32] = "unknown";
            if (use) std::snprintf(part, sizeof part, "%.1f %%", *use);
            return std::string(part);
        };
        return percent(data) + " of its data and " + percent(metadata) + " of its metadata in use";
    }
};

}  // namespace backy::lvm
