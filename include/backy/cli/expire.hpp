// SPDX-License-Identifier: GPL-3.0-or-later
// backy expire
#pragma once

#include <backy/cli/command.hpp>
#include <backy/engine/expire.hpp>

namespace backy::cli {

/// What the schedule no longer keeps goes, and the journal says what went and what could not.
template <Store T, Catalog C, Hash H, Clock K>
void expire_and_tell(const repository<T, C, H, K>& repository, Source auto& source, const Schedule auto& schedule) {
    const auto report = expire(repository, source, schedule);
    for (const auto& id : report.removed) repository.journal().info("revision " + id + ": expired");
    for (const auto& why : report.kept) repository.journal().warning(why + " (a tag that has run out stays until there is space)");
}

template <Composition B>
void add_expire(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("expire", "Remove what the repository's schedule no longer keeps");
    command->callback([&call] {
        call.run = [&call] {
            with_repository<B>(call, intent::change, [](auto& repository, auto& source, auto& schedule, auto&) { expire_and_tell(repository, source, schedule); });
            return success;
        };
    });
}

}  // namespace backy::cli
