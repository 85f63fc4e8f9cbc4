// SPDX-License-Identifier: GPL-3.0-or-later
// backy backup TAGS [--paced]
#pragma once

#include <backy/cli/expire.hpp>
#include <backy/core/allowance.hpp>
#include <backy/engine/backup.hpp>
#include <backy/history/tags.hpp>

namespace backy::cli {

/// As far as it can be known without freezing the volume.
template <Store T, Catalog C, Hash H, Clock K>
void plan_backup(plan& plan, const repository<T, C, H, K>& repository, Source auto& source, const Schedule auto& schedule, const std::vector<std::string>& tags) {
    const auto h = repository.catalog().read();
    try {
        require_room(repository, h);
    } catch (const no_space& e) {
        repository.journal().warning(e.what());
        plan_expiry(plan, repository, schedule);
    }
    const auto* const parent = usable_parent(repository, h, [&](const std::string& text) { repository.journal().warning(text); });
    const auto tracking = tracking_of(source);
    const auto has_base = [&] { return std::ranges::count(source.snapshots(), parent->id) > 0; };
    const bool by_map = parent && tracking.has_map && !tracking.full_always && has_base();
    plan.would("read", by_map ? "what changed since revision " + parent->id + ", and a part of the rest" : "every allocated block");
    plan.would("make", "a revision of " + source.name() + " with " + join(tags, ",") + ", " + (parent ? "built upon revision " + parent->id : "the first"));
}

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
    const auto plan = add_plan(*command);
    command->callback([&call, w, plan] {
        call.run = [&call, w, plan] {
            const auto tags = parse_tags(w->tags);
            int code = success;
            with_repository<B>(call, plan->what(), [&](auto& repository, auto& source, auto& schedule, auto& log) {
                if (plan->dry()) return plan_backup(*plan, repository, source, schedule, tags), plan->print();
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
