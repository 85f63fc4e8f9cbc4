// SPDX-License-Identifier: GPL-3.0-or-later
// Agenda: which job runs when. It knows no process, thread or timer, only moments that it is told; the daemon acts by it, and a
// simulation of a month takes seconds.
#pragma once

#include <backy/concepts/schedule.hpp>

#include <array>
#include <map>
#include <memory>
#include <set>

namespace backy::scheduler {

/// Two pools, so that long backups do not keep short ones waiting.
enum class pool { fast, slow };
inline std::string name_of(pool p) { return p == pool::fast ? "fast" : "slow"; }
enum class outcome { success, attention, failure, not_now };
/// How a run came out, and what somebody should know about it.
struct ending {
    ending(outcome r, std::string t = "") : result(r), trouble(std::move(t)) {}
    outcome result;
    std::string trouble;
};
enum class state { unknown, waiting, queued, running };

inline constexpr std::chrono::minutes slow_from{10};  ///< a job whose last run took longer is slow; so is one that never ran
inline constexpr std::chrono::minutes first_retry{2};  ///< after a failure; twice as long after each further one
inline constexpr std::chrono::hours last_retry{6};
inline constexpr std::chrono::seconds soon{15};         ///< after one that somebody else was in the way of

/// A job's life: unknown (its repository has not been looked at) → waiting (for its time) → queued (for a worker) → running → waiting.
/// A run stays due until its tags are made: a failure comes back after a while with its old place in the queue, and with what else came
/// due meanwhile.
template <Schedule P>
class agenda {
public:
    struct job {
        std::shared_ptr<const P> schedule;
        backy::standing standing;
        scheduler::state state = state::unknown;
        std::optional<timestamp> due;       ///< of the next run, or of the one that is queued or running; nothing: never
        timestamp not_before;               ///< a failed one waits
        std::vector<std::string> asked;     ///< tags of a run that was asked for by hand
        std::vector<std::string> tags;      ///< of the run in progress
        scheduler::pool pool = pool::slow;  ///< the queue or the workers it is in
        std::int64_t failures = 0;          ///< in a row
        std::string trouble;                ///< of the last run that did or did not make something
        bool removed = false;               ///< from the configuration, while it runs

        timestamp wakes() const { return std::max(*due, not_before); }
    };
    struct assignment {
        std::string job;
        std::vector<std::string> tags;
    };

    void limit(std::size_t workers) { limit_ = workers; }
    const std::map<std::string, job>& jobs() const { return jobs_; }
    const job* find(const std::string& name) const {
        const auto found = jobs_.find(name);
        return found == jobs_.end() ? nullptr : &found->second;
    }
    std::size_t running(scheduler::pool p) const { return running_[index(p)]; }
    std::size_t queued(scheduler::pool p) const { return queues_[index(p)].size(); }

    /// A new job, or another schedule for one that is there.
    void add(const std::string& name, std::shared_ptr<const P> schedule, timestamp now) {
        auto& j = jobs_[name];
        j.schedule = std::move(schedule);
        j.removed = false;
        plan(name, j, now);
    }
    void remove(const std::string& name) {
        const auto found = jobs_.find(name);
        if (found == jobs_.end()) return;
        take_out(name, found->second);
        if (found->second.state == state::running) found->second.removed = true;
        else jobs_.erase(found);
    }

    /// How the job's repository stands.
    void know(const std::string& name, backy::standing known, timestamp now) {
        const auto found = jobs_.find(name);
        if (found == jobs_.end()) return;
        auto& j = found->second;
        j.standing = std::move(known);
        if (j.state == state::unknown) j.state = state::waiting;
        plan(name, j, now);
    }

    /// At once, with the tags of its next run, whatever it waits for. False: it does not wait.
    bool run_now(const std::string& name, timestamp now) {
        const auto found = jobs_.find(name);
        if (found == jobs_.end() || found->second.state != state::waiting || !found->second.due) return false;
        auto& j = found->second;
        j.asked = next_tags(name);
        take_out(name, j);
        j.due = j.not_before = now;
        put_in(name, j);
        return true;
    }

    /// Those that may start now, the longest waiting first, never more than there are workers for.
    std::vector<assignment> start(timestamp now) {
        while (!waiting_.empty() && waiting_.begin()->first <= now) {
            const auto name = waiting_.begin()->second;
            auto& j = jobs_.at(name);
            take_out(name, j);
            j.state = state::queued;
            j.pool = !j.standing.newest || j.standing.newest->duration > slow_from ? pool::slow : pool::fast;
            put_in(name, j);
        }
        std::vector<assignment> begun;
        for (const auto p : {pool::fast, pool::slow})
            while (!queues_[index(p)].empty() && running_[index(p)] < limit_) {
                const auto name = queues_[index(p)].begin()->second;
                auto& j = jobs_.at(name);
                take_out(name, j);
                j.tags = tags_at(name, j, now);
                j.state = state::running;
                ++running_[index(p)];
                begun.push_back({name, j.tags});
            }
        return begun;
    }

    /// What there is left to do for a run that start() has begun, now that the repository stands like this; nothing: somebody else
    /// has made the revision meanwhile.
    std::vector<std::string> still_due(const std::string& name, backy::standing known, timestamp now) {
        auto& j = jobs_.at(name);
        j.standing = std::move(known);
        return j.tags = tags_at(name, j, now);
    }

    /// A run came to its end; `known` is how the repository stands now.
    void ended(const std::string& name, ending how, backy::standing known, timestamp now) {
        auto& j = jobs_.at(name);
        --running_[index(j.pool)];
        if (j.removed) {
            jobs_.erase(name);
            return;
        }
        j.state = state::waiting;
        j.standing = std::move(known);
        j.tags.clear();
        if (how.result == outcome::not_now) j.not_before = now + soon;
        else j.trouble = std::move(how.trouble);
        if (how.result == outcome::failure) j.not_before = now + retry_after(++j.failures);
        if (how.result == outcome::success || how.result == outcome::attention) {
            j.failures = 0;
            j.asked.clear();
            j.due.reset();
            j.not_before = {};
        }
        plan(name, j, now);
    }

    /// Nothing runs or waits for a worker, nor will for so long.
    bool is_quiet(timestamp now, std::chrono::seconds ahead) const {
        return running_[0] + running_[1] + queues_[0].size() + queues_[1].size() == 0 && (waiting_.empty() || waiting_.begin()->first > now + ahead);
    }
    /// When start() has something to do again, as long as nothing else happens.
    std::optional<timestamp> wakes() const { return waiting_.empty() ? std::nullopt : std::optional(waiting_.begin()->first); }

    /// The tags of the run in progress, or of the next.
    std::vector<std::string> next_tags(const std::string& name) const {
        const auto& j = jobs_.at(name);
        if (j.state == state::running) return j.tags;
        return j.due ? tags_at(name, j, *j.due) : std::vector<std::string>{};
    }

    /// The clock was set: what was planned by the old one is planned again.
    void clock_was_set(timestamp now) {
        for (auto& [name, j] : jobs_) {
            take_out(name, j);
            j.not_before = std::min(j.not_before, now + last_retry);
            plan(name, j, now);
        }
    }

private:
    using queue = std::set<std::pair<timestamp, std::string>>;
    static constexpr std::size_t index(scheduler::pool p) { return static_cast<std::size_t>(p); }

    static std::chrono::seconds retry_after(std::int64_t failures) {
        const auto doubled = first_retry * (std::int64_t{1} << std::min<std::int64_t>(failures - 1, 10));
        return std::min<std::chrono::seconds>(doubled, last_retry);
    }

    /// What came due since it was planned is done with it, what was made since then is not done again. (What is dated in the future
    /// was not made since: the clock was wrong.)
    std::vector<std::string> tags_at(const std::string& name, const job& j, timestamp now) const {
        auto tags = j.schedule->tags_due(name, j.standing, *j.due - std::chrono::microseconds(1), std::max(now, *j.due));
        for (const auto& tag : j.asked)
            if (j.schedule->interval_of(tag) && std::ranges::count(tags, tag) == 0) tags.push_back(tag);
        std::erase_if(tags, [&](const std::string& tag) {
            const auto newest = j.standing.newest_with(tag);
            return newest && *newest >= *j.due && *newest <= now;
        });
        return tags;
    }

    /// Works out when a job that waits is due; one that is due already stays so as long as it has something to do.
    void plan(const std::string& name, job& j, timestamp now) {
        if (j.state != state::waiting && j.state != state::queued) return;
        take_out(name, j);
        j.state = state::waiting;
        const bool is_due = j.due && *j.due <= now, is_made = is_due && tags_at(name, j, now).empty();
        if (is_made && j.failures > 0) {  // by somebody else
            j.failures = 0;
            j.trouble.clear();
            j.not_before = {};
        }
        if (!is_due || is_made) j.due = j.schedule->next_run(name, j.standing, now);
        put_in(name, j);
    }
    void take_out(const std::string& name, const job& j) {
        if (!j.due) return;
        waiting_.erase({j.wakes(), name});
        for (auto& q : queues_) q.erase({*j.due, name});
    }
    void put_in(const std::string& name, const job& j) {
        if (!j.due) return;
        if (j.state == state::queued) queues_[index(j.pool)].insert({*j.due, name});
        else waiting_.insert({j.wakes(), name});
    }

    std::map<std::string, job> jobs_;
    queue waiting_;
    std::array<queue, 2> queues_;
    std::array<std::size_t, 2> running_{};
    std::size_t limit_ = 1;
};

}  // namespace backy::scheduler
