// SPDX-License-Identifier: GPL-3.0-or-later
// The daemon: the agenda in real time. One thread runs every coroutine and never waits for a disk; what may wait is done on a few
// others (`off_loop`), and backups are processes of their own.
#pragma once

#include <backy/io/filesystem.hpp>
#include <backy/scheduler/agenda.hpp>
#include <backy/scheduler/allowance_pipe.hpp>
#include <backy/scheduler/background_journal.hpp>
#include <backy/scheduler/children.hpp>
#include <backy/scheduler/commands.hpp>
#include <backy/scheduler/jobs.hpp>
#include <backy/scheduler/overview.hpp>
#include <backy/scheduler/service_manager.hpp>
#include <backy/scheduler/status_files.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <sys/mman.h>

namespace backy::scheduler {

inline constexpr std::chrono::seconds stop_limit{60};       ///< for children to clean up after SIGTERM; then they are killed
inline constexpr std::chrono::minutes scrub_pause{1};       ///< nothing is due for so long: time to read revisions again
inline constexpr std::chrono::seconds relayout_pause{10};   ///< and for a re-layout, which can make way
inline constexpr std::chrono::seconds relayout_limit{10};   ///< for one to end when a run is due; then the run begins all the same
inline constexpr std::chrono::minutes clock_tolerance{1};   ///< more than that within a status interval is a jump

template <Composition B>
class daemon {
    using P = typename B::schedule;
    using C = typename B::catalog;
    using json_report = monitoring::report;

public:
    /// Reads the configuration, takes the base directory and listens. `program`: the `backy` whose commands the children are.
    /// Throws config_error; lock_busy when another daemon has the base directory; error.
    daemon(std::filesystem::path config, std::filesystem::path program, journal& log)
        : config_path_(std::filesystem::absolute(config)), journal_(log), settings_(read_configuration<B>(config_path_)), base_(settings_.global.base_dir),
          children_(std::move(program), base_, disk_threads_) {
        must_be_mounted(base_, settings_.global);
        lock_.emplace(base_.lock(".lock", false, "another scheduler"));
        agenda_.limit(settings_.global.worker_limit);
        for (const auto& [name, job] : settings_.jobs) agenda_.add(name, job.schedule, now());
        for (const auto& address : settings_.global.telnet_addrs) shell_.listen(address, settings_.global.telnet_port);
        base_.remove(socket_name);  // of one that was killed: the lock says that there is none
        const auto mask = ::umask(0117);
        shell_.listen("/proc/self/fd/" + std::to_string(base_.descriptor()) + "/" + socket_name);  // a path of any length
        ::umask(mask);
    }

    /// Until SIGTERM or SIGINT. Throws error when it cannot go on.
    void run() {
        spawn_task(signals());
        spawn_task(be_alive());
        spawn_task(begin());
        loop_.run();
        disk_threads_.join();
        if (failure_) std::rethrow_exception(failure_);
    }

    // For the shell's commands; on the loop's thread.
    timestamp now() const { return typename B::clock{}.now(); }
    std::size_t idle_workers(pool p) const {
        const auto busy = agenda_.running(p), limit = settings_.global.worker_limit;
        return limit > busy ? limit - busy : 0;
    }
    /// As of now; made again only after something changed.
    std::shared_ptr<const json_report> report() {
        if (!report_) report_ = std::make_shared<const json_report>(make_report());
        return report_;
    }
    std::string run_now(const std::string& job) {
        const auto* const j = agenda_.find(job);
        if (!j) throw error("run", "no job \"" + on_one_line(job) + "\"");
        if (j->state == state::unknown) throw error("run", job + ": its repository has not been looked at yet");
        if (j->state == state::running) throw error("run", job + ": it is running");
        if (j->state == state::waiting && !agenda_.run_now(job, now())) throw error("run", job + ": its schedule has no tag");
        journal_.info(job + ": asked for by hand");
        changed();
        return job + ": due now";
    }
    /// Throws error, and config_error for a broken configuration: then the old one stays in force.
    asio::awaitable<std::string> reload() {
        if (std::exchange(reloading_, true)) throw error("reload", "one is in progress");
        service_manager::reloading();
        const std::shared_ptr<void> done(nullptr, [this](void*) {
            reloading_ = false;
            service_manager::ready();
        });
        try {
            auto fresh = co_await off_loop([this] { return read_configuration<B>(config_path_); });
            reload_trouble_.clear();
            const auto text = take(std::move(fresh));
            journal_.info("reload: " + text);
            co_return text;
        } catch (const std::exception& e) {
            reload_trouble_ = std::string("the configuration was refused, the old one is in force: ") + e.what();
            journal_.error(reload_trouble_);
            changed();
            throw;
        }
    }
    template <std::invocable F>
    auto off_loop(F work) {
        return disk_threads_.run(work);
    }

private:
    static void must_be_mounted(const io::directory<io::posix>& base, const config::global& g) {
        constexpr bool transient = true;
        if (g.require_mount && !io::is_mount_point(base))
            throw error(base.path().string(), "require-mount: nothing is mounted there (mount it)", transient);
    }

    void spawn_task(asio::awaitable<void> task) {
        asio::co_spawn(loop_, std::move(task), [this](std::exception_ptr e) {
            if (!e || failure_) return;
            failure_ = e;
            loop_.stop();
        });
    }
    void changed() {
        report_.reset();
        alarm_.cancel();
    }

    /// As long as this loop goes round.
    asio::awaitable<void> be_alive() {
        const auto interval = service_manager::watchdog_interval();
        if (!interval) co_return;
        asio::steady_timer pause(loop_);
        for (;;) {
            service_manager::alive();
            pause.expires_after(*interval);
            co_await pause.async_wait(asio::use_awaitable);
        }
    }

    // ---- start

    asio::awaitable<void> begin() {
        const auto names = agenda_names();
        std::map<std::string, look> known;
        std::vector<std::string> current;
        co_await off_loop([&] {
            known = read_known(base_, journal_);
            for (const auto& name : names)
                if (const auto found = known.find(name); found != known.end() && is_fine(found->second, false)) current.push_back(name);
        });
        for (const auto& name : current) took_a_look(std::move(known.at(name)));
        std::vector<std::string> rest;
        std::ranges::set_difference(names, current, std::back_inserter(rest));
        co_await look_around();
        co_await write_status();
        journal_.info("ready: " + counted(names.size(), "job") + ", " + std::to_string(rest.size()) + " of them to be looked at");
        service_manager::ready();
        spawn_task(work());
        spawn_task(watch());
        spawn_task(scrub());
        co_await look_again(std::move(rest));
        co_await write_status();
        auto edited = co_await outdated(std::move(current), true);
        co_await look_again(std::move(edited));
    }
    std::vector<std::string> agenda_names() const {
        std::vector<std::string> names;
        for (const auto& [name, job] : agenda_.jobs()) names.push_back(name);
        return names;
    }
    bool is_fine(const look& seen, bool thorough) const noexcept {
        try {
            return is_current<C>(base_, seen, thorough);
        } catch (const std::exception&) {
            return false;  // looking at it will say why
        }
    }

    void took_a_look(look seen) {
        if (const auto* const j = agenda_.find(seen.job); j && seen.standing.revisions < j->standing.revisions) aged_.insert(seen.job);
        agenda_.know(seen.job, std::move(seen.standing), now());
        if (agenda_.find(seen.job)) prints_[seen.job] = {seen.job, std::move(seen.fingerprint), std::move(seen.thorough), {}};
        known_changed_ = true;
        changed();
    }

    /// Of these, the ones whose repository has changed since it was looked at. In pieces, so that runs can get in between.
    asio::awaitable<std::vector<std::string>> outdated(std::vector<std::string> names, bool thorough) {
        std::vector<std::string> all;
        for (std::size_t from = 0, piece = thorough ? 50 : 2000; from < names.size(); from += piece) {
            std::vector<look> ask;
            for (auto i = from; i < std::min(from + piece, names.size()); ++i)
                if (const auto* const j = agenda_.find(names[i]); j && (j->state == state::waiting || j->state == state::queued))
                    if (const auto print = prints_.find(names[i]); print != prints_.end()) ask.push_back(print->second);
            const auto old = co_await off_loop([&] {
                std::vector<std::string> changed_ones;
                for (const auto& one : ask)
                    if (!is_fine(one, thorough)) changed_ones.push_back(one.job);
                return changed_ones;
            });
            all.insert(all.end(), old.begin(), old.end());
        }
        co_return all;
    }
    asio::awaitable<void> look_again(std::vector<std::string> names) {
        ++looking_;
        const std::shared_ptr<void> done(nullptr, [this](void*) { --looking_; });
        for (const auto& name : names) {
            if (stopping_) co_return;
            const auto* const j = agenda_.find(name);
            if (!j || j->state == state::running) continue;
            try {
                auto seen = co_await off_loop([&] { return look_at<C>(base_, name); });
                look_trouble_.erase(name);
                if (const auto* const then = agenda_.find(name); then && then->state != state::running) took_a_look(std::move(seen));
            } catch (const std::exception& e) {
                if (look_trouble_[name] != e.what()) journal_.error(name + ": " + e.what());
                look_trouble_[name] = e.what();
                changed();
            }
        }
    }

    // ---- runs

    asio::awaitable<void> work() {
        while (!stopping_) {
            constexpr std::chrono::microseconds longest = std::chrono::seconds(30);  // a clock that was set is noticed by then
            if (waits_for_relayout()) {
                alarm_.expires_after(std::chrono::milliseconds(100));
                co_await alarm_.async_wait(asio::as_tuple(asio::use_awaitable));
                continue;
            }
            for (auto& due : agenda_.start(now())) {
                report_.reset();
                spawn_task(run_job(due.job, settings_.jobs.at(due.job), settings_.global));
            }
            const auto wakes = agenda_.wakes();
            alarm_.expires_after(wakes ? std::clamp(*wakes - now(), std::chrono::microseconds(0), longest) : longest);
            co_await alarm_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }

    /// With the settings of the moment it began: a reload may take the job away meanwhile.
    asio::awaitable<void> run_job(std::string name, job<P> job, config::global global) {
        ++runs_;
        auto result = outcome::failure;
        std::string trouble;
        std::vector<std::string> tags;
        standing before;
        try {
            auto seen = co_await off_loop([&] {
                must_be_mounted(base_, global);
                write_config(name, job.config);
                return look_at<C>(base_, name);
            });
            before = seen.standing;
            tags = agenda_.still_due(name, std::move(seen.standing), now());
            if (tags.empty()) {
                journal_.info(name + ": somebody else has made the revision");
                result = outcome::success;
            } else {
                journal_.info(name + ": running backup [" + join(tags, ",") + "]");
                const auto pipe = settings_.global.read_rate ? readings() : nullptr;
                const auto status = pipe ? co_await children_.backy("backup --paced " + join(tags, ","), name, -1, pipe->child_end())
                                         : co_await children_.backy("backup " + join(tags, ","), name);
                std::tie(result, trouble) = judge_status(status);
                if (!trouble.empty()) journal_.record(result == outcome::failure ? severity::error : severity::warning, name + ": " + trouble);
                else journal_.info(name + ": finished");
                if (!stopping_ && result != outcome::not_now) co_await expire(name);
            }
        } catch (const std::exception& e) {
            const auto* const known = dynamic_cast<const error*>(&e);
            if (known && known->transient()) result = outcome::not_now;
            trouble = e.what();
            journal_.error(name + ": " + trouble);
        }
        const bool made = co_await run_ended(name, result, std::move(trouble), tags.empty() ? nullptr : &before);
        --runs_;
        if (!made) co_return;
        if (const auto* const j = agenda_.find(name); j && j->standing.revisions <= before.revisions) aged_.insert(name);
        if (!stopping_ && !global.backup_completed_callback.empty()) co_await call_back(name, global.backup_completed_callback);
    }

    /// What all backups read together; a reload changes it for those that run under a limit.
    std::shared_ptr<const allowance_pipe> readings() {
        auto pipe = readings_.lock();
        if (!pipe) {
            readings_ = pipe = std::make_shared<const allowance_pipe>();
            spawn_task(allow(readings_, [this] { return settings_.global.read_rate.value_or(std::numeric_limits<byte_count>::max()); }));
        }
        return pipe;
    }
    /// By cli::exit_code.
    static std::pair<outcome, std::string> judge_status(int status) {
        constexpr int success = 0, attention = 3, locked = 75;
        if (!WIFEXITED(status)) return {outcome::failure, describe_status(status)};
        switch (WEXITSTATUS(status)) {
            case success: return {outcome::success, ""};
            case attention: return {outcome::attention, "the last run made a good revision and asks for a look (its backy.log says why)"};
            case locked: return {outcome::not_now, "another backy is at the repository"};
            default: return {outcome::failure, describe_status(status)};
        }
    }

    /// True: it made a revision. `before`: how the repository stood then, of a run that was to make one; what only says that it did
    /// has failed, or it would be tried again at once and for ever.
    asio::awaitable<bool> run_ended(const std::string& name, outcome result, std::string trouble, const standing* before) {
        const auto newest_of = [](const standing& s) { return s.newest ? s.newest->id : revision_id(); };
        bool made = before && (result == outcome::success || result == outcome::attention);
        std::optional<look> seen;
        try {
            seen = co_await off_loop([&] { return look_at<C>(base_, name); });
            if (made && newest_of(seen->standing) == newest_of(*before)) {
                made = false, result = outcome::failure;
                throw error("backup", "it made no revision, and said that it did");
            }
        } catch (const std::exception& e) {
            if (trouble.empty()) trouble = e.what();
            journal_.error(name + ": " + e.what());
        }
        auto known = seen ? seen->standing : agenda_.find(name)->standing;
        agenda_.ended(name, {result, std::move(trouble)}, std::move(known), now());
        if (seen) took_a_look(std::move(*seen));
        if (!agenda_.find(name)) prints_.erase(name);
        changed();
        co_return made;
    }

    void write_config(const std::string& name, const std::string& text) {
        const auto rc = io::again([&] { return base_.io().mkdirat(base_.descriptor(), name, 0750); });
        if (rc != -EEXIST) {
            io::check(rc, (base_.path() / name).string(), "mkdir");
            base_.sync();
        }
        auto directory = base_.below(name);
        directory.require_own();
        if (!directory.status_of(config::repository_file) || directory.read(config::repository_file) != text)
            directory.replace(config::repository_file, text, ".config.new", io::private_mode);
    }

    asio::awaitable<void> expire(const std::string& name) {
        const auto status = co_await children_.backy("expire", name);
        if (status != 0 && !stopping_) journal_.warning(name + ": expire: " + describe_status(status) + " (the next run tries again)");
    }
    asio::awaitable<void> call_back(const std::string& name, const std::string& program) {
        try {
            const auto text = static_cast<int>(io::check(::memfd_create("status", MFD_CLOEXEC), "memfd_create", "status"));
            const std::shared_ptr<void> close(nullptr, [text](void*) { ::close(text); });
            auto status = co_await children_.backy("status --json", name, text);
            if (status == 0) {
                io::check(io::posix{}.lseek(text, 0, SEEK_SET), "status", "rewind");
                status = co_await children_.callback(program, name, text);
            }
            if (status != 0) journal_.warning(name + ": backup-completed-callback: " + describe_status(status));
        } catch (const std::exception& e) {
            journal_.warning(name + ": backup-completed-callback: " + e.what());
        }
    }

    // ---- scrub

    /// Nothing of ours is at the disks, and nothing is due for so long.
    bool is_quiet_for(std::chrono::seconds ahead) const { return !stopping_ && looking_ == 0 && relayouts_ == 0 && agenda_.is_quiet(now(), ahead); }

    asio::awaitable<void> scrub() {
        constexpr std::chrono::minutes after_a_failure{60};
        std::map<std::string, timestamp> later;
        while (!stopping_) {
            const auto next = is_quiet_for(scrub_pause) ? next_to_scrub(agenda_, settings_.global.scrub_every, later, now()) : std::nullopt;
            if (next && !co_await read_again(*next)) later[*next] = now() + after_a_failure;
            if (next) continue;
            scrub_timer_.expires_after(settings_.global.status_interval);
            co_await scrub_timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }
    /// True: that was done, whatever was found.
    asio::awaitable<bool> read_again(std::string name) {
        const auto limit = *limits_of(*agenda_.find(name)->schedule, settings_.global.scrub_every).verified;
        bool is_done = false;
        auto pipe = std::make_shared<const allowance_pipe>();
        spawn_task(allow(pipe, [this] { return is_quiet_for(scrub_pause) ? settings_.global.scrub_rate : 0; }));
        try {
            journal_.info(name + ": reading revisions again");
            const auto status = co_await children_.backy("verify --older-than " + std::to_string(begins_after(limit).count()) + "s --paced", name, -1, pipe->child_end());
            constexpr int failed = 1;
            is_done = WIFEXITED(status) && WEXITSTATUS(status) <= failed;
            if (status == 0) journal_.info(name + ": its revisions are what they were");
            else if (!stopping_) journal_.error(name + ": verify: " + describe_status(status) + " (its backy.log says what was found)");
        } catch (const std::exception& e) {
            journal_.error(name + ": verify: " + e.what());
        }
        pipe.reset();
        std::vector<std::string> names{name};
        co_await look_again(std::move(names));
        const auto* const j = agenda_.find(name);  // what could not be read now is tried again later
        co_return is_done && (!j || j->standing.proofs.verified.value_or(now()) > now() - begins_after(limit));
    }

    // ---- idle time

    /// A repository that lost revisions is looked at once; one whose re-layout made way for a run is again.
    asio::awaitable<void> relayout() {
        ++relayouts_;
        const auto name = aged_.extract(aged_.begin()).value();
        relayout_pid_ = 0;
        relayout_asked_.reset();
        try {
            const auto status = co_await children_.backy("relayout", name, -1, -1, &relayout_pid_);
            if (relayout_asked_) aged_.insert(name), journal_.info(name + ": the re-layout made way for a run");
            else if (status != 0 && !stopping_) journal_.warning(name + ": re-layout: " + describe_status(status) + " (its backy.log says why)");
        } catch (const std::exception& e) {
            journal_.warning(name + ": re-layout: " + e.what());
        }
        --relayouts_;
        alarm_.cancel();
    }
    /// Something is due while a re-layout runs: that is asked to end, and ends within a moment; what it has done stays.
    bool waits_for_relayout() {
        const auto wakes = agenda_.wakes();
        if (relayouts_ == 0 || !wakes || *wakes > now()) return false;
        if (!relayout_asked_ && relayout_pid_ > 0) {
            ::kill(relayout_pid_, SIGTERM);
            relayout_asked_ = steady();
        }
        return !relayout_asked_ || steady() - *relayout_asked_ < relayout_limit;
    }

    // ---- watching

    asio::awaitable<void> watch() {
        auto last = std::pair(now(), steady());
        while (!stopping_) {
            status_timer_.expires_after(settings_.global.status_interval);
            co_await status_timer_.async_wait(asio::as_tuple(asio::use_awaitable));
            if (stopping_) co_return;
            const auto current = std::pair(now(), steady());
            const auto jump = (current.first - last.first) - std::chrono::floor<std::chrono::microseconds>(current.second - last.second);
            last = current;
            if (std::chrono::abs(jump) > clock_tolerance) clock_jumped(jump);
            auto names = co_await outdated(agenda_names(), false);
            for (const auto& [name, job] : agenda_.jobs())
                if (job.state == state::unknown && look_trouble_.contains(name)) names.push_back(name);
            if (!looking_) spawn_task(look_again(std::move(names)));  // many on a slow disk must not keep the status file waiting
            co_await look_around();
            co_await write_status();
            if (!making_room_) spawn_task(make_room());
            std::erase_if(aged_, [&](const std::string& name) { return !settings_.jobs.contains(name); });
            if (!aged_.empty() && is_quiet_for(relayout_pause)) spawn_task(relayout());
        }
    }
    /// When the runs of the next day may not fit: what has expired goes in every repository, not only after its own next run.
    asio::awaitable<void> make_room() {
        if (std::ranges::none_of(report()->space, [](const auto& s) { return s.free < s.needed; }) || now() < room_made_ + std::chrono::hours(1)) co_return;
        making_room_ = true;
        const std::shared_ptr<void> done(nullptr, [this](void*) { making_room_ = false; });
        room_made_ = now();
        journal_.warning("space is short: what has expired goes");
        const auto names = agenda_names();
        for (const auto& name : names) {
            const auto* const j = agenda_.find(name);
            if (stopping_) co_return;
            if (j && j->state == state::waiting && j->standing.newest) co_await expire(name);
        }
    }
    static std::chrono::nanoseconds steady() { return typename B::clock{}.steady(); }

    void clock_jumped(std::chrono::microseconds by) {
        clock_jump_ = now();
        clock_jump_text_ = "the clock jumped by " + std::to_string(std::chrono::round<std::chrono::seconds>(by).count()) + " s at " + to_text(now()) + " UTC";
        journal_.warning(clock_jump_text_);
        agenda_.clock_was_set(now());
        changed();
    }

    /// At the base directory.
    asio::awaitable<void> look_around() {
        std::map<std::string, std::filesystem::path> volumes;
        for (const auto& [name, job] : settings_.jobs) volumes[name] = job.volume;
        const auto global = settings_.global;
        try {
            survey_ = co_await off_loop([&] {
                must_be_mounted(base_, global);
                return survey_of<C>(base_, volumes);
            });
            survey_trouble_.clear();
        } catch (const std::exception& e) {
            if (survey_trouble_ != e.what()) journal_.error(e.what());
            survey_trouble_ = e.what();
        }
        report_.reset();
    }

    json_report make_report() const {
        auto r = overview(agenda_, survey_, look_trouble_, settings_.global.scrub_every, now());
        for (const auto* text : {&reload_trouble_, &survey_trouble_, &status_trouble_})
            if (!text->empty()) r.trouble.push_back(*text);
        if (!clock_jump_text_.empty() && std::chrono::abs(r.written - clock_jump_) < std::chrono::days(1)) r.trouble.push_back(clock_jump_text_);
        return r;
    }

    asio::awaitable<void> write_status() {
        known_repositories known;
        if (std::exchange(known_changed_, false))
            for (const auto& [name, print] : prints_)
                if (const auto* const j = agenda_.find(name)) known.looks.push_back({name, print.fingerprint, print.thorough, j->standing});
        const auto current = report();
        const auto global = settings_.global;
        std::string trouble;
        co_await off_loop([&] { trouble = status_files_.write(*current, global, base_, known); });
        if (!trouble.empty()) known_changed_ = true;
        if (trouble != status_trouble_) changed();
        if (!trouble.empty() && trouble != status_trouble_) journal_.error(trouble);
        status_trouble_ = trouble;
    }

    // ---- changes and the end

    std::string take(configuration<P> fresh) {
        std::size_t added = 0, altered = 0, removed = 0;
        std::vector<std::string> fresh_names;
        for (const auto& [name, job] : settings_.jobs)
            if (!fresh.jobs.contains(name)) {
                ++removed;
                agenda_.remove(name);
                prints_.erase(name), look_trouble_.erase(name);
            }
        for (const auto& [name, job] : fresh.jobs) {
            const auto old = settings_.jobs.find(name);
            if (old != settings_.jobs.end() && old->second == job) continue;
            ++(old == settings_.jobs.end() ? added : altered);
            agenda_.add(name, job.schedule, now());
            if (old == settings_.jobs.end()) fresh_names.push_back(name);
        }
        std::string text = counted(fresh.jobs.size(), "job") + ": " + std::to_string(added) + " new, " + std::to_string(altered) + " changed, " +
                           std::to_string(removed) + " removed";
        const auto &was = settings_.global, &is = fresh.global;
        if (was.base_dir != is.base_dir || was.telnet_addrs != is.telnet_addrs || was.telnet_port != is.telnet_port)
            text += " (base-dir, telnet-addrs and telnet-port take effect at the next start)";
        settings_ = std::move(fresh);
        agenda_.limit(settings_.global.worker_limit);
        status_timer_.cancel();
        spawn_task(look_again(std::move(fresh_names)));
        changed();
        return text;
    }

    asio::awaitable<void> signals() {
        asio::signal_set set(loop_, SIGTERM, SIGINT, SIGHUP);
        for (;;) {
            const auto number = co_await set.async_wait(asio::use_awaitable);
            journal_.info("received signal " + std::to_string(number));
            if (number != SIGHUP) break;
            try {
                co_await reload();
            } catch (const std::exception&) {}  // logged, and told by check
        }
        co_await stop();
    }

    asio::awaitable<void> stop() {
        service_manager::stopping();
        stopping_ = true;
        shell_.stop();
        alarm_.cancel();
        status_timer_.cancel();
        scrub_timer_.cancel();
        children_.stop();
        const auto deadline = std::chrono::steady_clock::now() + stop_limit;
        while (runs_ > 0 || !children_.empty()) {
            if (std::chrono::steady_clock::now() > deadline) children_.kill();
            asio::steady_timer pause(loop_, std::chrono::milliseconds(20));
            co_await pause.async_wait(asio::use_awaitable);
        }
        co_await write_status();
        base_.remove(socket_name);
        journal_.info("stopped");
        loop_.stop();
    }

    std::filesystem::path config_path_;
    background_journal journal_;
    configuration<P> settings_;
    io::directory<io::posix> base_;
    std::optional<io::file<io::posix>> lock_;
    children children_;
    agenda<P> agenda_;
    std::map<std::string, look> prints_;  ///< without their standings, which the agenda has
    std::map<std::string, std::string> look_trouble_;  ///< of repositories that cannot be read
    survey survey_;
    std::string reload_trouble_, survey_trouble_, status_trouble_, clock_jump_text_;
    status_files status_files_;
    timestamp clock_jump_;
    std::shared_ptr<const json_report> report_;
    std::set<std::string> aged_;  ///< jobs whose repository lost revisions since it was looked at for a re-layout
    ::pid_t relayout_pid_ = 0;
    std::optional<std::chrono::nanoseconds> relayout_asked_;  ///< to end
    std::weak_ptr<const allowance_pipe> readings_;  ///< as long as a backup reads from it
    std::size_t runs_ = 0, looking_ = 0, relayouts_ = 0;
    bool stopping_ = false, reloading_ = false, known_changed_ = false, making_room_ = false;
    timestamp room_made_;
    std::exception_ptr failure_;
    asio::io_context loop_{1};
    disk_threads disk_threads_;
    asio::steady_timer alarm_{loop_}, status_timer_{loop_}, scrub_timer_{loop_};
    shell_server shell_{loop_.get_executor(), journal_, [this](std::vector<std::string> words, bool may_change) {
                            return run_command(*this, std::move(words), may_change);
                        }};
};

}  // namespace backy::scheduler
