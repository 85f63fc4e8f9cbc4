// SPDX-License-Identifier: GPL-3.0-or-later
// backy forget -r SPEC
#pragma once

#include <backy/cli/plan.hpp>
#include <backy/engine/forget.hpp>

namespace backy::cli {

template <Composition B>
void add_forget(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("forget", "Remove a revision");
    const auto spec = std::make_shared<std::string>();
    command->add_option("-r,--revision", *spec, "A full ID, or a prefix of 6 characters or more")->required();
    const auto plan = add_plan(*command);
    command->callback([&call, spec, plan] {
        call.run = [&call, spec, plan] {
            const auto chosen = [&](const history& h) {
                const auto damaged = std::ranges::find(h.damaged, *spec, &damaged_revision::id);
                return std::vector{damaged != h.damaged.end() ? damaged->id : resolve_id(h, *spec).id};
            };
            with_repository<B>(call, plan->what(), [&](auto& repository, auto& source, auto&, auto& log) {
                if (plan->dry()) return plan->would("remove", "revision " + chosen(repository.catalog().read())[0]), plan->print();
                const auto gone = forget(repository, source, chosen);
                for (const auto& id : gone) log.info("revision " + id + ": forgotten");
            });
            return success;
        };
    });
}

}  // namespace backy::cli
