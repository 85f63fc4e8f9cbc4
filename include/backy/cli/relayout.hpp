// SPDX-License-Identifier: GPL-3.0-or-later
// backy relayout
#pragma once

#include <backy/cli/command.hpp>
#include <backy/engine/relayout.hpp>

namespace backy::cli {

template <Composition B>
void add_relayout(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("relayout", "Give back space that revisions hold and no longer use (btrfs)");
    command->callback([&call] {
        call.run = [&call] {
            with_revisions<B>(call, intent::change, [](auto& repository, auto&, auto&) { relayout(repository); });
            return success;
        };
    });
}

}  // namespace backy::cli
