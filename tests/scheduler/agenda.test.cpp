// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: scheduler/agenda
// The agenda by itself, and over 30 days of 10,000 jobs in simulated time.
#include <backy/config/document.hpp>
#include <backy/scheduler/agenda.hpp>
#include <backy/schedules/interval.hpp>

#include <catch2/catch.hpp>

#include <functional>
#include <iostream>
#include <queue>
#include <random>

using namespace backy;
using namespace backy::scheduler;
using namespace std::chrono_literals;
using tags = std::vector<std::string>;

namespace {

constexpr auto* daily_only = "daily = { interval = \"1d\", keep = 3 }";
auto schedule_of(const std::string& text) {
    return std::make_shared<const schedules::interval>(schedules::interval::config::from(config::parse(text, "f")));
}
const timestamp start_of_time = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

standing made(timestamp t, const tags& all = {"daily"}, backy::seconds took = 1s) {
    standing s;
    s.newest = {"id", t, took, all, 0};
    for (const auto& tag : all) s.tags.push_back({tag, t, 1, 0});
    return s;
}

using interval_agenda = agenda<schedules::interval>;

std::vector<std::string> started(interval_agenda& a, timestamp now) {
    std::vector<std::string> names;
    for (const auto& run : a.start(now)) names.push_back(run.job);
    return names;
}

}  // namespace

TEST_CASE("agenda: nothing runs before its repository was looked at, and a job that has no revision runs at once") {
    interval_agenda a;
    a.add("one", schedule_of(daily_only), start_of_time);
    CHECK(a.start(start_of_time + 48h).empty());
    CHECK(!a.wakes());
    a.know("one", {}, start_of_time);
    REQUIRE(a.wakes() == start_of_time);
    const auto begun = a.start(start_of_time);
    REQUIRE(begun.size() == 1);
    CHECK((begun[0].job == "one" && begun[0].tags == tags{"daily"}));
    CHECK((a.find("one")->state == state::running && a.running(pool::slow) == 1));
    a.ended("one", outcome::success, made(start_of_time + 5s), start_of_time + 9s);
    CHECK((*a.wakes() > start_of_time + 9s && *a.wakes() <= start_of_time + 24h));
    a.know("none", {}, start_of_time);  // removed meanwhile
    CHECK(a.jobs().size() == 1);
}

TEST_CASE("agenda: the longest waiting go first, fast and slow ones have workers of their own") {
    interval_agenda a;
    a.limit(2);
    const auto daily = schedule_of(daily_only);
    const auto now = start_of_time;
    for (int i = 0; i < 5; ++i)
        for (const std::string kind : {"quick", "long"}) {
            const auto name = kind + std::to_string(i);
            a.add(name, daily, now);
            a.know(name, made(now - 48h - std::chrono::minutes((i * 3) % 5), {"daily"}, kind == "quick" ? 600s : 601s), now);
        }
    // owed since 24 h and 0, 3, 1, 4, 2 minutes
    CHECK(started(a, now) == tags{"quick3", "quick1", "long3", "long1"});
    CHECK(started(a, now + 1h).empty());
    CHECK((a.queued(pool::fast) == 3 && a.running(pool::slow) == 2));
    a.ended("long3", outcome::success, made(now, {"daily"}, 700s), now);
    CHECK(started(a, now) == tags{"long4"});
    a.limit(3);
    CHECK(started(a, now) == tags{"quick4", "long2"});
    a.limit(1);
    a.ended("quick3", outcome::success, made(now), now);
    CHECK(started(a, now).empty());
}

TEST_CASE("agenda: a failure comes back after 2, 4, 8 … minutes, at most 6 hours, with its place in the schedule") {
    interval_agenda a;
    const auto schedule = schedule_of("daily = { interval = \"1d\", keep = 3 }\nhourly = { interval = \"1h\", keep = 3 }");
    auto now = start_of_time;
    a.add("job", schedule, now);
    a.know("job", made(now - 10min, {"daily", "hourly"}), now);
    const auto due = *a.wakes();
    now = due;
    REQUIRE(a.start(now).size() == 1);
    for (const auto wait : {2min, 4min, 8min, 16min, 32min, 64min, 128min, 256min, 360min, 360min}) {
        now += 3s;
        a.ended("job", outcome::failure, a.find("job")->standing, now);
        CHECK(*a.wakes() == now + wait);
        CHECK(*a.find("job")->due == due);
        CHECK(a.start(now + wait - 1s).empty());
        now += wait;
        REQUIRE(a.start(now).size() == 1);
    }
    CHECK(a.find("job")->failures == 10);
    CHECK(a.find("job")->tags == tags{"hourly", "daily"});  // the daily slot passed meanwhile
    a.ended("job", outcome::not_now, a.find("job")->standing, now);
    CHECK((*a.wakes() == now + 15s && a.find("job")->failures == 10));
    REQUIRE(a.start(now + 15s).size() == 1);
    a.ended("job", outcome::success, made(now + 16s, {"daily", "hourly"}), now + 20s);
    CHECK((a.find("job")->failures == 0 && *a.wakes() > now + 20s));
    CHECK((*a.wakes() - due) % 1h == 0s);
}

TEST_CASE("agenda: what somebody else made meanwhile is not made again") {
    interval_agenda a;
    a.add("job", schedule_of(daily_only), start_of_time);
    a.know("job", made(start_of_time), start_of_time);
    const auto due = *a.wakes();
    REQUIRE(a.start(due).size() == 1);
    CHECK(a.still_due("job", made(start_of_time), due + 1s) == tags{"daily"});
    CHECK(a.still_due("job", made(due + 1s, {"by-hand"}), due + 2s) == tags{"daily"});
    CHECK(a.still_due("job", made(due + 1s), due + 2s).empty());
    a.ended("job", outcome::success, made(due + 1s), due + 2s);
    CHECK(*a.wakes() == due + 24h);

    // a failing one is no more when somebody has done its work
    REQUIRE(a.start(due + 24h).size() == 1);
    a.ended("job", {outcome::failure, "exit status 1"}, made(due + 1s), due + 24h);
    CHECK((a.find("job")->failures == 1 && a.find("job")->trouble == "exit status 1"));
    a.know("job", made(due + 24h + 1min), due + 24h + 1min);
    CHECK((a.find("job")->failures == 0 && a.find("job")->trouble.empty() && *a.wakes() == due + 48h));
    a.know("job", made(due + 1s), due + 2s);

    // a queued one that is looked at again keeps its place, unless it is done
    a.know("job", made(due + 1s), due + 25h);
    a.limit(0);
    CHECK(a.start(due + 25h).empty());
    CHECK((a.find("job")->state == state::queued && *a.find("job")->due == due + 24h));
    a.know("job", made(due + 1s), due + 26h);
    CHECK(a.start(due + 26h).empty());
    CHECK((a.find("job")->state == state::queued && *a.find("job")->due == due + 24h));
    a.know("job", made(due + 26h), due + 26h);
    CHECK((a.find("job")->state == state::waiting && *a.wakes() == due + 48h));
}

TEST_CASE("agenda: a run by hand goes at once, with the tags of the next, and the schedule stays") {
    interval_agenda a;
    a.add("job", schedule_of(daily_only), start_of_time);
    CHECK(!a.run_now("job", start_of_time));  // not looked at
    CHECK(!a.run_now("none", start_of_time));
    a.know("job", made(start_of_time), start_of_time);
    const auto due = *a.wakes();
    REQUIRE(a.run_now("job", start_of_time + 1s));
    CHECK(a.next_tags("job") == tags{"daily"});
    const auto begun = a.start(start_of_time + 1s);
    REQUIRE(begun.size() == 1);
    CHECK(begun[0].tags == tags{"daily"});
    CHECK(!a.run_now("job", start_of_time + 2s));
    a.ended("job", outcome::failure, a.find("job")->standing, start_of_time + 2s);
    CHECK(*a.wakes() == start_of_time + 2s + 2min);
    REQUIRE(a.run_now("job", start_of_time + 3s));  // does not wait for the retry
    REQUIRE(a.start(start_of_time + 3s).size() == 1);
    a.ended("job", outcome::attention, made(start_of_time + 4s), start_of_time + 5s);
    CHECK(*a.wakes() == due);
}

TEST_CASE("agenda: jobs come, change and go while others run") {
    interval_agenda a;
    a.limit(9);
    for (const auto* name : {"stays", "goes", "changes"}) {
        a.add(name, schedule_of(daily_only), start_of_time);
        a.know(name, {}, start_of_time);
    }
    CHECK(a.start(start_of_time).size() == 3);
    a.remove("goes");
    a.add("changes", schedule_of("hourly = { interval = \"1h\", keep = 3 }"), start_of_time);
    CHECK(a.jobs().size() == 3);  // it runs to its end
    for (const auto* name : {"stays", "goes", "changes"}) a.ended(name, outcome::success, made(start_of_time, {"hourly", "daily"}), start_of_time);
    CHECK(a.jobs().size() == 2);
    CHECK(a.find("changes")->due < start_of_time + 1h);
    a.add("changes", schedule_of(""), start_of_time);
    CHECK(!a.find("changes")->due);
    a.remove("changes");
    a.remove("stays");
    CHECK((a.jobs().empty() && !a.wakes() && a.running(pool::slow) == 0));
}

TEST_CASE("agenda: a clock that was set a year ahead and back again") {
    interval_agenda a;
    const auto now = start_of_time, wrong = now + 24h * 365;
    a.add("job", schedule_of(daily_only), now);
    a.know("job", made(now), now);
    a.clock_was_set(wrong);
    REQUIRE(a.start(wrong).size() == 1);
    a.ended("job", outcome::success, made(wrong), wrong);
    CHECK(*a.wakes() > wrong);
    a.clock_was_set(now + 1h);
    CHECK(*a.wakes() == now + 1h);  // the revision of next year does not hold the tag
    const auto begun = a.start(now + 1h);
    REQUIRE(begun.size() == 1);
    CHECK(begun[0].tags == tags{"daily"});  // nor was it made meanwhile
    CHECK(a.still_due("job", made(wrong), now + 1h) == tags{"daily"});
    a.ended("job", outcome::failure, made(wrong), now + 1h);
    a.clock_was_set(now - 100h);
    CHECK(*a.wakes() <= now - 100h + 6h);
}

namespace {

/// A month of many jobs: the agenda as the daemon drives it, each repository a history in memory that expires as a real one does.
class simulation {
public:
    static constexpr std::size_t jobs = 10'000, workers = 40;
    static constexpr auto days = 30;
    static constexpr auto outage_from = 24h * 12 + 7h, outage_length = 12h;

    struct made_once {
        timestamp at;
        tags carried;
        std::uint64_t sequence;
    };
    struct repository {
        std::vector<made_once> ever;  ///< every revision that was made
        history kept;
        timestamp last_expiry;
    };

    explicit simulation(std::uint64_t seed) : random_(seed), repositories_(jobs) {}

    void play() {
        agenda_.limit(workers);
        for (std::size_t i = 0; i < jobs; ++i) agenda_.add(name(i), schedule_, now_);
        for (std::size_t i = 0; i < jobs; ++i) agenda_.know(name(i), {}, now_);
        const auto end = start_of_time + 24h * days, outage = start_of_time + outage_from;
        while (true) {
            begin();
            const auto ends = running_.empty() ? timestamp::max() : running_.top().at;
            const auto next = std::min(agenda_.wakes().value_or(timestamp::max()), ends);
            if (next >= outage && now_ < outage) {
                restart_after_outage(outage + outage_length);
                continue;
            }
            if (next >= end) break;
            now_ = next;
            while (!running_.empty() && running_.top().at <= now_) {
                finish(running_.top());
                running_.pop();
            }
        }
    }

    void expect_even_load() const {
        // hours after the first fill, and without the outage and what it left to catch up with
        std::vector<std::size_t> hours(24 * days);
        for (const auto t : starts_) ++hours[static_cast<std::size_t>((t - start_of_time) / 1h)];
        std::size_t sum = 0, count = 0, busiest = 0;
        const auto outage_hour = static_cast<std::size_t>(outage_from / 1h);
        for (std::size_t h = 48; h < hours.size(); ++h) {
            if (h >= outage_hour && h < outage_hour + 48) continue;
            sum += hours[h], ++count, busiest = std::max(busiest, hours[h]);
        }
        const auto ratio = static_cast<double>(busiest) * static_cast<double>(count) / static_cast<double>(sum);
        std::cout << starts_.size() << " runs (" << by_pool_[0] << " fast, " << by_pool_[1] << " slow), at most " << most_at_once_
                  << " at once; busiest hour " << busiest << ", " << ratio << " times the mean; longest between two backups " << latest_ / 1min
                  << " min\n";
        CHECK(ratio <= 1.3);
    }
    void expect_nobody_late() const {
        CHECK(kept_waiting_ == 0);
        CHECK(by_pool_[1] > jobs);
        CHECK(latest_ <= 36h);  // 1.5 times the shortest interval, outside the first fill and the outage
    }

    /// By the definition alone, over everything that was ever made.
    void expect_kept_as_by_brute_force() const {
        std::size_t kept = 0, made_in_all = 0;
        for (const auto& r : repositories_) {
            std::set<std::pair<std::uint64_t, tags>> expected, actual;
            for (const auto& one : r.ever) {
                tags left;
                for (const auto& [tag, every, keep] : rules_) {
                    if (std::ranges::count(one.carried, tag) == 0) continue;
                    std::size_t newer = 0;
                    for (const auto& other : r.ever) newer += other.sequence > one.sequence && std::ranges::count(other.carried, tag) > 0;
                    if (newer < keep || one.at >= r.last_expiry - every * keep) left.push_back(tag);
                }
                std::ranges::sort(left);
                if (!left.empty()) expected.insert({one.sequence, left});
            }
            for (const auto& one : r.kept.revisions) {
                auto left = one.tags;
                std::ranges::sort(left);
                actual.insert({*one.sequence, left});
            }
            if (expected != actual) FAIL("kept is not what the model says");
            kept += actual.size(), made_in_all += r.ever.size();
        }
        std::cout << made_in_all << " revisions made, " << kept << " kept\n";
        CHECK(kept < made_in_all / 2);
    }

private:
    struct rule {
        std::string tag;
        std::chrono::hours every;
        std::size_t keep;
    };
    inline static const std::vector<rule> rules_{{"daily", 24h, 5}, {"twodays", 48h, 3}, {"weekly", 168h, 2}};

    struct ending {
        timestamp at;
        std::string job;
        std::chrono::microseconds took;
        bool operator>(const ending& other) const { return at > other.at; }
    };

    static std::string name(std::size_t i) { return "vm" + std::to_string(i); }
    static std::size_t number(const std::string& name) { return std::stoul(name.substr(2)); }

    void begin() {
        for (const auto& due : agenda_.start(now_)) {
            const auto& j = *agenda_.find(due.job);
            // its slot may have come while its own last run went on
            const auto could = j.standing.newest
                                   ? std::max(j.wakes(), j.standing.newest->made_at +
                                                             std::chrono::duration_cast<std::chrono::microseconds>(j.standing.newest->duration))
                                   : j.wakes();
            if (now_ > could + 1us && !all_busy_[index(j.pool)]) ++kept_waiting_;
            if (due.tags.empty()) FAIL("a run without tags");
            const auto& r = repositories_[number(due.job)];
            if (!r.ever.empty() && is_ordinary(now_)) latest_ = std::max(latest_, now_ - r.ever.back().at);
            const auto takes = duration();
            running_.push({now_ + takes, due.job, takes});
            starts_.push_back(now_);
            ++by_pool_[index(j.pool)];
        }
        for (const auto p : {pool::fast, pool::slow}) {
            all_busy_[index(p)] = agenda_.running(p) == workers;
            if (agenda_.running(p) > workers || (agenda_.queued(p) > 0 && !all_busy_[index(p)])) ++kept_waiting_;
        }
        most_at_once_ = std::max(most_at_once_, running_.size());
    }
    static std::size_t index(pool p) { return static_cast<std::size_t>(p); }
    bool is_ordinary(timestamp t) const {
        const auto since = t - start_of_time;
        return since > 48h && (since < outage_from || since > outage_from + outage_length + 36h);
    }
    /// Half a minute in the middle, an hour and more for one in a hundred.
    std::chrono::microseconds duration() {
        const auto s = std::lognormal_distribution<double>(3.4, 2.0)(random_);
        return std::chrono::microseconds(static_cast<std::int64_t>(std::clamp(s, 1.0, 6.0 * 3600) * 1e6));
    }
    void finish(const ending& e) {
        auto& r = repositories_[number(e.job)];
        const auto begun = agenda_.find(e.job)->tags;
        const bool fails = random_() % 50 == 0;
        if (!fails) {
            r.ever.push_back({now_ - e.took, begun, r.ever.size() + 1});
            revision made;
            made.id = std::to_string(r.ever.size());
            made.sequence = r.ever.size();
            made.made_at = now_ - e.took;
            made.tags = begun;
            made.stats.duration = e.took;
            r.kept.revisions.push_back(made);
        }
        expire(r);
        agenda_.ended(e.job, fails ? outcome::failure : outcome::success, standing_of(r.kept), now_);
    }
    void expire(repository& r) const {
        const auto out = schedule_->expired(r.kept, now_);
        for (const auto& change : out.retagged) std::ranges::find(r.kept.revisions, change.id, &revision::id)->tags = change.tags;
        if (!out.removed.empty()) r.kept = r.kept.without(out.removed);
        r.last_expiry = now_;
    }
    /// The server was off: what ran is lost, and the daemon starts anew from what the repositories hold.
    void restart_after_outage(timestamp back) {
        now_ = back;
        running_ = {};
        agenda_ = {};
        agenda_.limit(workers);
        for (std::size_t i = 0; i < jobs; ++i) agenda_.add(name(i), schedule_, now_);
        for (std::size_t i = 0; i < jobs; ++i) agenda_.know(name(i), standing_of(repositories_[i].kept), now_);
        all_busy_ = {true, true};  // it was not there
    }

    std::mt19937_64 random_;
    std::vector<repository> repositories_;
    std::shared_ptr<const schedules::interval> schedule_ = schedule_of(
        "daily = { interval = \"1d\", keep = 5 }\ntwodays = { interval = \"2d\", keep = 3 }\n"
        "weekly = { interval = \"1w\", keep = 2 }");
    interval_agenda agenda_;
    std::priority_queue<ending, std::vector<ending>, std::greater<>> running_;
    std::vector<timestamp> starts_;
    timestamp now_ = start_of_time;
    std::chrono::microseconds latest_{};
    std::size_t most_at_once_ = 0, kept_waiting_ = 0;
    std::array<std::size_t, 2> by_pool_{};
    std::array<bool, 2> all_busy_{true, true};
};

}  // namespace

TEST_CASE("agenda: 30 days of 10,000 jobs with failures and an outage: on time, evenly, within the limit, and kept by the model") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    simulation month(seed);
    month.play();
    month.expect_nobody_late();
    month.expect_even_load();
    month.expect_kept_as_by_brute_force();
}
