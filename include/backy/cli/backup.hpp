// SPDX-License-Identifier: GPL-3.0-or-later
// backy backup TAGS
#pragma once

#include <backy/cli/expire.hpp>
#include <backy/engine/backup.hpp>
#include <backy/history/tags.hpp>

namespace backy::cli {

template <Composition B>
void add_backup(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("backup", "One new revision");
    const auto spelled = std::make_shared<std::string>();
    command->add_option("TAGS", *spelled, "Its tags, separated by commas")->required();
    command->callback([&call, spelled] {
        call.run = [&call, spelled] {
            const auto tags = parse_tags(*spelled);
            int code = success;
            with_repository<B>(call, intent::change, [&](auto& repository, auto& source, auto& schedule, auto& log) {
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
