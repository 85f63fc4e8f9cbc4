// SPDX-License-Identifier: GPL-3.0-or-later
// backy check [-c CONFIG | --status FILE]
#pragma once

#include <backy/cli/command.hpp>
#include <backy/cli/json.hpp>
#include <backy/config/global.hpp>
#include <backy/monitoring/check.hpp>

namespace backy::cli {

/// A monitoring user need not be able to read the configuration, which may hold secrets.
inline std::filesystem::path status_file_of(const std::string& path) {
    const auto rc = io::posix{}.openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
    if (rc == -EACCES || rc == -EPERM) return config::default_status_path;
    if (rc >= 0) io::posix{}.close(static_cast<int>(rc));
    return config::read_global(path).status_file;
}

/// Throws error when it cannot be read, config_error when it is no status file.
template <Clock K>
monitoring::verdict verdict_on(const std::string& path) {
    constexpr byte_count largest = 256_MiB;
    struct ::stat st {};
    std::optional<timestamp> modified;
    if (const auto rc = io::posix{}.fstatat(AT_FDCWD, path, st, 0); rc != -ENOENT) {
        io::check(rc, path, "stat");
        modified = timestamp(std::chrono::seconds(st.st_mtim.tv_sec) + std::chrono::microseconds(st.st_mtim.tv_nsec / 1000));
    }
    return monitoring::check_file(path, modified, K{}.now(), [&] { return io::file<io::posix>(io::posix{}, path, O_RDONLY | O_NONBLOCK).text(largest); });
}

template <Composition B>
void add_check(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("check", "Nagios plug-in: are all jobs within their SLA?");
    struct words {
        std::string config = config::default_path, status;
        bool as_json = false;
    };
    const auto w = std::make_shared<words>();
    auto* const config = command->add_option("-c,--config", w->config, "The scheduler's configuration, which names the status file")->capture_default_str();
    command->add_option("--status", w->status, "The status file")->excludes(config);
    command->add_flag("--json", w->as_json, "The verdict as JSON, for other monitoring");
    command->preparse_callback([&call](std::size_t) { call.plugin = true; });
    command->callback([&call, w] {
        call.run = [w] {
            monitoring::verdict verdict;
            try {
                verdict = verdict_on<typename B::clock>(w->status.empty() ? status_file_of(w->config).string() : w->status);
            } catch (const std::exception& e) {
                verdict = {monitoring::level::unknown, "UNKNOWN: " + monitoring::plugin_text(e.what()) + "\n"};
            }
            const auto code = static_cast<int>(verdict.level);
            if (w->as_json) print({{"format", json_format}, {"code", code}, {"text", verdict.text}});
            else std::cout << verdict.text;
            return code;
        };
    });
}

}  // namespace backy::cli
