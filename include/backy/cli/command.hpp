// SPDX-License-Identifier: GPL-3.0-or-later
// What the commands share: the global options, exit codes, and a repository opened with the policies its config names.
#pragma once

#include <backy/cli/log.hpp>
#include <backy/composition.hpp>
#include <backy/concepts/confinable.hpp>
#include <backy/config/repository.hpp>
#include <backy/core/confinement.hpp>
#include <backy/core/interruption.hpp>
#include <backy/history/specifier.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <filesystem>
#include <functional>

namespace backy::cli {

/// Scripts and the scheduler go by these.
enum exit_code : int { success = 0, failure = 1, usage = 2, attention = 3, locked = 75 };

inline constexpr std::size_t shown_id_length = 10;  ///< in tables

/// The options before the command, and what the chosen command is to do.
struct invocation {
    std::filesystem::path directory = ".";
    std::string log_file;
    bool verbose = false, quiet = false;
    std::string words;  ///< the command line, for the log
    std::span<char*> arguments;
    bool plugin = false;  ///< its failures are Nagios's UNKNOWN, on standard output
    std::function<int()> run;
    std::unique_ptr<command_log<>> log;  ///< once the command has opened it

    /// From here on neither other processes nor the log see what that word was, which may hold a secret.
    void hide(const std::string& word) {
        for (char* const argument : arguments)
            if (word == argument) std::memset(argument, '*', word.size());
        if (const auto at = words.find(word); at != words.npos) words.replace(at, word.size(), "*");
    }
};

/// What a command is about to do to its repository. One that changes it must be of the user whose it is, and logs to its backy.log; the
/// others work for whoever may read it, and log only where they are told to.
enum class intent { read, change };

/// A symlink in a repository is not followed, one that the user names is.
inline std::unique_ptr<command_log<>> open_log(const invocation& call, intent what) {
    const bool in_directory = call.log_file.empty() && what == intent::change;
    return std::make_unique<command_log<>>(in_directory ? (call.directory / "backy.log").string() : call.log_file, "$ " + call.words,
                                           call.quiet ? loudness::quiet : call.verbose ? loudness::verbose : loudness::normal,
                                           in_directory ? O_NOFOLLOW : 0);
}

/// From here on a command can only read and write files, if that is all that its policies need.
void confine_to_files(const auto& repository, const auto&... others) {
    const bool can_be = can_confine && needs_only_files(repository.catalog()) && (needs_only_files(repository.store()) && ... && needs_only_files(others));
    if (const auto why = can_be ? confine() : ""; !why.empty()) repository.journal().info("not confined: " + why);
}

namespace detail {

/// Throws error if somebody else can change what is in the repository, or what its configuration has us run.
inline void require_own(const std::filesystem::path& repository) {
    const io::directory<io::posix> directory(repository);
    directory.require_own();
    directory.open(config::repository_file, O_RDONLY | O_NONBLOCK).require_unshared();
}

/// use(repository, schedule, log). The log is opened once the configuration is known to be right, and the repository to be ours.
template <Composition B>
void open_repository(invocation& call, const std::filesystem::path& directory, const config::repository& config, intent what, auto use) {
    const typename B::schedule schedule(B::schedule::config::from(config.schedule));
    visit(B::stores, with_default_type(config.store), [&](auto t) {
        using T = typename decltype(t)::type;
        const auto store_config = T::config::from(config.store);
        if (what == intent::change) require_own(directory);
        call.log = open_log(call, what);
        T store(store_config, directory, *call.log);
        typename B::catalog catalog(directory);
        repository<T, typename B::catalog, typename B::hash, typename B::clock> repository(store, catalog, *call.log);
        use(repository, schedule, *call.log);
    });
}

}  // namespace detail

/// Calls use(repository, schedule, log) with the policies that the config names. Touches nothing by itself.
/// Revisions can be read and restored by a build that does not know their source.
template <Composition B>
void with_revisions(invocation& call, intent what, auto use) {
    const std::filesystem::path directory = io::directory<io::posix>(call.directory).real_path();
    interruption::listen();
    const auto config = config::repository::read(directory);
    visit(B::sources, config.source.template get<std::string>("type"), [&](auto s) { (void)decltype(s)::type::config::from(config.source); });
    detail::open_repository<B>(call, directory, config, what, use);
}

/// The same with the source, and confined where that can be: use(repository, source, schedule, log).
template <Composition B>
void with_repository(invocation& call, intent what, auto use) {
    const std::filesystem::path directory = io::directory<io::posix>(call.directory).real_path();
    interruption::listen();
    const auto config = config::repository::read(directory);
    visit(B::sources, config.source, [&](auto s) {
        using S = typename decltype(s)::type;
        const auto source_config = S::config::from(config.source);
        detail::open_repository<B>(call, directory, config, what, [&](auto& repository, auto& schedule, auto& log) {
            S source(source_config, log);
            confine_to_files(repository, source);
            use(repository, source, schedule, log);
        });
    });
}

/// The longest interval first, those without one last, equal ones by name.
std::vector<std::string> sorted_tags(std::vector<std::string> tags, const Schedule auto& schedule) {
    std::ranges::sort(tags, {},
                      [&](const std::string& tag) { return std::pair(-schedule.interval_of(tag).value_or(std::chrono::seconds(0)).count(), tag); });
    return tags;
}

/// Metadata that cannot be read: one of those may be newer than what is taken for the last.
inline void report_damaged(const history& h, journal& journal) {
    for (const auto& d : h.damaged) journal.warning(d.why);
}

/// What is wrong in the repository goes to standard error.
inline void report_damage(const history& h, journal& journal) {
    report_damaged(h, journal);
    for (const auto& stranger : h.strangers) journal.warning(stranger);
}

}  // namespace backy::cli
