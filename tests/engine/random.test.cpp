// SPDX-License-Identifier: GPL-3.0-or-later
// The life of a repository, drawn from a printed seed: the volume changes, backups, restores, verify, distrust, forget and expire, kills and
// failing calls at any moment, a disk that fills, a clock that jumps, bits that rot. Beside it lives a model in memory that knows what every
// byte, tag and mark of trust has to be; after each step the repository is held against it.
#include "support/long.hpp"
#include "support/manual_clock.hpp"
#include "support/model.hpp"

#include <backy/engine/expire.hpp>
#include <backy/engine/forget.hpp>
#include <backy/engine/restore.hpp>
#include <backy/engine/verify.hpp>
#include <backy/io/faulty.hpp>
#include <backy/schedules/interval.hpp>
#include <backy/targets/file.hpp>

#include <iostream>

using namespace support;
using namespace std::chrono_literals;

namespace {

using faulty = io::faulty<io::posix>;
using kind = io::fault_plan::kind;
using tag_list = std::vector<std::string>;

struct rule {
    std::chrono::seconds interval;
    std::size_t keep;
};
const std::map<std::string, rule> rules{{"daily", {24h, 3}}, {"weekly", {24h * 7, 2}}};

struct known_revision {
    revision_id id;
    content truth;   ///< the volume as it was
    content stored;  ///< what the image holds: the truth, unless it or its parent has rotted
    tag_list tags;
    timestamp made_at;
    bool counts = true, digests_rotted = false;
    bool whole() const { return stored == truth && !digests_rotted; }
};

class life {
public:
    life(const fs::path& place, std::uint64_t seed) : random_(seed), dir_(place) {
        fs::create_directory(repository());
        now_ = some_volume(random_, 600'000);
        manual_clock::moment = timestamp(std::chrono::sys_days(std::chrono::year_month_day(std::chrono::year(2026), std::chrono::month(1), std::chrono::day(1))));
    }

    /// What it was, for the message of one that went wrong.
    std::string step() {
        plan_ = std::make_shared<io::fault_plan>();
        if (random_.below(5) < 2) draw_fault();
        doing_.clear();
        switch (random_.below(12)) {
            case 0: case 1: change(); break;
            case 2: case 3: case 4: back_up(); break;
            case 5: restore_one(); break;
            case 6: expire_some(); break;
            case 7: forget_one(); break;
            case 8: distrust_one(); break;
            case 9: verify_one(); break;
            case 10: set_the_clock(); break;
            default: damage();
        }
        return doing_ + (plan_->what == kind::none ? "" : ", fault " + std::to_string(static_cast<int>(plan_->what)) + " at call " + std::to_string(plan_->at) + " error " + std::to_string(plan_->error));
    }

    violations check() const {
        model m;
        for (const auto& r : history_) m.revisions[r.id] = r.stored;
        auto found = violations_of(repository(), m, settled_ ? expected_links::present : expected_links::present_or_absent);
        std::erase_if(found, [&](const std::string& text) {
            return std::ranges::any_of(history_, [&](const auto& r) { return r.digests_rotted && text == "the digests of " + r.id + " are others"; });
        });
        const auto h = catalogs::files<>(repository()).read();
        for (const auto& r : history_)
            if (const auto* const there = h.find(r.id); there && (there->counts() != r.counts || there->tags != r.tags))
                found.push_back("revision " + r.id + " is " + name_of(there->trust) + " with " + join(there->tags, ",") + " and should have " + join(r.tags, ","));
        const auto last = repository() / "last";
        if (const auto* const newest = this->newest(); settled_ && newest && fs::is_symlink(last) && fs::read_symlink(last) != newest->id)
            found.push_back("last is not " + newest->id);
        found.insert(found.end(), complaints_.begin(), complaints_.end());
        return found;
    }

    std::map<std::string, std::size_t> done;  ///< how often what was done, and how often it failed

private:
    fs::path repository() const { return dir_ / "repository"; }
    const known_revision* newest() const {
        const auto found = std::find_if(history_.rbegin(), history_.rend(), [](const auto& r) { return r.counts; });
        return found == history_.rend() ? nullptr : &*found;
    }
    known_revision* any() { return history_.empty() ? nullptr : &history_[random_.below(history_.size())]; }
    void demand(bool held, const std::string& what) {
        if (!held) complaints_.push_back(what);
    }

    void draw_fault() {
        constexpr std::array kinds{kind::fail, kind::lost, kind::brief, kind::full, kind::stop, kind::stop, kind::stop};
        plan_->what = kinds[random_.below(kinds.size())];
        plan_->at = static_cast<long>(1 + random_.below(180));
        plan_->error = plan_->what == kind::full || (plan_->what != kind::stop && random_.below(2) == 0) ? ENOSPC : EIO;
    }
    /// True if the command says that it succeeded. Those that change the repository leave `last` right, or are cleaned up after.
    bool run(const std::string& what, bool changes, auto command) {
        doing_ += what;
        bool ok = true;
        silent_journal journal;
        try {
            file_engine<faulty, manual_clock> e(dir_.path(), faulty(plan_), journal);
            command(e);
        } catch (const error&) {
            ok = false;
        }
        ++done[what + (ok ? "" : " failed")];
        if (changes) settled_ = ok;
        if (plan_->what == kind::none) demand(ok, what + " fails without a fault");
        return ok;
    }
    history read() const { return catalogs::files<>(repository()).read(); }
    void nothing_left_over() {
        std::vector<revision_id> ids;
        for (const auto& r : history_) ids.push_back(r.id);
        // where a call failed a snapshot may be held that could not be released
        const auto left = catalogs::files<>(repository()).announced();
        const bool holds = plan_->what != kind::none && left && left->revisions.empty() && !left->snapshots.empty();
        for (auto& name : left_over(repository(), dir_ / "disk.img", ids))
            if (!holds || name != "left over: .run") complaints_.push_back(std::move(name));
    }

    /// What removes works on a full disk, without `last` if there is no space for it.
    void links_may_lack_space(bool ok) {
        const bool full = plan_->what != kind::none && plan_->error == ENOSPC;
        if (full) settled_ = false;
        else if (ok) nothing_left_over();
    }

    void change() {
        doing_ = "change";
        now_ = changed(random_, now_, random_.below(4) == 0 ? random_.below(1'000'000) : now_.size());
    }

    /// What the image of a backup of now has to hold.
    content stored_now() const {
        const auto* const parent = newest();
        if (!parent || parent != &history_.back() || parent->digests_rotted) return now_;  // without digests to trust the parent's bytes are compared
        auto stored = parent->stored;
        stored.resize(now_.size(), '\0');
        for (std::size_t at = 0; at < now_.size(); at += block_size) {
            const auto before = std::string_view(parent->truth).substr(std::min(at, parent->truth.size()), block_size), after = std::string_view(now_).substr(at, block_size);
            const bool same = before == after || (is_zero(bytes_of(before)) && is_zero(bytes_of(after)));
            if (!same) stored.replace(at, after.size(), after);
        }
        return stored;
    }
    void back_up() {
        spill(dir_ / "disk.img", now_);
        known_revision made{"", now_, stored_now(), {}, manual_clock::moment};
        for (const auto* tag : {"daily", "weekly", "manual"})
            if (random_.below(3) == 0) made.tags.push_back(tag);
        if (made.tags.empty()) made.tags.push_back("daily");
        const bool ok = run("backup", true, [&](auto& e) { made.id = backup(e.repository, e.source, made.tags, 1).made.id; });
        const auto h = read();
        std::size_t arrived = 0;
        for (const auto& r : h.revisions) {
            if (std::ranges::count(history_, r.id, &known_revision::id) > 0) continue;
            demand(++arrived == 1, "more than one revision by one backup");
            demand(!ok || r.id == made.id, "another revision than it said");
            made.id = r.id;
            // a parent that could not be read, or its digests: then bytes were compared, and its rot is not inherited
            if (plan_->what != kind::none && slurp(repository() / r.id) == now_) made.stored = now_;
            history_.push_back(made);
        }
        demand(!ok || arrived == 1, "a backup that succeeded made no revision");
        if (ok) nothing_left_over();
    }

    void restore_one() {
        const auto* const r = any();
        if (!r) return;
        const auto target = dir_ / "target";
        if (random_.below(2) == 0) spill(target, now_);
        else fs::remove(target);
        restore_report report;
        const bool ok = run("restore", false, [&](auto& e) {
            targets::file<faulty> to({target.string(), repository(), false}, faulty(plan_));
            const auto h = e.catalog.read();
            const auto* const there = h.find(r->id);
            if (!there) throw error("restore", "no such revision");
            report = restore(e.repository, *there, to, 1);
        });
        if (!ok) return;
        const bool clean = report.bad.empty() && report.unchecked.empty();
        if (plan_->what == kind::none) demand(clean == r->whole(), clean ? "rot was restored unsaid" : "a whole revision was restored with complaints");
        if (clean) demand(slurp(target) == r->truth, "a restore that succeeded is wrong");
        if (!report.unchecked.empty() && report.bad.empty()) demand(slurp(target) == r->stored, "an unchecked restore is not what the image holds");
    }

    /// By the sentence of the contract: a tag is lost by a revision when `keep` newer ones that count carry it and it is older than keep × interval.
    tag_list left_of(const known_revision& r) const {
        tag_list left;
        for (const auto& tag : r.tags) {
            const auto rule = rules.find(tag);
            const auto newer = std::count_if(&r + 1, history_.data() + history_.size(), [&](const auto& n) { return n.counts && std::ranges::count(n.tags, tag) > 0; });
            const bool lost = rule != rules.end() && static_cast<std::size_t>(newer) >= rule->second.keep &&
                              manual_clock::moment - r.made_at > static_cast<long>(rule->second.keep) * rule->second.interval;
            if (!lost) left.push_back(tag);
        }
        return left;
    }
    void expire_some() {
        std::map<revision_id, tag_list> after;  // without those that go
        for (const auto& r : history_)
            if (const auto left = left_of(r); !left.empty() || &r == newest()) after[r.id] = left;
        std::vector<schedules::interval::rule> all;
        for (const auto& [tag, rule] : rules) all.push_back({tag, rule.interval, static_cast<std::int64_t>(rule.keep)});
        bool no_space = false;
        const bool ok = run("expire", true, [&](auto& e) { no_space = !expire(e.repository, e.source, schedules::interval({all})).kept.empty(); });
        if (plan_->what == kind::full) demand(ok, "expire fails on a full disk");
        const auto h = read();
        std::erase_if(history_, [&](const auto& r) {
            const bool gone = !h.has(r.id);
            demand(!gone || !after.contains(r.id), "a revision expired that is to be kept");
            demand(gone || after.contains(r.id) || !ok, "a revision did not expire");
            return gone;
        });
        for (auto& r : history_) {
            const auto* const there = h.find(r.id);
            if (!there || !after.contains(r.id)) continue;
            demand(there->tags == after[r.id] || ((!ok || no_space) && there->tags == r.tags), "wrong tags are left");
            r.tags = there->tags;
        }
        links_may_lack_space(ok);
    }
    void forget_one() {
        const auto* const r = any();
        if (!r) return;
        const auto id = r->id;
        const bool ok = run("forget", true, [&](auto& e) { forget(e.repository, e.source, [&](const history& h) { return std::vector{resolve_id(h, id).id}; }); });
        if (plan_->what == kind::full) demand(ok, "forget fails on a full disk");
        const bool gone = !read().has(id);
        demand(gone || !ok, "a revision was not forgotten");
        if (gone) std::erase_if(history_, [&](const auto& k) { return k.id == id; });
        links_may_lack_space(ok);
    }
    void distrust_one() {
        auto* const r = any();
        if (!r) return;
        const bool ok = run("distrust", true, [&](auto& e) { distrust(e.repository, [&](const history& h) { return std::vector{resolve_id(h, r->id)}; }); });
        trust_now(*r, ok, false);
    }
    void verify_one() {
        auto* const r = any();
        if (!r) return;
        bool good = false;
        const bool ok = run("verify", true, [&](auto& e) { good = verify(e.repository, resolve_id(e.catalog.read(), r->id), {.workers = 1}).empty(); });
        if (ok && plan_->what == kind::none) demand(good == r->whole(), good ? "verify found no rot" : "verify found rot in a whole revision");
        if (good) demand(r->whole(), "verify found no rot");
        // cut off, it may have written down that it passed, which it could not say any more
        const auto* const judged = ok || !r->whole() ? nullptr : read().find(r->id);
        trust_now(*r, ok, judged ? judged->counts() : good);
        const auto h = read();
        for (auto& other : history_) {  // those in which the same blocks are bad, or could not be read
            const auto* const there = h.find(other.id);
            if (&other == r || !there || there->counts() || !other.counts) continue;
            demand(!good && (!other.whole() || plan_->what != kind::none), "verify distrusts a revision that it has nothing against");
            other.counts = false;
        }
    }
    /// Metadata may have been written, if the command did not say that they were.
    void trust_now(known_revision& r, bool ok, bool counts) {
        const auto h = read();
        const auto* const there = h.find(r.id);
        if (!there) return;  // check() says it
        demand(there->counts() == counts || (!ok && there->counts() == r.counts), "its trust was not written down");
        r.counts = there->counts();
    }
    void set_the_clock() {
        doing_ = "clock";
        manual_clock::moment += random_.below(6) == 0 ? -std::chrono::hours(random_.below(72)) : std::chrono::hours(random_.below(72));
    }
    void damage() {
        doing_ = "damage";
        auto* const r = any();
        if (!r || random_.below(2) == 0) return;
        if (random_.below(4) == 0) {
            if (r->digests_rotted) return;  // twice would mend it
            const auto name = repository() / (r->id + ".digests");
            rot(name, static_cast<std::streamoff>(random_.below(fs::file_size(name))));
            r->digests_rotted = true;
        } else if (!r->stored.empty()) {
            const auto at = random_.below(r->stored.size());
            rot(repository() / r->id, static_cast<std::streamoff>(at));
            r->stored[at] = static_cast<char>(r->stored[at] ^ 1);
        }
    }

    randomness random_;
    scratch dir_;
    content now_;
    std::vector<known_revision> history_;  ///< oldest first
    std::shared_ptr<io::fault_plan> plan_;
    bool settled_ = false;
    std::string doing_;
    violations complaints_;
};

void live(const char* on) {
    for (const auto& place : copy_on_write()) {
        if (place.filename() != on) continue;
        const std::uint64_t seed = std::getenv("BACKY_SEED") ? std::stoull(std::getenv("BACKY_SEED")) : std::random_device{}();
        life l(place, seed);
        std::string past;
        const int steps = in_long_run(10'000, 500);
        for (int i = 1; i <= steps; ++i) {
            past = past.substr(past.size() > 2'000 ? past.size() - 2'000 : 0) + std::to_string(i) + ": " + l.step() + "\n";
            const auto found = l.check();
            INFO("seed " << seed << " on " << place << " (BACKY_SEED repeats it)\n" << past);
            REQUIRE(found == none);
        }
        std::cout << on << ", seed " << seed << ": " << steps << " steps";
        for (const auto& [what, n] : l.done) std::cout << ", " << n << " " << what;
        std::cout << std::endl;
    }
}

}  // namespace

TEST_CASE("random: whatever happens to a repository on btrfs, it is what the model says") { live("btrfs"); }
TEST_CASE("random: whatever happens to a repository on XFS, it is what the model says") { live("xfs"); }
