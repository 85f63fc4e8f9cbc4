// SPDX-License-Identifier: GPL-3.0-or-later
// cli::main: the whole program of a composition.
#pragma once

#include <backy/cli/backup.hpp>
#include <backy/cli/check.hpp>
#include <backy/cli/distrust.hpp>
#include <backy/cli/expire.hpp>
#include <backy/cli/find.hpp>
#include <backy/cli/forget.hpp>
#include <backy/cli/import.hpp>
#include <backy/cli/init.hpp>
#include <backy/cli/list.hpp>
#include <backy/cli/program.hpp>
#include <backy/cli/relayout.hpp>
#include <backy/cli/restore.hpp>
#include <backy/cli/scheduler.hpp>
#include <backy/cli/shell.hpp>
#include <backy/cli/show.hpp>
#include <backy/cli/status.hpp>
#include <backy/cli/verify.hpp>

namespace backy::cli {

template <Composition B>
int main(int argc, char** argv) {
    return run_program(argc, argv, "Block-level backup for virtual machines: every revision a complete raw image", "backy", [](CLI::App& app, invocation& call) {
        app.require_subcommand(0, 1);
        app.formatter_fn([](const CLI::App* shown, std::string above, CLI::AppFormatMode mode) {
            return shown->get_parent() ? CLI::Formatter{}.make_help(shown, std::move(above), mode) : detail::overview(shown);
        });
        app.add_option("-b,--backupdir", call.directory, "The repository's directory (default: the current one)")->option_text("DIR");
        add_init<B>(app, call);
        add_backup<B>(app, call);
        add_status<B>(app, call);
        add_show<B>(app, call);
        add_list<B>(app, call);
        add_find<B>(app, call);
        add_restore<B>(app, call);
        add_verify<B>(app, call);
        add_distrust<B>(app, call);
        add_forget<B>(app, call);
        add_expire<B>(app, call);
        add_relayout<B>(app, call);
        add_import<B>(app, call);
        add_scheduler<B>(app, call);
        add_shell(app, call);
        add_check<B>(app, call);
    });
}

}  // namespace backy::cli
