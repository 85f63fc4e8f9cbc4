// SPDX-License-Identifier: GPL-3.0-or-later
// The sweep: each command with its n-th system call failing, lost, short, or the last one ever, for every n until a run passes
// clean, on real btrfs and XFS. After each the ten invariants are checked against a model that knows nothing of the engine.
#include "support/long.hpp"
#include "support/model.hpp"

#include <backy/io/faulty.hpp>

#include <functional>
#include <iostream>

using namespace support;

namespace {

using faulty = io::faulty<io::posix>;
using kind = io::fault_plan::kind;

struct fault {
    kind what;
    int error;
    const char* name;
};
constexpr std::array faults{
    fault{kind::fail, EIO, "EIO"},     fault{kind::fail, ENOSPC, "ENOSPC"}, fault{kind::fail, EINTR, "EINTR"},
                            fault{kind::lost, EIO, "lost"},    fault{kind::brief, 0, "short"},   fault{kind::full, ENOSPC, "full"},      fault{kind::stop, EIO, "stop"}};

/// A repository with three revisions, made once and copied for each fault.
class setting {
public:
    explicit setting(const fs::path& place) : place_(place), template_(place) {
        randomness random;
        fs::create_directory(template_ / "repository");
        auto now = some_volume(random, 1'200'077);
        for (int i = 0; i < 3; ++i) {
            spill(template_ / "disk.img", now);
            silent_journal journal;
            file_engine<io::posix> e(template_.path(), {}, journal);
            truth.revisions[backup(e.repository, e.source, {"daily", "n" + std::to_string(i)}, 1).made.id] = now;
            order.push_back(fs::read_symlink(template_ / "repository" / "last").string());
            now = changed(random, now, now.size());
        }
        next = changed(random, now, now.size());
    }

    const fs::path& place() const { return place_; }

    model truth;
    std::vector<revision_id> order;
    content next;

    /// A fresh copy, and the volume as it is now. (Source identity goes with the copy, so the runs say "another volume": all one.)
    std::unique_ptr<scratch> copy(const content& disk) const {
        auto dir = std::make_unique<scratch>(place_);
        fs::copy(template_ / "repository", *dir / "repository", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
        spill(*dir / "disk.img", disk);
        return dir;
    }

private:
    fs::path place_;
    scratch template_;
};

/// Calls trial(plan), which returns whether the command succeeded, for n = 1, 2, … until that is more than its calls. In the normal run the
/// two filesystems share half of them.
template <class Trial>
void sweep(const setting& s, const char* what, const fault& f, Trial trial) {
    randomness random;
    const auto share = static_cast<long>(2 * random.below(2) + (s.place().filename() == "xfs"));
    long n = 1, tried = 0, failed = 0;
    for (;; ++n) {
        if (!long_run() && n % 4 != share) continue;
        INFO(what << ", " << f.name << " at call " << n);
        const auto plan = std::make_shared<io::fault_plan>();
        plan->what = f.what, plan->at = n, plan->error = f.error;
        failed += trial(plan) ? 0 : 1;
        if (plan->calls < n) break;
        ++tried;
    }
    std::cout << s.place().filename().string() << ", " << what << ", " << f.name << ": " << tried << " faults tried, " << failed << " runs failed\n";
    CHECK(n > 10);
    if (f.what == kind::stop) CHECK(failed >= tried / 2);
}

/// One command under a fault: true if it says that it succeeded.
bool succeeds(const std::function<void()>& command) {
    try {
        command();
        return true;
    } catch (const error&) {
        return false;
    }
}

void for_each_fault(const std::function<void(const setting&, const fault&)>& use) {
    for (const auto& place : copy_on_write()) {
        INFO(place);
        const setting s(place);
        for (const auto& f : faults) use(s, f);
    }
}

void sweep_backup(const char* what, std::size_t size, bool first, reading how) {
    for_each_fault([&](const setting& s, const fault& f) {
        sweep(s, what, f, [&](const auto& plan) {
            auto disk = s.next;
            disk.resize(size, 'x');
            const auto dir = first ? std::make_unique<scratch>(s.place()) : s.copy(disk);
            if (first) {
                fs::create_directory(*dir / "repository");
                spill(*dir / "disk.img", disk);
            }
            auto m = first ? model{} : s.truth;
            silent_journal journal;
            revision_id made;
            if (how == reading::by_extents) {  // the base
                file_engine<io::posix> e(dir->path(), {}, journal, how);
                m.revisions[backup(e.repository, e.source, {"daily"}, 1).made.id] = disk;
                disk.replace(400'000, 150'000, 150'000, 'y');
                spill(*dir / "disk.img", disk);
            }
            const bool ok = succeeds([&] {
                file_engine<faulty> e(dir->path(), faulty(plan), journal, how);
                made = backup(e.repository, e.source, {"daily"}, 1).made.id;
            });
            const auto h = catalogs::files<>(*dir / "repository").read();
            if (ok) {
                REQUIRE(h.find(made));  // 2
                CHECK(fs::read_symlink(*dir / "repository" / "last") == made);
            }
            if (ok) m.revisions[made] = disk;
            else m.arriving = disk;
            CHECK(violations_of(*dir / "repository", m, ok ? expected_links::present : expected_links::present_or_absent) == none);
            if (!ok && f.what != kind::stop && f.what != kind::full && h.revisions.size() == m.revisions.size())  // undone at once
                for (const auto& name : names_in(*dir / "repository"))
                    CHECK((name[0] == '.' || name.starts_with("last") || m.revisions.contains(name.substr(0, id_length))));
            CHECK(violations_of_next_run(dir->path(), m, disk) == none);
            return ok;
        });
    });
}

}  // namespace

TEST_CASE("faults: the first backup") { sweep_backup("first backup", 700'077, true, reading::live); }
TEST_CASE("faults: a further backup") { sweep_backup("further backup", 1'200'077, false, reading::live); }
TEST_CASE("faults: a backup by extents, on the volume's own filesystem") { sweep_backup("backup by extents", 700'077, false, reading::by_extents); }
TEST_CASE("faults: a backup of a volume that shrank") { sweep_backup("shrinking backup", 300'001, false, reading::frozen); }
TEST_CASE("faults: a backup of a volume that grew") { sweep_backup("growing backup", 1'400'000, false, reading::frozen); }

TEST_CASE("faults: find and status") {
    for_each_fault([](const setting& s, const fault& f) {
        const auto dir = s.copy(s.next);
        sweep(s, "find and status", f, [&](const auto& plan) {
            history h;
            const bool ok = succeeds([&] {
                silent_journal journal;
                file_engine<faulty> e(dir->path(), faulty(plan), journal);
                h = e.catalog.read();
                if (h.damaged.empty() && h.strangers.empty()) CHECK(resolve(h, "last").id == s.order[2]);  // 4: wrong only with a word
            });
            if (ok && h.damaged.empty()) CHECK(h.revisions.size() == s.order.size());
            return ok;
        });
        CHECK(violations_of(*dir / "repository", s.truth) == none);
    });
}

TEST_CASE("faults: restore") {
    for_each_fault([](const setting& s, const fault& f) {
        const auto& id = s.order[1];
        const auto& truth = s.truth.revisions.at(id);
        sweep(s, "restore", f, [&](const auto& plan) {
            const auto dir = s.copy(s.next);
            const auto before = names_in(*dir / "repository");
            silent_journal journal;
            bool clean = true;
            const bool ok = succeeds([&] {
                file_engine<faulty> e(dir->path(), faulty(plan), journal);
                targets::file<faulty> target({(*dir / "disk.img").string(), *dir / "repository", false}, faulty(plan));
                const auto h = e.catalog.read();
                const auto* const r = h.find(id);
                if (!r) throw error("restore", "no such revision");
                const auto report = restore(e.repository, *r, target, 1);
                clean = report.bad.empty() && report.unchecked.empty();
            });
            if (ok && clean) CHECK((slurp(*dir / "disk.img") == truth));  // 10
            else if (const auto half = slurp(*dir / "disk.img"); half != s.next && half.size() == truth.size()) {
                const auto boot = std::string_view(half).substr(0, 1_MiB), rest = std::string_view(half).substr(1_MiB);
                const bool bootable = boot != std::string(1_MiB, '\0') && boot != std::string_view(s.next).substr(0, 1_MiB);
                if (bootable) CHECK((rest == std::string_view(truth).substr(1_MiB)));  // the front comes last
            }
            CHECK(names_in(*dir / "repository") == before);  // 9
            CHECK(violations_of(*dir / "repository", s.truth) == none);
            return ok && clean;
        });
    });
}

TEST_CASE("faults: verify") {
    for_each_fault([](const setting& s, const fault& f) {
        const auto& id = s.order[2];
        sweep(s, "verify", f, [&](const auto& plan) {
            const auto dir = s.copy(s.next);
            silent_journal journal;
            std::size_t faults_found = 0;
            const bool ok = succeeds([&] {
                file_engine<faulty> e(dir->path(), faulty(plan), journal);
                const auto h = e.catalog.read();
                if (!h.find(id)) throw error("verify", "no such revision");
                faults_found = verify(e.repository, *h.find(id), {.workers = 1}).size();
            });
            CHECK(faults_found == 0);
            const auto r = *catalogs::files<>(*dir / "repository").read().find(id);
            CHECK(r.trust != trust::distrusted);  // what could not be read once is not rotten
            if (ok) CHECK((r.trust == trust::verified && r.verified));
            CHECK(violations_of(*dir / "repository", s.truth) == none);
            CHECK(violations_of_next_run(dir->path(), s.truth, s.next) == none);
            return ok;
        });
    });
}

TEST_CASE("faults: distrust") {
    for_each_fault([](const setting& s, const fault& f) {
        const auto& id = s.order[2];
        sweep(s, "distrust", f, [&](const auto& plan) {
            const auto dir = s.copy(s.next);
            silent_journal journal;
            const bool ok = succeeds([&] {
                file_engine<faulty> e(dir->path(), faulty(plan), journal);
                distrust(e.repository, [&](const history& h) { return std::vector{resolve_id(h, id)}; });
            });
            if (ok) {
                CHECK(!catalogs::files<>(*dir / "repository").read().find(id)->counts());
                CHECK(fs::read_symlink(*dir / "repository" / "last") == s.order[1]);
            }
            CHECK(violations_of(*dir / "repository", s.truth) == none);
            CHECK(violations_of_next_run(dir->path(), s.truth, s.next) == none);
            return ok;
        });
    });
}

TEST_CASE("faults: forget") {
    for_each_fault([](const setting& s, const fault& f) {
        for (const auto& id : {s.order[2], s.order[0]})
            sweep(s, id == s.order[2] ? "forget the newest" : "forget the oldest", f, [&](const auto& plan) {
                const auto dir = s.copy(s.next);
                silent_journal journal;
                const bool ok = succeeds([&] {
                    file_engine<faulty> e(dir->path(), faulty(plan), journal);
                    forget(e.repository, e.source, [&](const history& h) { return std::vector{resolve_id(h, id).id}; });
                });
                auto m = s.truth;
                const bool gone = !catalogs::files<>(*dir / "repository").read().has(id);
                if (gone) m.revisions.erase(id);
                if (f.what == kind::full) CHECK(ok);  // 7
                if (ok) {
                    CHECK(gone);
                    for (const auto& name : names_in(*dir / "repository")) CHECK(!name.starts_with(id));
                }
                CHECK(violations_of(*dir / "repository", m, f.error != ENOSPC ? expected_links::present : expected_links::present_or_absent) == none);
                CHECK(violations_of_next_run(dir->path(), m, s.next) == none);
                return ok;
            });
    });
}

TEST_CASE("faults: expire") {
    // three revisions of tag daily with one tag of their own each: daily goes from the two old ones, and with n0 the oldest itself
    const schedules::interval kept({{{"n0", std::chrono::seconds(1), 1}, {"daily", std::chrono::seconds(1), 1}}});
    for_each_fault([&](const setting& s, const fault& f) {
        sweep(s, "expire", f, [&](const auto& plan) {
            const auto dir = s.copy(s.next);
            {  // n0 runs out when a newer one carries it, and both are old
                catalogs::files<> catalog(*dir / "repository");
                for (const auto& r : catalog.read().revisions) {
                    auto older = r;
                    older.made_at -= std::chrono::hours(1);
                    if (r.id == s.order[2]) older.tags.push_back("n0");
                    catalog.put(older);
                }
            }
            silent_journal journal;
            const bool ok = succeeds([&] {
                file_engine<faulty> e(dir->path(), faulty(plan), journal);
                expire(e.repository, e.source, kept);
            });
            auto m = s.truth;
            const auto h = catalogs::files<>(*dir / "repository").read();
            const bool gone = !h.has(s.order[0]);
            if (gone) m.revisions.erase(s.order[0]);
            if (f.what == kind::full) CHECK(ok);  // 7
            if (ok) {
                CHECK(gone);
                if (f.error != ENOSPC) CHECK(h.find(s.order[1])->tags == std::vector<std::string>{"n1"});
                for (const auto& name : names_in(*dir / "repository")) CHECK(!name.starts_with(s.order[0]));
            }
            REQUIRE((h.find(s.order[1]) && h.find(s.order[2])));
            CHECK(h.find(s.order[2])->tags == std::vector<std::string>{"daily", "n2", "n0"});
            CHECK(h.find(s.order[1])->has_tag("n1"));
            CHECK(violations_of(*dir / "repository", m, f.error != ENOSPC ? expected_links::present : expected_links::present_or_absent) == none);
            CHECK(violations_of_next_run(dir->path(), m, s.next) == none);
            return ok;
        });
    });
}
