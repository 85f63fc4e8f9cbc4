// SPDX-License-Identifier: GPL-3.0-or-later
// A disk records what real filesystems tell it while backups are made and removed; from the record the disks are built that a loss of
// power may leave, mounted, and held against the model. First it is shown that broken protocols are found that way.
#include "support/long.hpp"
#include "support/model.hpp"
#include "support/recorded_disk.hpp"

#include <functional>
#include <iostream>

using namespace support;

namespace {

/// An Io that breaks the protocol: files that it answers for are fsynced only once the directory was, after a rename to `until`; never if that is empty.
class careless : public io::posix {
public:
    struct flaw {
        const char* what;
        std::function<bool(const std::string&)> of;
        std::string until;  ///< how the new name ends
        bool harms_xfs;     ///< whose every fsync makes all metadata durable; and the read-back has had the bytes of the image written
        bool in_normal_run;
    };
    careless() = default;
    explicit careless(const flaw& f) : flaw_(&f), state_(std::make_shared<state>()) {}

    long openat(int dir, const std::string& name, int flags, ::mode_t mode) const {
        const auto fd = posix::openat(dir, name, flags, mode);
        if (fd >= 0) state_->names[static_cast<int>(fd)] = name.substr(name.rfind('/') + 1);
        return fd;
    }
    long fsync(int fd) const {
        if (flaw_->of(state_->names[fd])) {
            if (!flaw_->until.empty()) state_->late = ::dup(fd);
            return 0;
        }
        const auto rc = posix::fsync(fd);
        if (!state_->renamed || state_->late < 0) return rc;
        posix::fsync(state_->late), posix::close(state_->late);
        state_->late = -1, state_->renamed = false;
        return rc;
    }
    long renameat(int dir, const std::string& from, const std::string& to) const {
        if (state_->late >= 0) state_->renamed |= to.ends_with(flaw_->until);
        return posix::renameat(dir, from, to);
    }

private:
    struct state {
        std::map<int, std::string> names;
        int late = -1;
        bool renamed = false;
    };
    const flaw* flaw_ = nullptr;
    std::shared_ptr<state> state_;
};

bool is_image(const std::string& name) { return name.size() == id_length + 5 && name.ends_with(".new"); }
bool is_digests(const std::string& name) { return name.ends_with(".digests.new"); }
bool is_metadata(const std::string& name) { return name == ".rev.new"; }
bool is_directory(const std::string& name) { return name == "repository"; }

const std::array flaws{
    careless::flaw{"the image is not fsynced", is_image, "", false, true},
    careless::flaw{"the digests are not fsynced", is_digests, "", false, false},
    careless::flaw{"the metadata are not fsynced", is_metadata, "", true, true},
    careless::flaw{"the directory is not fsynced", is_directory, "", true, false},
    careless::flaw{"the image is fsynced after the metadata", is_image, ".rev", false, false},
    careless::flaw{"the digests are fsynced after the metadata", is_digests, ".rev", false, false},
    careless::flaw{"the metadata are fsynced after they were renamed", is_metadata, ".rev", true, true},
};

/// What was done and acknowledged, and when; positions of the disk's log.
struct deed {
    enum class kind { made, removed, distrusted } what;
    revision_id id;
    content bytes;
    std::size_t begun, done;
};

/// What has to be true after a loss at `moment`.
model model_at(const std::vector<deed>& deeds, std::size_t moment) {
    model m;
    for (const auto& d : deeds) {
        if (d.begun >= moment) continue;
        const bool acknowledged = d.done <= moment;
        if (d.what == deed::kind::made && acknowledged) m.revisions[d.id] = d.bytes;
        if (d.what == deed::kind::made && !acknowledged) m.arriving = d.bytes;
        if (d.what == deed::kind::removed && acknowledged) m.revisions.erase(d.id);
        if (d.what == deed::kind::removed && !acknowledged) m.leaving.insert(d.id);
        if (d.what == deed::kind::distrusted && acknowledged) m.distrusted.insert(d.id);
    }
    return m;
}

/// Some days of a repository.
template <Io I>
std::vector<deed> work(const recorded_filesystem& on, I io, randomness& random) {
    std::vector<deed> deeds;
    silent_journal journal;
    fs::create_directory(on.path() / "repository");
    auto disk = some_volume(random, 900'077);
    const auto with_engine = [&](deed::kind what, auto command) {
        const auto begun = on.position();
        file_engine<I> e(on.path(), io, journal);
        const revision_id id = command(e);
        deeds.push_back({what, id, what == deed::kind::made ? disk : content(), begun, on.position()});
        return id;
    };
    const auto back_up_now = [&] {
        spill(on.path() / "disk.img", disk);
        return with_engine(deed::kind::made, [&](auto& e) { return backup(e.repository, e.source, {"daily"}, 1).made.id; });
    };
    const auto back_up = [&](std::size_t size) {
        disk = changed(random, disk, size);
        return back_up_now();
    };
    const auto remove = [&](const revision_id& id) {
        with_engine(deed::kind::removed, [&](auto& e) { return forget(e.repository, e.source, [&](const history&) { return std::vector{id}; })[0]; });
    };
    const auto first = back_up(900'077), second = back_up(900'077);
    back_up(1'200'000);
    remove(first);
    const auto fourth = back_up(700'001);
    with_engine(deed::kind::distrusted, [&](auto& e) {
        distrust(e.repository, [&](const history& h) { return std::vector{resolve_id(h, fourth)}; });
        return fourth;
    });
    const auto fifth = back_up(700'001);
    remove(second), remove(fifth);
    disk.assign(16 * block_size, '\0');  // half of the extents of this one stay in use, which a re-layout moves
    random.fill(disk, 0, disk.size());
    const auto sixth = back_up_now();
    for (std::size_t b = 0; b < disk.size(); b += 2 * block_size) random.fill(disk, b, block_size);
    back_up_now();
    remove(sixth);
    {
        file_engine<I> e(on.path(), io, journal);
        std::vector<revision_id> kept;
        for (const auto& r : e.catalog.read().revisions) kept.push_back(r.id);
        const bool is_btrfs = e.store.layout_of(kept).has_value();
        REQUIRE((e.store.relayout(kept) > 0) == is_btrfs);
    }
    back_up(800'000);
    return deeds;
}

struct outcome {
    std::size_t disks = 0, lost_filesystems = 0, found = 0;
    std::string first;
};

/// Holds `count` disks that a loss may have left against the model; on every tenth the next backup is made. Stops at the first
/// violation if that is all that is wanted.
outcome examine(const fs::path& dir, const std::string& type, const disk_history& history, const fs::path& start, const std::vector<deed>& deeds, std::size_t count,
                randomness& random, bool only_the_first) {
    outcome o;
    std::vector<std::pair<std::size_t, loss>> plan;
    const auto windows = history.windows().size();
    if (count >= windows)  // each flush once with everything after it lost, and the rest is drawn
        for (std::size_t w = 0; w < windows; ++w) plan.emplace_back(w, loss::all);
    while (plan.size() < count) plan.emplace_back(random.below(windows), static_cast<loss>(random.below(loss_names.size())));
    std::ranges::sort(plan);
    crashed_disks disks(history, start, dir);
    for (const auto& [window, how] : plan) {
        const auto moment = disks.make(window, how, random);
        const auto m = model_at(deeds, moment);
        ++o.disks;
        const mounted_disk mounted(disks.disk(), type, dir / "crashed.mounted");
        violations bad;
        if (!mounted.whole()) ++o.lost_filesystems, bad = {"the filesystem cannot be mounted"};
        else if (const auto repository = dir / "crashed.mounted/repository"; fs::exists(repository)) {
            bad = violations_of(repository, m, m.revisions.size() > m.leaving.size() ? expected_links::present : expected_links::present_or_absent);
            if (bad.empty() && o.disks % 10 == 0) {
                const auto disk = deeds.back().bytes;
                spill(dir / "crashed.mounted/disk.img", disk);
                bad = violations_of_next_run(dir / "crashed.mounted", m, disk);
            }
        } else if (!m.revisions.empty()) bad = {"the repository is lost"};
        if (bad.empty()) continue;
        if (o.found++ == 0) o.first = std::string(loss_names[static_cast<std::size_t>(how)]) + " in window " + std::to_string(window) + ": " + join(bad, "; ");
        if (only_the_first) break;
    }
    return o;
}

/// A directory for disks, in memory where the filesystems of the tests are; none: says why.
std::unique_ptr<scratch> place_for_disks() {
    if (::geteuid() == 0 && fs::exists("/dev/fuse") && copy_on_write().size() == 2) return std::make_unique<scratch>(copy_on_write()[0].parent_path());
    WARN("SKIPPED: no root, no FUSE, or no filesystems to mount");
    return nullptr;
}

template <Io I>
outcome lose_power(const fs::path& dir, const std::string& type, I io, std::size_t count, randomness& random, bool only_the_first) {
    std::vector<deed> deeds;
    std::size_t end = 0;
    {
        const recorded_filesystem recorded(dir, type);
        deeds = work(recorded, io, random);
        end = recorded.position();
    }
    const disk_history history(dir / "log", end);
    return examine(dir, type, history, dir / "start", deeds, count, random, only_the_first);
}

void find_out_flaws(const std::string& type) {
    const auto dir = place_for_disks();
    for (const auto& flaw : flaws) {
        if (!dir || (type == "xfs" && !flaw.harms_xfs) || (!long_run() && !flaw.in_normal_run)) continue;
        const scratch place(dir->path());
        randomness random;
        const auto o = lose_power(place.path(), type, careless(flaw), 1000, random, true);
        std::cout << type << ", " << flaw.what << ": " << (o.found > 0 ? "found by disk " + std::to_string(o.disks) + ", " + o.first : "not found") << std::endl;
        INFO(type << ": " << flaw.what);
        CHECK(o.found == 1);
        CHECK(o.lost_filesystems == 0);
    }
}

void find_nothing(const std::string& type) {
    const auto dir = place_for_disks();
    if (!dir) return;
    randomness random;
    const auto o = lose_power(dir->path(), type, io::posix{}, in_long_run(10'000, 200), random, false);
    std::cout << type << ": " << o.disks << " disks after a power loss, " << o.found << " violations" << std::endl;
    INFO(type << ": " << o.lost_filesystems << " filesystems lost; " << o.first);
    CHECK(o.found == 0);
}

}  // namespace

TEST_CASE("power loss on btrfs: a protocol that lacks an fsync, or syncs after a rename, is found out") { find_out_flaws("btrfs"); }
TEST_CASE("power loss on XFS: a protocol that lacks an fsync, or syncs after a rename, is found out") { find_out_flaws("xfs"); }
TEST_CASE("power loss on btrfs: whatever it leaves, what was acknowledged is there and the next run needs no help") { find_nothing("btrfs"); }
TEST_CASE("power loss on XFS: whatever it leaves, what was acknowledged is there and the next run needs no help") { find_nothing("xfs"); }
