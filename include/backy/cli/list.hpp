// SPDX-License-Identifier: GPL-3.0-or-later
// list: all jobs of a base directory, whether a scheduler runs or not.
#pragma once

#include <backy/cli/command.hpp>
#include <backy/cli/json.hpp>
#include <backy/history/standing.hpp>

namespace backy::cli {

namespace detail {

/// Of the sub-directories that have a configuration, or that we may not look into, by name.
inline std::vector<std::string> jobs_in(const io::directory<io::posix>& base) {
    auto names = base.names();
    std::erase_if(names, [&](const std::string& name) {
        struct ::stat st {};
        const auto rc = io::posix{}.fstatat(AT_FDCWD, (base.path() / name / config::repository_file).string(), st, 0);
        return name.starts_with('.') || name == "lost+found" || rc == -ENOENT || rc == -ENOTDIR;
    });
    std::ranges::sort(names);
    return names;
}

inline byte_count bytes_written(const history& h) {
    byte_count all = 0;
    for (const auto& r : h.revisions) all += r.stats.bytes_written;
    return all;
}

inline std::string list_marks(const standing& s) {
    std::vector<std::string> marks;
    if (s.distrusted > 0) marks.push_back(std::to_string(s.distrusted) + " distrusted");
    if (!s.damaged.empty()) marks.push_back(std::to_string(s.damaged.size()) + " damaged");
    return marks.empty() ? "" : " (" + join(marks, ", ") + ")";
}

}  // namespace detail

template <Composition B>
void add_list(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("list", "All jobs of the base directory DIR");
    const auto as_json = std::make_shared<bool>(false);
    command->add_flag("--json", *as_json, "As JSON");
    command->callback([&call, as_json] {
        call.run = [&call, as_json] {
            const std::filesystem::path base = io::directory<io::posix>(call.directory).real_path();
            const io::directory<io::posix> in(base);
            if (in.status_of(config::repository_file)) throw error(base.string(), "list: it is a repository, not a base directory (backy status)");
            call.log = open_log(call, intent::read);
            int code = success;
            bool confined = false;
            text_table table({"Job", "Revisions", "Last Backup (UTC)", "ID", "Tags", "Written"}, {1, 5});
            json all{{"format", json_format}, {"jobs", json::array()}};
            for (const auto& job : detail::jobs_in(in)) {
                try {
                    typename B::catalog catalog(base / job);
                    if (can_confine && needs_only_files(catalog) && !std::exchange(confined, true)) confine();
                    const auto config = config::repository::read(base / job);
                    const typename B::schedule schedule(B::schedule::config::from(config.schedule));
                    const auto h = catalog.read();
                    report_damaged(h, *call.log);
                    const auto s = standing_of(h);
                    const auto written = detail::bytes_written(h);
                    const auto& last = s.newest;
                    table.add({job, std::to_string(s.revisions), last ? to_text(last->made_at) : "-", last ? last->id.substr(0, shown_id_length) : "-",
                               (last ? join(sorted_tags(last->tags, schedule), ",") : "-") + detail::list_marks(s), to_size(written)});
                    json one{{"job", job}, {"revisions", s.revisions}, {"distrusted", s.distrusted}, {"damaged", s.damaged}, {"bytes_written", written}};
                    one["last"] = last ? json{{"uuid", last->id}, {"timestamp", to_rfc3339(last->made_at)}, {"tags", sorted_tags(last->tags, schedule)}} : json();
                    all["jobs"].push_back(std::move(one));
                } catch (const error& e) {  // the others can be told of
                    call.log->error(e.what());
                    all["jobs"].push_back({{"job", job}, {"error", e.what()}});
                    code = failure;
                }
            }
            if (*as_json) print(all);
            else std::cout << table.to_text();
            return code;
        };
    });
}

}  // namespace backy::cli
