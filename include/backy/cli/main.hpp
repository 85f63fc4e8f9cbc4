// SPDX-License-Identifier: GPL-3.0-or-later
// cli::main: the whole program of a composition.
#pragma once

#include <backy/cli/backup.hpp>
#include <backy/cli/distrust.hpp>
#include <backy/cli/expire.hpp>
#include <backy/cli/find.hpp>
#include <backy/cli/forget.hpp>
#include <backy/cli/init.hpp>
#include <backy/cli/restore.hpp>
#include <backy/cli/status.hpp>
#include <backy/cli/verify.hpp>
#include <backy/core/version.hpp>

#include <csignal>

namespace backy::cli {

namespace detail {

/// One line on standard error, and in the log of the command unless it did not even start; the exit code for it.
inline int report(const std::exception& e, const invocation& call) {
    if (call.log) call.log->note(severity::error, e.what());
    std::cerr << on_one_line(e.what()) << std::endl;
    if (dynamic_cast<const config_error*>(&e)) return usage;
    if (dynamic_cast<const lock_busy*>(&e)) return locked;
    return failure;
}

}  // namespace detail

/// Parses the command line, runs the command, and says in its exit code what came of it. Nothing but data goes to standard output.
template <Composition B>
int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write, and exit code 1
    std::signal(SIGCHLD, SIG_DFL);  // whoever started us may have ignored it, and then nobody can be waited for
    ::umask(0027);
    invocation call;
    for (int i = 0; i < argc; ++i) call.words += (i == 0 ? "" : " ") + std::string(argv[i]);

    CLI::App app("Block-level backup for virtual machines: every revision a complete raw image", "backy");
    app.set_version_flag("--version", std::string("backy ") + version);
    app.require_subcommand(0, 1);
    app.add_option("-b,--backupdir", call.directory, "The repository's directory (default: the current one)")->option_text("DIR");
    app.add_option("-l,--logfile", call.log_file, "Default: backy.log in DIR, for commands that change it")->option_text("LOGFILE");
    app.add_flag("-v,--verbose", call.verbose, "Say on standard error what goes to the log");
    add_init<B>(app, call);
    add_backup<B>(app, call);
    add_status<B>(app, call);
    add_find<B>(app, call);
    add_restore<B>(app, call);
    add_verify<B>(app, call);
    add_distrust<B>(app, call);
    add_forget<B>(app, call);
    add_expire<B>(app, call);

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
        std::cerr << "backy: " << on_one_line(e.what()) << " (backy --help, backy COMMAND --help)" << std::endl;
        return usage;
    } catch (const std::exception& e) {
        return detail::report(e, call);
    }
}

}  // namespace backy::cli
