// SPDX-License-Identifier: GPL-3.0-or-later
// What every program of ours does around its commands: the process is set up, the command line is parsed, and whatever goes wrong becomes
// one line and an exit code.
#pragma once

#include <backy/cli/command.hpp>
#include <backy/core/version.hpp>
#include <backy/monitoring/check.hpp>

#include <csignal>

namespace backy::cli {

namespace detail {

/// One line on standard error, and in the log of the command unless it did not even start; the exit code for it.
inline int report(const std::exception& e, const invocation& call) {
    if (call.plugin) {
        std::cout << "UNKNOWN: " << monitoring::plugin_text(e.what()) << std::endl;
        return static_cast<int>(monitoring::level::unknown);
    }
    if (call.log) call.log->error(e.what());
    else std::cerr << on_one_line(e.what()) << std::endl;
    if (dynamic_cast<const config_error*>(&e)) return usage;
    if (dynamic_cast<const lock_busy*>(&e)) return locked;
    return failure;
}

}  // namespace detail

/// Parses the command line by the app that describe(app, call) fills, runs what was chosen, and says in the exit code what came of
/// it. Nothing but data goes to standard output.
int run_program(int argc, char** argv, const std::string& about, const std::string& name, auto describe) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write, and exit code 1
    std::signal(SIGCHLD, SIG_DFL);  // whoever started us may have ignored it, and then nobody can be waited for
    ::umask(0027);
    invocation call;
    call.arguments = {argv, static_cast<std::size_t>(argc)};
    for (int i = 0; i < argc; ++i) call.words += (i == 0 ? "" : " ") + std::string(argv[i]);

    CLI::App app(about, name);
    app.set_version_flag("--version", name + " " + version);
    app.add_option("-l,--logfile", call.log_file, "Default: backy.log in DIR, for commands that change it")->option_text("LOGFILE");
    app.add_flag("-v,--verbose", call.verbose, "Say on standard error what goes to the log");
    describe(app, call);

    try {
        app.parse(argc, argv);
        if (!call.run) {
            std::cout << app.help();
            return success;
        }
        const int code = call.run();
        if (!std::cout.flush()) throw error("standard output", "write: failed");
        return code;
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() == 0) return app.exit(e);  // help and version, on standard output
        if (call.plugin) return detail::report(e, call);
        std::cerr << name << ": " << on_one_line(e.what()) << " (" << name << " --help" << (app.get_subcommands({}).empty() ? "" : ", " + name + " COMMAND --help") << ")" << std::endl;
        return usage;
    } catch (const std::exception& e) {
        return detail::report(e, call);
    }
}

}  // namespace backy::cli
