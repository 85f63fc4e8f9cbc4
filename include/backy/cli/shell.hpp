// SPDX-License-Identifier: GPL-3.0-or-later
// backy shell [-c CONFIG]
#pragma once

#include <backy/cli/command.hpp>
#include <backy/config/global.hpp>
#include <backy/scheduler/shell_client.hpp>

namespace backy::cli {

inline void add_shell(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("shell", "The scheduler's shell, with run and reload");
    const auto path = std::make_shared<std::string>(config::default_path);
    command->add_option("-c,--config", *path, "The scheduler's configuration, which names its base directory")->capture_default_str();
    command->callback([&call, path] {
        call.run = [path] {
            backy::scheduler::talk(config::read_global(*path).base_dir);
            return success;
        };
    });
}

}  // namespace backy::cli
