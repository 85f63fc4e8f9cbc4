// SPDX-License-Identifier: GPL-3.0-or-later
// What every program of ours does around its commands: the process is set up, the command line is parsed, and whatever goes wrong becomes
// one line and an exit code.
#pragma once

#include <backy/cli/command.hpp>
#include <backy/core/closest.hpp>
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

/// Help on one screen of 80 x 24: what there is to choose from. How a command is used, its own help says.
inline std::string overview(const CLI::App* app) {
    const auto line = [](const std::string& name, const std::string& about) { return "  " + name + std::string(name.size() < 22 ? 22 - name.size() : 1, ' ') + about + "\n"; };
    auto text = "Usage: " + app->get_name() + " [OPTIONS] COMMAND ...           (" + app->get_name() + " COMMAND --help)\n";
    for (const auto* const command : app->get_subcommands({})) text += line(command->get_name(), command->get_description());
    text += "\n";
    for (const auto* const option : app->get_options())
        if (option != app->get_help_ptr()) text += line(option->get_name(false, true) + (option->get_expected_max() > 0 ? " " + option->get_option_text() : ""), option->get_description());
    return text;
}

/// "did you mean backup?": for the first word that was not understood; "" if nothing is like it.
inline std::string suggestion(const CLI::App& app) {
    const auto unknown = app.remaining(true);
    if (unknown.empty()) return "";
    const auto& word = unknown.front();
    const auto chosen = app.get_subcommands();
    std::vector<std::string> known;
    const bool is_option = word.starts_with('-');
    if (is_option && !chosen.empty() && app.get_option_no_throw(word)) return word + " stands before the command; ";
    if (!is_option && chosen.empty())
        for (const auto* const command : app.get_subcommands({})) known.push_back(command->get_name());
    for (const auto* const part : {&app, chosen.empty() ? nullptr : static_cast<const CLI::App*>(chosen.front())})
        if (part && is_option)
            for (const auto* const option : part->get_options())
                for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    const auto meant = closest(word, known);
    return meant ? "did you mean " + *meant + "? " : "";
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
    app.set_version_flag("--version", name + " " + version, "The version");
    app.add_option("-l,--logfile", call.log_file, "Default: backy.log in DIR, for commands that change it")->option_text("LOGFILE");
    auto* const verbose = app.add_flag("-v,--verbose", call.verbose, "Say on standard error what goes to the log");
    app.add_flag("-q,--quiet", call.quiet, "Say errors only")->excludes(verbose);
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
        std::cerr << name << ": " << on_one_line(e.what()) << " (" << detail::suggestion(app) << name << " --help" << (app.get_subcommands({}).empty() ? "" : ", " + name + " COMMAND --help") << ")" << std::endl;
        return usage;
    } catch (const std::exception& e) {
        return detail::report(e, call);
    }
}

}  // namespace backy::cli
