// SPDX-License-Identifier: GPL-3.0-or-later
// backy forget -r SPEC
#pragma once

#include <backy/cli/command.hpp>
#include <backy/engine/forget.hpp>

namespace backy::cli {

template <Composition B>
void add_forget(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("forget", "Remove a revision");
    const auto spec = std::make_shared<std::string>();
    command->add_option("-r,--revision", *spec, "A full ID, or a prefix of 6 characters or more")->required();
    command->callback([&call, spec] {
        call.run = [&call, spec] {
            with_repository<B>(call, intent::change, [&](auto& repository, auto& source, auto&, auto& log) {
                const auto gone = forget(repository, source, [&](const history& h) {
                    const auto damaged = std::ranges::find(h.damaged, *spec, &damaged_revision::id);
                    return std::vector{damaged != h.damaged.end() ? damaged->id : resolve_id(h, *spec).id};
                });
                for (const auto& id : gone) log.info("revision " + id + ": forgotten");
            });
            return success;
        };
    });
}

}  // namespace backy::cli
