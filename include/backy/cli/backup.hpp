// SPDX-License-Identifier: GPL-3.0-or-later
// backy backup TAGS [--paced]
#pragma once

#include <backy/cli/expire.hpp>
#include <backy/core/allowance.hpp>
#include <backy/engine/backup.hpp>
#include <backy/history/tags.hpp>

namespace backy::cli {

template <Composition B>
void add_backup(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("backup", "One new revision");
    struct words {
        std::string tags;
        bool paced = false;
    };
    const auto w = std::make_shared<words>();
    command->add_option("TAGS", w->tags, "Its tags, separated by commas")->required();
    command->add_flag("--paced", w->paced, "Read one MiB for each byte that comes on standard input");
    command->callback([&call, w] {
        call.run = [&call, w] {
            const auto tags = parse_tags(w->tags);
            int code = success;
            with_repository<B>(call, intent::change, [&](auto& repository, auto& source, auto& schedule, auto& log) {
                allowance pace(STDIN_FILENO, true);  // a daemon that was killed must not take the backup with it
                if (w->paced) {
                    if constexpr (requires { source.before_each_read(nullptr); }) source.before_each_read([&pace](byte_count n) { pace.take(n); });
                    else throw error(source.name(), "--paced: this build does not throttle such a source (wrap it in sources::throttled)");
                }
                const auto h = repository.catalog().read();
                report_damage(h, log);
                try {
                    require_room(repository, h);
                } catch (const no_space& e) {
                    log.warning(std::string(e.what()) + " (what has expired goes first)");
                    expire_and_tell(repository, source, schedule);
                }
                const auto report = backup(repository, source, tags);
                const auto& r = report.made;
                log.info("revision " + r.id + ": complete: " + to_size(r.stats.bytes_written) + " written, " + to_size(r.stats.bytes_read) + " read");
                if (!report.attention.empty()) code = attention;
            });
            return code;
        };
    });
}

}  // namespace backy::cli
