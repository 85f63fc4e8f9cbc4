// SPDX-License-Identifier: GPL-3.0-or-later
// backy scheduler [-c CONFIG], and the same daemon as a program of its own
#pragma once

#include <backy/cli/program.hpp>
#include <backy/scheduler/daemon.hpp>

#include <sys/resource.h>

namespace backy::cli {

inline constexpr int scheduler_runs = 69;  ///< exit code: another one has the base directory

/// Children run this program's commands, or those of the `backy` beside it; BACKY_CMD names another.
inline std::filesystem::path children_program(bool has_commands) {
    if (const auto* const named = std::getenv("BACKY_CMD")) return named;
    std::string self;
    io::check(io::posix{}.readlinkat(AT_FDCWD, "/proc/self/exe", self), "/proc/self/exe", "readlink");
    return has_commands ? std::filesystem::path(self) : std::filesystem::path(self).parent_path() / "backy";
}

template <Composition B>
int run_scheduler(invocation& call, const std::string& config, bool has_commands) {
    ::rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) files.rlim_cur = files.rlim_max, ::setrlimit(RLIMIT_NOFILE, &files);  // else the default has to do
    call.directory = ".";  // where its log is, unless it is told otherwise
    call.log = open_log(call, intent::change);
    try {
        backy::scheduler::daemon<B>(config, children_program(has_commands), *call.log).run();
    } catch (const lock_busy& e) {
        call.log->error(e.what());
        return scheduler_runs;
    }
    return success;
}

template <Composition B>
void add_scheduler(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("scheduler", "The daemon that runs every job by its schedule");
    const auto path = std::make_shared<std::string>(config::default_path);
    command->add_option("-c,--config", *path, "Its configuration")->capture_default_str();
    command->callback([&call, path] { call.run = [&call, path] { return run_scheduler<B>(call, *path, true); }; });
}

/// The daemon as a program of its own; its children are the `backy` beside it.
template <Composition B>
int scheduler_main(int argc, char** argv) {
    std::string path = config::default_path;
    return run_program(argc, argv, "The daemon of backy: runs every job by its schedule, in the foreground", "backy-scheduler", [&](CLI::App& app, invocation& call) {
        app.add_option("-c,--config", path, "Its configuration")->capture_default_str();
        app.callback([&] { call.run = [&] { return run_scheduler<B>(call, path, false); }; });
    });
}

}  // namespace backy::cli
