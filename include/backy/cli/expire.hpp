// SPDX-License-Identifier: GPL-3.0-or-later
// backy expire
#pragma once

#include <backy/cli/plan.hpp>
#include <backy/engine/expire.hpp>

namespace backy::cli {

/// What the schedule no longer keeps goes, and the journal says what went and what could not.
template <Store T, Catalog C, Hash H, Clock K>
void expire_and_tell(const repository<T, C, H, K>& repository, Source auto& source, const Schedule auto& schedule) {
    const auto report = expire(repository, source, schedule);
    for (const auto& id : report.removed) repository.journal().info("revision " + id + ": expired");
    for (const auto& why : report.kept) repository.journal().warning(why + " (a tag that has run out stays until there is space)");
}

template <Store T, Catalog C, Hash H, Clock K>
void plan_expiry(plan& plan, const repository<T, C, H, K>& repository, const Schedule auto& schedule) {
    const auto h = repository.catalog().read();
    const auto out = schedule.expired(h, repository.clock().now());
    for (const auto& id : out.removed) plan.would("remove", "revision " + id);
    for (const auto& change : out.retagged)
        plan.would("leave", "revision " + change.id + " only its tags " + join(change.tags, ",") + " of " + join(h.find(change.id)->tags, ","));
}

template <Composition B>
void add_expire(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("expire", "Remove what the repository's schedule no longer keeps");
    const auto plan = add_plan(*command);
    command->callback([&call, plan] {
        call.run = [&call, plan] {
            with_repository<B>(call, plan->what(), [&](auto& repository, auto& source, auto& schedule, auto&) {
                if (!plan->dry()) return expire_and_tell(repository, source, schedule);
                plan_expiry(*plan, repository, schedule);
                plan->print();
            });
            return success;
        };
    });
}

}  // namespace backy::cli
