// SPDX-License-Identifier: GPL-3.0-or-later
// What the shell's commands do.
#pragma once

#include <backy/monitoring/jobs_table.hpp>
#include <backy/scheduler/agenda.hpp>
#include <backy/scheduler/shell.hpp>

#include <re2/re2.h>

namespace backy::scheduler {

namespace detail {

/// Throws error for an expression that is none. RE2 takes time that grows with the text and not with the expression.
inline std::shared_ptr<const re2::RE2> expression(const std::string& text) {
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_max_mem(1 << 20);
    auto compiled = std::make_shared<const re2::RE2>(text, options);
    if (!compiled->ok()) throw error("jobs", "bad expression: " + compiled->error());
    return compiled;
}

template <class Daemon>
asio::awaitable<answer> jobs(Daemon& daemon, std::vector<std::string> words) {
    if (words.size() > 2) co_return lines_of("Usage: jobs [REGEX]\n");
    const auto wanted = words.size() == 2 ? expression(words[1]) : nullptr;
    const auto report = daemon.report();
    const auto now = daemon.now();
    co_return co_await daemon.off_loop([&] {
        return lines_of(monitoring::jobs_table(*report, now, [&](const std::string& name) { return !wanted || re2::RE2::PartialMatch(name, *wanted); }));
    });
}

template <class Daemon>
std::string status(Daemon& daemon) {
    const auto report = daemon.report();
    std::map<std::string, std::size_t> states;
    for (const auto& j : report->jobs) ++states[j.state];
    text_table table({"Property", "Status"}, {});
    table.add({"Jobs", std::to_string(report->jobs.size())});
    for (const auto& [state, count] : states) table.add({state, std::to_string(count)});
    for (const auto p : {pool::fast, pool::slow})
        table.add({"Idle Workers (" + name_of(p) + ")", std::to_string(daemon.idle_workers(p))});
    return table.to_text();
}

template <class Daemon>
asio::awaitable<answer> execute(Daemon& daemon, std::vector<std::string> words, bool may_change) {
    const auto& command = words[0];
    const auto usage = [&](std::size_t arguments, const std::string& text) {
        if (words.size() != arguments + 1) throw error("Usage", text);
    };
    if (command == "quit" || command == "exit") co_return nullptr;
    if (command == "jobs") co_return co_await jobs(daemon, words);
    if (command == "status") {
        usage(0, "status");
        co_return lines_of(status(daemon));
    }
    if (command == "help")
        co_return lines_of(std::string("jobs [REGEX]  the jobs, those whose name the expression matches\n"
                                       "status        how many are in which state, and how many workers are idle\n") +
                           (may_change ? "run JOB       run it at once, whatever it waits for\n"
                                         "reload        read the configuration again\n"
                                       : "") +
                           "help          this\n"
                           "quit          end the session\n");
    if (may_change && command == "run") {
        usage(1, "run JOB");
        co_return lines_of(daemon.run_now(words[1]) + "\n");
    }
    if (may_change && command == "reload") {
        usage(0, "reload");
        co_return lines_of(co_await daemon.reload() + "\n");
    }
    co_return lines_of("unknown command \"" + on_one_line(command) + "\" (try help)\n");
}

}  // namespace detail

/// The shell of a daemon: `report`, `now`, `off_loop`, `idle_workers`, `run_now`, `reload`.
template <class Daemon>
asio::awaitable<answer> run_command(Daemon& daemon, std::vector<std::string> words, bool may_change) {
    try {
        co_return co_await detail::execute(daemon, std::move(words), may_change);
    } catch (const std::exception& e) {
        co_return lines_of(on_one_line(e.what()) + "\n");
    }
}

}  // namespace backy::scheduler
