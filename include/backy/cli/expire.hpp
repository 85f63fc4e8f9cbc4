// SPDX-License-Identifier: GPL-3.0-or-later
// backy expire
#pragma once

#include <backy/cli/command.hpp>
#include <backy/engine/expire.hpp>

namespace backy::cli {

template <Composition B>
void add_expire(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("expire", "Remove what the repository's schedule no longer keeps");
    command->callback([&call] {
        call.run = [&call] {
            with_repository<B>(call, intent::change, [&](auto& repository, auto& source, auto& schedule, auto& log) {
                const auto report = expire(repository, source, schedule);
                for (const auto& id : report.removed) log.info("revision " + id + ": expired");
                for (const auto& why : report.kept) log.warning(why + " (a tag that has run out stays until there is space)");
            });
            return success;
        };
    });
}

}  // namespace backy::cli
