// SPDX-License-Identifier: GPL-3.0-or-later
// backy restore [-r SPEC] [--force] TARGET
#pragma once

#include <backy/cli/find.hpp>
#include <backy/cli/plan.hpp>
#include <backy/engine/restore.hpp>

namespace backy::cli {

/// Calls use(target) for the first kind of target that claims it.
template <Composition B>
void with_target(const target_request& request, auto use) {
    bool taken = false;
    hana::for_each(hana::values(B::targets), [&](auto kind) {
        using To = typename decltype(kind)::type;
        if (taken || !To::claims(request.spelling)) return;
        taken = true;
        To target(request);
        use(target);
    });
}

/// config_error if no kind of target claims it.
template <Composition B>
void require_target(const std::string& spelling) {
    bool claimed = false;
    hana::for_each(hana::values(B::targets), [&](auto kind) { claimed = claimed || decltype(kind)::type::claims(spelling); });
    if (!claimed)
        throw config_error("restore \"" + spelling + "\"", "no target of this build; it has: " + known_names(B::targets) + " (a file of that name: ./" + spelling + ")");
}

template <Composition B>
void add_restore(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("restore", "Write a revision to a file, a device, or - (stdout)");
    struct words {
        std::string spec = "last";
        target_request request;
    };
    const auto w = std::make_shared<words>();
    add_revision_option(*command, w->spec);
    command->add_flag("--force", w->request.force, "Although the target is in use");
    command->add_option("TARGET", w->request.spelling, "Only what differs is written to a file or device that is there")->required();
    const auto plan = add_plan(*command);
    command->callback([&call, w, plan] {
        call.run = [&call, w, plan] {
            require_target<B>(w->request.spelling);
            with_revisions<B>(call, intent::read, [&](auto& repository, auto&, auto& log) {
                const auto h = repository.catalog().read();
                report_damaged(h, log);
                const auto r = resolve(h, w->spec);
                if (!r.counts()) log.warning("revision " + r.id + ": it is distrusted");
                if (plan->dry()) {  // a target is looked at when it is opened, and then it may be made
                    (void)repository.store().open(r.id);
                    plan->would("write", "revision " + r.id + ", " + to_size(r.size) + ", to " + w->request.spelling);
                    return plan->print();
                }
                w->request.repository = io::directory<io::posix>(call.directory).real_path();
                with_target<B>(w->request, [&](auto& target) {
                    confine_to_files(repository, target);
                    log.info("revision " + r.id + ": restoring to " + w->request.spelling);
                    const auto report = restore(repository, r, target);
                    for (const auto& bad : report.bad)
                        log.error("offset " + std::to_string(bad.where.offset) + ", " + std::to_string(bad.where.length) + " bytes, not written: " + bad.why);
                    if (!report.bad.empty())
                        throw corrupt_block("revision " + r.id, "restore: everything was written but what is listed above (an older revision may have it)");
                    if (!report.unchecked.empty() && r.digests)
                        throw corrupt_block("revision " + r.id, "restore: everything was written, but nothing could be checked: " + report.unchecked);
                    if (!report.unchecked.empty()) log.warning(report.unchecked + ": what was written could not be checked");
                    log.info("revision " + r.id + ": restored");
                });
            });
            return success;
        };
    });
}

}  // namespace backy::cli
