// SPDX-License-Identifier: GPL-3.0-or-later
// The files that tell of the daemon: its status and metrics for everybody, and for its next start what is known of the repositories.
#pragma once

#include <backy/config/global.hpp>
#include <backy/monitoring/metrics.hpp>
#include <backy/scheduler/known.hpp>

#include <mutex>

namespace backy::scheduler {

class status_files {
public:
    /// Replaces them; what is known only if something is. Returns what went wrong first, empty: nothing. Any thread; waits for the disk.
    std::string write(const monitoring::report& report, const config::global& global, io::directory<io::posix>& base, const known_repositories& known) {
        const std::lock_guard one_at_a_time(writer_);
        std::string trouble;
        constexpr ::mode_t for_everybody = 0644;
        const auto attempt = [&](auto write) {  // one that fails does not keep the others from it
            try {
                write();
            } catch (const std::exception& e) {
                if (trouble.empty()) trouble = e.what();
            }
        };
        const auto put = [&](const std::filesystem::path& path, auto text) {
            const auto name = path.filename().string();
            attempt([&] { io::directory<io::posix>(path.parent_path()).replace(name, text(), "." + name + ".new", for_everybody); });
        };
        put(global.status_file, [&] { return monitoring::print_json(report); });  // if that fails, check finds it too old
        put(global.metrics_file(), [&] { return monitoring::metrics_of(report); });
        if (!known.looks.empty()) attempt([&] { base.replace(known_repositories::file, monitoring::print_json(known), ".known.json.new", io::private_mode); });
        return trouble;
    }

private:
    std::mutex writer_;
};

}  // namespace backy::scheduler
