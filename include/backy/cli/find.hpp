// SPDX-License-Identifier: GPL-3.0-or-later
// backy find [-r SPEC]
#pragma once

#include <backy/cli/command.hpp>
#include <backy/cli/json.hpp>

namespace backy::cli {

inline void add_revision_option(CLI::App& command, std::string& spec) {
    command.add_option("-r,--revision", spec, "A number (0 is the newest), an ID or a prefix of 6 characters, last, a tag")->capture_default_str();
}

template <Composition B>
void add_find(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("find", "Print the absolute path of a revision's image");
    struct words {
        std::string spec = "last";
        bool as_json = false;
    };
    const auto w = std::make_shared<words>();
    add_revision_option(*command, w->spec);
    command->add_flag("--json", w->as_json, "As JSON, with its full ID");
    command->callback([&call, w] {
        call.run = [&call, w] {
            with_revisions<B>(call, intent::read, [&](auto& repository, auto&, auto& log) {
                confine_to_files(repository);
                const auto h = repository.catalog().read();
                report_damaged(h, log);
                const auto& r = resolve(h, w->spec);
                using T = std::remove_cvref_t<decltype(repository.store())>;
                if constexpr (FileStore<T>) {
                    (void)repository.store().open(r.id);  // a path that leads nowhere is no answer
                    const auto path = repository.store().path(r.id).string();
                    if (w->as_json) print({{"format", json_format}, {"uuid", r.id}, {"image", path}});
                    else std::cout << path << '\n';
                } else throw store_error("find", std::string("a store of type ") + T::type.c_str() + " keeps no files (use restore)");
            });
            return success;
        };
    });
}

}  // namespace backy::cli
