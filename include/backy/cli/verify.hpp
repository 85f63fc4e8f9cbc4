// SPDX-License-Identifier: GPL-3.0-or-later
// backy verify [-r SPEC | --all | --distrusted]
#pragma once

#include <backy/cli/find.hpp>
#include <backy/engine/verify.hpp>

namespace backy::cli {

template <Composition B>
void add_verify(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("verify", "Hold stored bytes against their digests");
    struct words {
        std::string spec = "last";
        bool all = false, distrusted = false;
    };
    const auto w = std::make_shared<words>();
    add_revision_option(*command, w->spec);
    auto* const all = command->add_flag("--all", w->all, "Every revision")->excludes("--revision");
    command->add_flag("--distrusted", w->distrusted, "Every distrusted revision")->excludes("--revision")->excludes(all);
    command->callback([&call, w] {
        call.run = [&call, w] {
            int code = success;
            with_revisions<B>(call, intent::change, [&](auto& repository, auto&, auto& log) {
                confine_to_files(repository);
                const auto h = repository.catalog().read();
                std::vector<revision> chosen;
                if (!w->all && !w->distrusted) chosen.push_back(resolve(h, w->spec));
                else std::ranges::copy_if(h.revisions, std::back_inserter(chosen), [&](const revision& r) { return w->all || !r.counts(); });
                for (const auto& r : chosen) {
                    try {
                        if (!verify(repository, r).empty()) throw corrupt_block("revision " + r.id, "verify: failed, it is distrusted now");
                        log.info("revision " + r.id + ": verified");
                    } catch (const error& e) {
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
