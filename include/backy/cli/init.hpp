// SPDX-License-Identifier: GPL-3.0-or-later
// backy init TYPE SOURCE
#pragma once

#include <backy/cli/command.hpp>

namespace backy::cli {

/// mkdir -p with a mode that suits backups.
inline void make_directories(const std::filesystem::path& path) {
    std::filesystem::path sofar;
    for (const auto& part : std::filesystem::absolute(path)) {
        sofar /= part;
        const auto rc = io::posix{}.mkdirat(AT_FDCWD, sofar.string(), 0750);
        if (rc != -EEXIST && rc != -EISDIR) io::check(rc, sofar.string(), "mkdir");
    }
}

template <Composition B>
void add_init(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("init", "New repository in DIR: writes DIR/config");
    struct words {
        std::string type, source;
    };
    const auto w = std::make_shared<words>();
    command->add_option("TYPE", w->type, "One of: " + known_names(B::sources))->required();
    command->add_option("SOURCE", w->source, "What to back up: the path of a file; POOL/IMAGE; POOL/IMAGE,VM[,TOKEN]")->required();
    command->callback([&call, w] {
        call.hide(w->source);
        call.run = [&call, w] {
            section table;
            if (!visit(B::sources, w->type, [&](auto source) {
                    using S = typename decltype(source)::type;
                    table = S::parse(w->source);
                }))
                throw config_error(
                    "init", "unknown type" + (w->type.find_first_of("/,") == w->type.npos ? " \"" + w->type + "\"" : " (TYPE comes before SOURCE)") +
                                "; this build has: " + known_names(B::sources));
            const auto path = (call.directory / config::repository_file).string();
            const auto text = config::repository{table, {}, {}}.text();
            visit(B::sources, config::parse(text, path).table("source"), [&](auto source) {
                using S = typename decltype(source)::type;
                (void)S::config::from(config::parse(text, path).table("source"));  // what is written can be read, or nothing is written
            });
            make_directories(call.directory);
            io::directory<io::posix> directory(call.directory);
            [[maybe_unused]] const auto lock = typename B::catalog(call.directory).lock(false);
            if (directory.status_of(config::repository_file)) throw error(path, "init: there is a configuration already; it was left as it is");
            directory.replace(config::repository_file, text, ".config.new", io::private_mode);
            return success;
        };
    });
}

}  // namespace backy::cli
