// SPDX-License-Identifier: GPL-3.0-or-later
// DIR/config: what a repository is made of.
#pragma once

#include <backy/config/document.hpp>
#include <backy/io/directory.hpp>
#include <backy/io/posix.hpp>

namespace backy::config {

inline constexpr auto* repository_file = "config";

struct repository {
    section source, store, schedule;

    /// Throws config_error for anything in it that is not understood, error if there is none.
    static repository read(const std::filesystem::path& directory) {
        const auto path = (directory / repository_file).string();
        const io::directory<io::posix> in(directory);
        if (!in.status_of(repository_file)) throw error(path, "there is none, so this is no repository (-b DIR, or backy init TYPE SOURCE)");
        const auto text = in.read(repository_file);
        if (text.find('=') == text.npos && text.find(": ") != text.npos) throw config_error(path, "not TOML (is it a Python backy's? backy import takes it over)");
        const auto all = parse(text, path);
        all.allow_only({"format", "source", "store", "schedule"});
        if (all.get<std::int64_t>("format", 1) != 1) all.refuse("format", "this backy knows format 1");
        return {all.get<section>("source"), all.table("store"), all.table("schedule")};
    }

    /// Tables without keys are left out.
    std::string text() const {
        section all;
        all.set("format", {std::int64_t{1}});
        for (const auto& [name, table] : {std::pair("source", &source), {"store", &store}, {"schedule", &schedule}})
            if (!table->entries().empty()) all.set(name, {*table});
        return print(all);
    }
};

}  // namespace backy::config
