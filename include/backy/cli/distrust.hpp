// SPDX-License-Identifier: GPL-3.0-or-later
// backy distrust (-r SPEC | -f DATE | -u DATE …)
#pragma once

#include <backy/cli/plan.hpp>
#include <backy/engine/verify.hpp>

namespace backy::cli {

template <Composition B>
void add_distrust(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("distrust", "Mark revisions as not to be built upon");
    struct words {
        std::string spec, from, until;
    };
    const auto w = std::make_shared<words>();
    auto* const spec = command->add_option("-r,--revision", w->spec, "One revision: a number, an ID or a prefix of 6 characters, last, a tag");
    command->add_option("-f,--from", w->from, "All since this day (YYYY-MM-DD, UTC), it included")->excludes(spec);
    command->add_option("-u,--until", w->until, "All until this day, it included")->excludes(spec);
    const auto plan = add_plan(*command);
    command->callback([&call, w, plan] {
        call.run = [&call, w, plan] {
            const auto day = [](const std::string& text, const char* option) -> std::optional<std::chrono::sys_days> {
                if (text.empty()) return std::nullopt;
                if (const auto date = parse_date(text)) return date;
                throw config_error(std::string("distrust ") + option, "\"" + text + "\" is no date (YYYY-MM-DD)");
            };
            const auto from = day(w->from, "--from"), until = day(w->until, "--until");
            if (w->spec.empty() && !from && !until) throw config_error("distrust", "which? (-r SPEC, or -f DATE and -u DATE)");
            const auto chosen = [&](const history& h) {
                if (!w->spec.empty()) return std::vector{resolve(h, w->spec)};
                std::vector<revision> those;
                for (const auto& r : h.revisions)
                    if ((!from || r.made_at >= *from) && (!until || r.made_at < *until + std::chrono::days(1))) those.push_back(r);
                if (those.empty()) throw history_error("distrust", "no revision is of that time");
                return those;
            };
            with_revisions<B>(call, plan->what(), [&](auto& repository, auto&, auto& log) {
                confine_to_files(repository);
                if (plan->dry()) {
                    for (const auto& r : chosen(repository.catalog().read())) plan->would("distrust", "revision " + r.id);
                    return plan->print();
                }
                distrust(repository, chosen);
                for (const auto& r : repository.catalog().read().revisions)
                    if (!r.counts()) log.info("revision " + r.id + ": distrusted");
            });
            return success;
        };
    });
}

}  // namespace backy::cli
