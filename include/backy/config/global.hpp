// SPDX-License-Identifier: GPL-3.0-or-later
// The [global] table of a scheduler's configuration: all that `check` and the shell's client have to know of it.
#pragma once

#include <backy/config/document.hpp>
#include <backy/io/directory.hpp>
#include <backy/io/posix.hpp>

#include <arpa/inet.h>

namespace backy::config {

inline constexpr auto* default_path = "/etc/backy.conf";
inline constexpr auto* default_status_path = "/run/backy/status.json";  ///< for those who may not read the configuration

inline constexpr auto* metrics_extension = ".prom";  ///< what node_exporter's textfile collector reads

struct global {
    std::filesystem::path base_dir;
    bool require_mount;
    std::size_t worker_limit;  ///< backups at a time in each of the two pools
    std::filesystem::path status_file;
    std::chrono::seconds status_interval;
    std::filesystem::path metrics_file() const { return std::filesystem::path(status_file).replace_extension(metrics_extension); }
    std::vector<std::string> telnet_addrs;
    std::uint16_t telnet_port;
    std::string backup_completed_callback;  ///< empty: none
    std::optional<std::chrono::seconds> scrub_every;  ///< within this every revision's bytes are read; nothing: they are not
    byte_count scrub_rate;                             ///< bytes per second
    std::optional<byte_count> read_rate;               ///< bytes per second of all backups together; nothing: no limit
    bool operator==(const global&) const = default;

    /// Touches nothing.
    static global from(const section& table) {
        table.allow_only({"base-dir", "require-mount", "worker-limit", "status-file", "status-interval", "telnet-addrs", "telnet-port",
                          "backup-completed-callback", "scrub-every", "scrub-rate", "read-rate"});
        const auto path = [&](const char* key, const std::string& otherwise) {
            const auto text = table.get<std::string>(key, otherwise);
            if (text != otherwise && !std::filesystem::path(text).is_absolute()) table.refuse(key, "must be an absolute path: \"" + text + "\"");
            return text;
        };
        const auto number = [&](const char* key, std::int64_t otherwise, std::int64_t most) {
            const auto n = table.get<std::int64_t>(key, otherwise);
            if (n < 1 || n > most) table.refuse(key, "must be from 1 to " + std::to_string(most) + ": " + std::to_string(n));
            return n;
        };
        global g;
        g.base_dir = path("base-dir", "/srv/backy");
        g.require_mount = table.get<bool>("require-mount", false);
        g.worker_limit = static_cast<std::size_t>(number("worker-limit", 1, 1000));
        g.status_file = path("status-file", "");
        if (g.status_file.extension() == metrics_extension) table.refuse("status-file", "must not end in .prom: that is the file of metrics beside it");
        if (g.status_file.empty()) g.status_file = g.base_dir / ".status.json";
        g.status_interval = std::chrono::seconds(number("status-interval", 30, 200));  // check calls one of 300 s too old
        g.telnet_addrs = addresses(table);
        g.telnet_port = static_cast<std::uint16_t>(number("telnet-port", 6023, 65'535));
        g.backup_completed_callback = path("backup-completed-callback", "");
        if (table.get<std::string>("scrub-every", "30d") != "never") g.scrub_every = table.duration("scrub-every", "30d");
        g.scrub_rate = static_cast<byte_count>(number("scrub-rate", 20, 10'000)) * 1_MiB;
        if (table.has("read-rate")) g.read_rate = static_cast<byte_count>(number("read-rate", 1, 100'000)) * 1_MiB;
        return g;
    }

private:
    static std::vector<std::string> addresses(const section& table) {
        std::vector<std::string> all;
        for (const auto& part : split(table.get<std::string>("telnet-addrs", "127.0.0.1, ::1"), ',')) {
            const auto text = trimmed(part);
            ::in6_addr unused{};
            if (text.empty()) continue;
            if (::inet_pton(AF_INET, text.c_str(), &unused) != 1 && ::inet_pton(AF_INET6, text.c_str(), &unused) != 1)
                table.refuse("telnet-addrs", "\"" + text + "\" is no IP address");
            all.push_back(text);
        }
        return all;
    }
};

namespace detail {

inline std::string text_of(const std::filesystem::path& path) {
    constexpr byte_count largest = 64_MiB;  // 10,000 jobs are 1 MiB
    try {
        return io::file<io::posix>(io::posix{}, path.string(), O_RDONLY | O_NONBLOCK).text(largest);
    } catch (const error& e) {
        throw config_error("configuration", e.what());
    }
}

inline section read(std::string_view text, const std::filesystem::path& path) {
    auto all = parse(text, path.string());
    all.allow_only({"format", "global", "schedules", "jobs"});
    if (all.get<std::int64_t>("format", 1) != 1) all.refuse("format", "this backy knows format 1");
    return all;
}

}  // namespace detail

/// A whole configuration, parsed; its keys are checked by who uses them. Throws config_error, also when it cannot be read.
inline section read(const std::filesystem::path& path) { return detail::read(detail::text_of(path), path); }

/// [global] alone. Where it stands before the jobs they are not parsed: 10,000 would take `check` 0.1 s.
inline global read_global(const std::filesystem::path& path) {
    const auto text = detail::text_of(path);
    try {
        if (const auto before = detail::read(std::string_view(text).substr(0, text.find("\n[jobs")), path); before.has("global"))
            return global::from(before.table("global"));
    } catch (const config_error&) {}  // the whole will say what is wrong with it
    return global::from(detail::read(text, path).table("global"));
}

}  // namespace backy::config
