// SPDX-License-Identifier: GPL-3.0-or-later
// backy relayout
#pragma once

#include <backy/cli/plan.hpp>
#include <backy/engine/relayout.hpp>

namespace backy::cli {

template <Composition B>
void add_relayout(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("relayout", "Give back space that revisions hold and do not use");
    const auto plan = add_plan(*command);
    command->callback([&call, plan] {
        call.run = [&call, plan] {
            with_revisions<B>(call, plan->what(), [&](auto& repository, auto&, auto&) {
                if (!plan->dry()) return (void)relayout(repository);
                if (const auto now = layout_of(repository); is_worth_a_relayout(now)) plan->would("copy", to_size(now->to_copy) + ": " + held_and_used(*now));
                plan->print();
            });
            return success;
        };
    });
}

}  // namespace backy::cli
