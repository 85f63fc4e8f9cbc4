// SPDX-License-Identifier: GPL-3.0-or-later
// backy import [--all] [--dry-run], backy import --config FILE: moving in from the Python backy (docs/moving.md).
#pragma once

#include <backy/cli/plan.hpp>
#include <backy/cli/program.hpp>
#include <backy/engine/adopt.hpp>
#include <backy/legacy/config.hpp>
#include <backy/scheduler/jobs.hpp>

namespace backy::cli {

namespace detail {

/// Calls take(), and if it throws config_error keeps why.
bool taken(std::vector<std::string>& left_out, auto take) {
    try {
        take();
        return true;
    } catch (const config_error& e) {
        left_out.push_back(e.what());
        return false;
    }
}

/// The table, its places in the file kept, with that entry alone.
inline section only(const section& table, const std::string& key) {
    auto one = table;
    for (const auto& e : table.entries())
        if (e.key != key) one.erase(e.key);
    return one;
}

/// A table whose entries are tables, each with a head of its own.
inline std::string tables_text(const std::string& name, const section& tables) {
    std::string text;
    for (const auto& e : tables.entries()) {
        text += "\n[" + name + "." + config::detail::key_text(e.key) + "]\n";
        for (const auto& inner : std::get<section>(e.value.held).entries())
            text += config::detail::key_text(inner.key) + " = " + config::detail::inline_text(inner.value) + '\n';
    }
    return text;
}

}  // namespace detail

struct converted_config {
    std::string text;
    std::vector<std::string> left_out;  ///< what this build would refuse, and why
};

/// A configuration of the Python backy's scheduler as ours. Whatever this build's policies refuse is left out, piece by piece, so that the rest is accepted.
template <Composition B>
converted_config convert(const section& python) {
    converted_config c;
    const auto leave_out_others = [&](const section& s, const std::vector<std::string_view>& known) {
        for (const auto& e : s.entries())
            if (std::ranges::count(known, std::string_view(e.key)) == 0) detail::taken(c.left_out, [&] { s.refuse(e.key, "unknown key"); });
    };
    leave_out_others(python, {"global", "schedules", "jobs"});

    section global, schedules, jobs;
    detail::taken(c.left_out, [&] {
        const auto table = legacy::global_of(python.table("global"));
        for (const auto& e : table.entries())
            detail::taken(c.left_out, [&] {
                (void)config::global::from(detail::only(table, e.key));
                global.add(e.key, e.value);
            });
    });
    detail::taken(c.left_out, [&] {
        const auto all = python.table("schedules");
        for (const auto& e : all.entries())
            detail::taken(c.left_out, [&] {
                const auto table = legacy::schedule_of(all.get<section>(e.key));
                section tags;
                for (const auto& tag : table.entries())
                    detail::taken(c.left_out, [&] {
                        if (typename B::schedule(B::schedule::config::from(detail::only(table, tag.key))).tags().empty()) table.refuse(tag.key, "no name for a tag here");
                        tags.add(tag.key, tag.value);
                    });
                if (tags.entries().empty()) table.refuse("", "no tags in it");
                schedules.add(e.key, {tags});
            });
    });
    detail::taken(c.left_out, [&] {
        const auto table = python.table("jobs");
        for (const auto& e : table.entries())
            detail::taken(c.left_out, [&] {
                if (!scheduler::is_job_name(e.key)) table.refuse(e.key, "is no name for a job (letters, digits, . _ - and not a dot first)");
                const auto* const settings = std::get_if<section>(&e.value.held);
                if (!settings) table.refuse(e.key, "must be a table");
                settings->allow_only({"schedule", "source"});
                const auto schedule = settings->template get<std::string>("schedule");
                if (!schedules.has(schedule)) settings->refuse("schedule", "unknown schedule \"" + schedule + "\"");
                const auto source = legacy::source_of(settings->template get<section>("source"));
                scheduler::check_policies<B>(source, {});
                jobs.add(e.key, {section().set("schedule", {schedule}).set("source", {source})});
            });
    });
    auto head = section().set("format", {std::int64_t{1}});
    if (!global.entries().empty()) head.set("global", {global});
    c.text = config::print(head) + detail::tables_text("schedules", schedules) + detail::tables_text("jobs", jobs);
    (void)config::parse(c.text, "the converted configuration");  // what could not be read is not printed
    return c;
}

namespace detail {

/// What is known of a job's directory before anything is done to it.
struct job_directory {
    std::filesystem::path path;
    config::repository config;  ///< ours
    bool convert = false;       ///< DIR/config is the Python backy's still
    revision like;
    std::vector<std::string> left;  ///< of its configuration
};

/// Throws config_error for a configuration that is neither ours nor one we can convert.
template <Composition B>
job_directory look_at(const std::filesystem::path& path) {
    const auto directory = io::directory<io::posix>(path);
    job_directory job;
    job.path = path;
    const auto file = (path / config::repository_file).string();
    if (!directory.status_of(config::repository_file)) throw config_error(file, "there is none (backy init TYPE SOURCE, then import again; --all for every job's directory in it)");
    const auto text = directory.read(config::repository_file, 1_MiB);
    try {
        (void)config::parse(text, file);
    } catch (const config_error&) {
        job.convert = true;
    }
    if (!job.convert) job.config = config::repository::read(path);
    else {
        const auto old = legacy::job_config_of(legacy::parse_yaml(text, file));
        job.config.source = old.source;  // the scheduler writes down the schedule again; until it does nothing expires
        if (taken(job.left, [&] { (void)B::schedule::config::from(old.schedule); })) job.config.schedule = old.schedule;
    }
    auto& like = job.like;
    silent_journal journal;
    visit(B::sources, job.config.source, [&](auto s) {
        using S = typename decltype(s)::type;
        like.source.type = S::type.c_str();
        like.source.name = S(S::config::from(job.config.source), journal).name();
    });
    like.consistency = like.source.type == "file" ? consistency::live : consistency::crash;  // it is not said whether a guest was frozen
    return job;
}

/// Plans it, or does it. Returns what stays as it is.
template <Composition B>
std::vector<std::string> import_directory(invocation& call, const std::filesystem::path& path, plan& plan, bool& confined) {
    const auto job = look_at<B>(path);
    io::directory<io::posix> where(path);
    auto a = adoptable(where, job.like);
    const auto stop_if_refused = [&] {
        if (!a.refused.empty()) throw error(path.string(), "import: " + a.refused);
    };
    if (plan.dry()) {
        [[maybe_unused]] const auto are_free = backy::detail::lock_out_python(where, LOCK_SH);
        if (a.refused.empty()) a.left.insert(a.left.end(), job.left.begin(), job.left.end());
        for (const auto& r : a.revisions)
            plan.would("adopt", (path / r.id).string() + ": " + to_text(r.made_at) + ", " + to_size(r.size) + ", " + name_of(r.trust) + ", " + join(r.tags, ","));
        if (job.convert && a.refused.empty()) plan.would("convert", (path / config::repository_file).string());
        for (const auto& why : a.left) plan.would("leave", why);
        stop_if_refused();
        return a.left;
    }
    if (!a.refused.empty())
        for (const auto& why : a.left) std::cerr << on_one_line(why) << std::endl;
    stop_if_refused();  // before there is a lock or a log
    call.directory = path;
    open_repository<B>(call, path, job.config, intent::change, [&](auto& repository, auto&, auto& log) {
        if (!std::exchange(confined, true)) confine_to_files(repository);  // for all that follow, too
        a = adopt(repository, where, job.like, job.convert ? job.config.text() : "");
        stop_if_refused();
        a.left.insert(a.left.end(), job.left.begin(), job.left.end());
        log.info("import: " + counted(a.revisions.size(), "revision") + " adopted, " + std::to_string(a.left.size()) + " left as they are");
        for (const auto& why : a.left) log.warning(why);
        for (const auto& stranger : repository.catalog().read().strangers) log.warning(stranger);
    });
    return a.left;
}

struct job_directories {
    std::vector<std::filesystem::path> paths;
    int code = success;
};

/// Directories in it that have something of a job. What keeps it from looking at one is reported, and the code says so.
inline job_directories job_directories_in(const std::filesystem::path& base, const invocation& call) {
    const io::directory<io::posix> in(base);
    job_directories found;
    for (const auto& name : in.names()) {
        if (name.starts_with('.') || name == "lost+found") continue;
        const auto path = base / name;
        try {
            const auto st = in.status_of(name);
            if (st && S_ISLNK(st->st_mode) && std::filesystem::is_directory(path)) throw error(path.string(), "import: it is a symlink, which a scheduler of ours does not follow (mount --bind the directory there)");
            if (!st || !S_ISDIR(st->st_mode)) continue;
            const auto names = in.below(name).names();
            if (std::ranges::any_of(names, [](const std::string& n) { return n == config::repository_file || n.ends_with(".rev"); })) found.paths.push_back(path);
        } catch (const error& e) {
            report(e, call);
            found.code = failure;
        }
    }
    return found;
}

template <Composition B>
int import_all(invocation& call, const job_directories& directories, plan& plan) {
    const auto& paths = directories.paths;
    auto code = directories.code;
    bool confined = false;
    for (const auto& path : paths) {
        interruption::point();
        try {
            if (!import_directory<B>(call, path, plan, confined).empty() && code == success) code = attention;
        } catch (const std::exception& e) {
            const int its = report(e, call);
            code = paths.size() == 1 ? its : failure;
        }
        if (paths.size() > 1) call.log.reset();
    }
    return code;
}

}  // namespace detail

/// The two halves of moving in are apart, since they are done at different times and by different rights: a configuration is converted, looked
/// at and installed while the Python backy still runs; its directories are adopted when it has stopped. What is printed is data, so it goes to
/// standard output, and is nowhere installed by itself. One directory is the rule, as for every command with -b; --all is the same for each
/// directory in DIR, and one that cannot be adopted does not keep the others from it. Where a directory has no configuration, `backy init` makes one.
template <Composition B>
void add_import(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("import", "Take over the directory of a Python backy, where it is");
    struct words {
        std::string config;
        bool all = false;
    };
    const auto w = std::make_shared<words>();
    auto* const config = command->add_option("-c,--config", w->config, "Only print this configuration of its scheduler as ours")->option_text("FILE");
    command->add_flag("--all", w->all, "Every job's directory in DIR")->excludes(config);
    const auto plan = add_plan(*command);
    command->callback([&call, w, plan] {
        call.run = [&call, w, plan]() -> int {
            if (!w->config.empty()) {
                confine();  // from here on what somebody else has written can do nothing but be read
                const auto c = convert<B>(legacy::parse_yaml(config::detail::text_of(w->config), w->config));
                std::cout << "# Converted from " << on_one_line(w->config) << '\n';
                for (const auto& why : c.left_out) std::cout << "# left out: " << on_one_line(why) << '\n';
                std::cout << c.text;
                for (const auto& why : c.left_out) std::cerr << on_one_line(why) << " (left out)" << std::endl;
                return c.left_out.empty() ? success : attention;
            }
            interruption::listen();
            const std::filesystem::path directory = io::directory<io::posix>(call.directory).real_path();
            std::vector bases{w->all ? directory : directory.parent_path()};
            if (!w->all)  // a scheduler may know it by a symlink
                if (const std::filesystem::path beside = io::directory<io::posix>((std::filesystem::absolute(call.directory) / "").lexically_normal().parent_path().parent_path()).real_path(); beside != bases[0])
                    bases.push_back(beside);
            std::vector<io::file<io::posix>> no_scheduler;
            for (const auto& base : bases)
                for (auto& lock : backy::detail::lock_out(io::directory<io::posix>(base), {".lock", "status"}, "a scheduler (stop it; those of the Python backy write over what is adopted)", plan->dry() ? LOCK_SH : LOCK_EX))
                    no_scheduler.push_back(std::move(lock));
            if (plan->dry()) confine();
            const auto found = w->all ? detail::job_directories_in(directory, call) : detail::job_directories{{directory}};
            if (found.paths.empty()) throw error(directory.string(), "import: no job's directory in it");
            const auto code = detail::import_all<B>(call, found, *plan);
            if (plan->dry()) plan->print();
            return code;
        };
    });
}

}  // namespace backy::cli
