// SPDX-License-Identifier: GPL-3.0-or-later
// backy init TYPE SOURCE
#pragma once

#include <backy/cli/plan.hpp>

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
    command->add_option("SOURCE", w->source, "What to back up: the path of a file; VG/LV; POOL/IMAGE; POOL/IMAGE,VM[,TOKEN]")->required();
    const auto plan = add_plan(*command);
    command->callback([&call, w, plan] {
        call.hide(w->source);
        call.run = [&call, w, plan] {
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
            const auto refuse_another = [&] {
                struct ::stat st {};
                const auto rc = io::posix{}.fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
                if (rc != -ENOENT && rc != -ENOTDIR) io::check(rc, path, "stat");
                if (rc == 0) throw error(path, "init: there is a configuration already; it was left as it is");
            };
            if (plan->dry()) {
                refuse_another();
                plan->would("write", path);
                plan->print();
                return success;
            }
            make_directories(call.directory);
            io::directory<io::posix> directory(call.directory);
            [[maybe_unused]] const auto lock = typename B::catalog(call.directory).lock(false);
            refuse_another();
            directory.replace(config::repository_file, text, ".config.new", io::private_mode);
            return success;
        };
    });
}

}  // namespace backy::cli
