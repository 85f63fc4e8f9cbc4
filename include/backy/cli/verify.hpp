// SPDX-License-Identifier: GPL-3.0-or-later
// backy verify [-r SPEC | --all | --distrusted | --older-than DURATION [--paced]]
#pragma once

#include <backy/cli/find.hpp>
#include <backy/cli/plan.hpp>
#include <backy/core/allowance.hpp>
#include <backy/engine/verify.hpp>

namespace backy::cli {

template <Composition B>
void add_verify(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("verify", "Hold stored bytes against their digests");
    struct words {
        std::string spec = "last", older_than;
        bool all = false, distrusted = false, paced = false;
    };
    const auto w = std::make_shared<words>();
    add_revision_option(*command, w->spec);
    auto* const all = command->add_flag("--all", w->all, "Every revision")->excludes("--revision");
    auto* const distrusted = command->add_flag("--distrusted", w->distrusted, "Every distrusted revision")->excludes("--revision")->excludes(all);
    auto* const older = command->add_option("--older-than", w->older_than, "Every revision that counts and whose bytes were not read for so long")
                            ->option_text("DURATION")->excludes("--revision")->excludes(all)->excludes(distrusted);
    command->add_flag("--paced", w->paced, "Read one MiB for each byte that comes on standard input")->needs(older);
    const auto plan = add_plan(*command);
    command->callback([&call, w, plan] {
        call.run = [&call, w, plan] {
            const auto age = w->older_than.empty() ? std::nullopt : parse_duration(w->older_than);
            if (!age && !w->older_than.empty()) throw config_error("--older-than", "must be a number with s, m, h, d or w: \"" + w->older_than + "\"");
            int code = success;
            with_revisions<B>(call, plan->what(), [&](auto& repository, auto&, auto& log) {
                confine_to_files(repository);
                const auto h = repository.catalog().read();
                const auto now = repository.clock().now();
                std::vector<revision> chosen;
                if (age) chosen = unread_since(h, now - *age);
                else if (!w->all && !w->distrusted) chosen.push_back(resolve(h, w->spec));
                else std::ranges::copy_if(h.revisions, std::back_inserter(chosen), [&](const revision& r) { return w->all || !r.counts(); });

                if (plan->dry()) {
                    for (const auto& r : chosen) plan->would(r.digests ? "read" : "fail for want of digests at", "revision " + r.id + ", " + to_size(r.size));
                    if (w->all)
                        for (const auto& d : h.damaged) plan->would("fail at", d.why);
                    return plan->print();
                }
                verification how;
                if (w->all) how.believed_since = now;
                if (age) how.believed_since = now - *age / 2;  // so that what is shared is read once for all of them
                allowance pace(STDIN_FILENO);
                if (w->paced) how.before_read = [&pace](byte_count n) { pace.take(n); };
                for (const auto& r : chosen) {
                    try {
                        if (!verify(repository, r, how).empty()) throw corrupt_block("revision " + r.id, "verify: failed, it is distrusted now");
                        log.info("revision " + r.id + ": verified");
                    } catch (const no_space& e) {
                        log.warning(e.what());
                        if (code == success) code = attention;
                    } catch (const error& e) {
                        interruption::point();  // then that is all there is to say
                        log.error(e.what());
                        code = failure;
                    }
                }
                if (w->all)
                    for (const auto& d : h.damaged) log.error(d.why), code = failure;
            });
            return code;
        };
    });
}

}  // namespace backy::cli
