// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: engine/space
// Filesystems that are full to the last byte: what reads and what removes goes on working, and a run that does not fit does no harm.
#include "support/running_scheduler.hpp"
#include "support/small_disk.hpp"

#include <backy/history/revision_id.hpp>

#include <nlohmann/json.hpp>

using namespace support;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

/// A repository with some revisions of a volume elsewhere, each with a MiB that is new.
class full_life {
public:
    explicit full_life(const fs::path& place) : source_(plain()), backy(place / "r"), now_(8 << 20, '\0') {
        random_.fill(now_, 0, now_.size());
        spill(volume(), now_);
        REQUIRE(backy("init file " + volume().string()).code == 0);
        configure("");
        for (int i = 0; i < 5; ++i) {
            if (i > 0) change(1 << 20);
            REQUIRE(backy("backup often").code == 0);
            contents.push_back(now_);
        }
        ids_ = ids();
    }
    void configure(const std::string& schedule, const std::string& store = "") const {
        std::ofstream(backy / "config") << "[source]\ntype = \"file\"\nfilename = \"" << volume().string() << "\"\n[store]\ntype = \"image\"\n" << store << "[schedule]\n" << schedule;
    }
    void change(std::size_t bytes) {
        now_.resize(std::max(now_.size(), bytes), '\0');
        random_.fill(now_, 0, bytes);
        spill(volume(), now_);
    }
    fs::path volume() const { return source_ / "disk.img"; }
    std::vector<std::string> ids() const {
        std::vector<std::string> all;
        const auto status = nlohmann::json::parse(backy("status --json").out);
        for (const auto& r : status.at("revisions")) all.push_back(r.at("uuid"));
        return all;
    }
    /// What backy left, whole.
    void whole(const std::vector<std::string>& expected) const {
        CHECK(ids() == expected);
        for (const auto& name : names_in(backy.path())) CHECK((name == "config" || name == "backy.log" || name == ".lock" || name.starts_with("last") || std::ranges::count(expected, name.substr(0, backy::id_length)) == 1));
        for (std::size_t i = 0; i < ids_.size(); ++i)
            if (std::ranges::count(expected, ids_[i]) == 1) CHECK((slurp(backy / ids_[i]) == contents[i]));
    }
    std::vector<std::string> first() const { return ids_; }
    const content& current() const { return now_; }

private:
    scratch source_;

public:
    repository_directory backy;
    std::vector<content> contents;

private:
    randomness random_;
    content now_;
    std::vector<std::string> ids_;
};

/// `fill` leaves nothing to write anything with.
void everything_works(full_life& life, auto fill) {
    auto ids = life.first();
    fill();
    CHECK(life.backy("status").code == 0);
    CHECK(life.backy("find -r last").out == (life.backy / ids.back()).string() + "\n");
    for (const auto* verify : {"verify", "verify --all"}) {
        const auto r = life.backy(verify);
        INFO(r.err);
        CHECK((r.code == 0 || (r.code == 3 && r.err.find("verify: it passed, which cannot be written down: ") != std::string::npos)));
    }
    CHECK(life.backy("restore -r 1 -").code == 0);
    life.whole(ids);

    life.change(1 << 20);
    fill();
    const auto refused = life.backy("backup often");
    CHECK(refused.code == 1);
    INFO(refused.err);
    life.whole(ids);

    const auto forget = life.backy("forget -r " + ids[1]);
    INFO(forget.err);
    CHECK(forget.code == 0);
    ids.erase(ids.begin() + 1);
    life.whole(ids);

    life.configure("often = { interval = \"1s\", keep = 2 }\n");
    fill();
    std::this_thread::sleep_for(3s);
    const auto expire = life.backy("expire");
    INFO(expire.err);
    CHECK(expire.code == 0);
    ids.erase(ids.begin(), ids.end() - 2);
    life.whole(ids);
}

}  // namespace

TEST_CASE("full disk: what reads and what removes works, and a run that does not fit changes nothing") {
    if (::geteuid() != 0) return;
    for (const std::string type : {"btrfs", "xfs"}) {
        INFO(type);
        const small_disk disk(type);
        full_life life(disk.path());
        everything_works(life, [&] { disk.fill(); });
        disk.empty();
        CHECK(life.backy("backup often").code == 0);
        CHECK((slurp(life.backy / "last") == life.current()));
    }
}

TEST_CASE("full disk: btrfs whose metadata are full, though there is room for data") {
    if (::geteuid() != 0) return;
    const small_disk disk("btrfs", "-m single");
    full_life life(disk.path());
    const auto fill = [&] {
        const auto reserve = disk.path() / "full-data";  // so that nothing is left of which metadata could take more
        small_disk::must("sync -f '" + disk.path().string() + "'");
        if (!fs::exists(reserve)) shell("dd if=/dev/zero of='" + reserve.string() + "' bs=1M; sync -f '" + disk.path().string() + "'; truncate -s -20M '" + reserve.string() + "'; sync -f '" + disk.path().string() + "'");
        static int n = 0;
        const std::string inline_data(1500, 'x');
        for (int misses = 0; misses < 3;) {
            std::ofstream file(disk.path() / ("full-" + std::to_string(++n)));
            if (!(file << inline_data) || !file.flush()) ++misses, small_disk::must("sync -f '" + disk.path().string() + "' || true");
        }
    };
    fill();
    struct ::statvfs st {};
    REQUIRE(::statvfs(disk.path().c_str(), &st) == 0);
    CHECK(st.f_bfree * st.f_frsize > 10'000'000);
    everything_works(life, fill);
}

TEST_CASE("full disk: a quota of btrfs") {
    if (::geteuid() != 0) return;
    const small_disk disk("btrfs");
    const auto sub = disk.path() / "sub";
    small_disk::must("btrfs quota enable '" + disk.path().string() + "' && btrfs -q subvolume create '" + sub.string() + "'");
    full_life life(sub);
    small_disk::must("btrfs qgroup limit 40M '" + sub.string() + "'");
    everything_works(life, [&] { shell("cd '" + sub.string() + "'; dd if=/dev/zero of=full-$RANDOM bs=1M; sync -f .; dd if=/dev/zero of=full-$RANDOM bs=4k; sync -f ."); });
    CHECK(disk.free() > 100'000'000);
}

TEST_CASE("full disk: a run that will not fit is refused before it begins, unless what has expired makes room") {
    if (::geteuid() != 0) return;
    for (const std::string type : {"btrfs", "xfs"})
        for (const bool expires : {false, true}) {
            INFO(type << (expires ? ", some have expired" : ""));
            const small_disk disk(type);
            full_life life(disk.path());
            if (expires) life.configure("often = { interval = \"1s\", keep = 2 }\n");
            life.change(1 << 20);
            disk.fill();
            std::this_thread::sleep_for(3s);
            const auto r = life.backy("backup often");
            INFO(r.err);
            auto ids = life.first();
            if (expires) {
                CHECK(r.code == 0);
                CHECK((slurp(life.backy / "last") == life.current()));
                ids.erase(ids.begin(), ids.end() - 2);
                ids.push_back(fs::read_symlink(life.backy / "last").string());
            } else {
                CHECK(r.code == 1);
                CHECK_THAT(r.err, Contains(": 1.00 MiB expected, by what the last revisions took, and ") && Contains(" free"));
            }
            life.whole(ids);
        }
}

TEST_CASE("full disk: keep-free is a watermark") {
    if (::geteuid() != 0) return;
    const small_disk disk("xfs");
    full_life life(disk.path());
    life.configure("", "keep-free = 95\n");
    const auto refused = life.backy("backup often");
    CHECK(refused.code == 1);
    CHECK_THAT(refused.err, Contains(" are to stay free"));
    life.whole(life.first());
    life.configure("", "keep-free = 5\n");
    CHECK(life.backy("backup often").code == 0);
    life.configure("", "keep-free = 100\n");
    CHECK(life.backy("backup often").code == 2);
}

TEST_CASE("full disk: a run of which nobody knew how much it takes fails cleanly and gives its space back") {
    if (::geteuid() != 0) return;
    for (const std::string type : {"btrfs", "xfs"}) {
        INFO(type);
        const small_disk disk(type);
        full_life life(disk.path());
        const auto before = disk.free();
        life.change(before + (20 << 20));
        const auto failed = life.backy("backup often");
        CHECK(failed.code == 1);
        CHECK_THAT(failed.err, Contains("No space left on device"));
        life.whole(life.first());
        CHECK(disk.free() + 2'000'000 > before);
    }
}

TEST_CASE("full disk: the scheduler expires everywhere when space is short") {
    if (::geteuid() != 0) return;
    const small_disk disk("xfs");
    running_scheduler d(disk.path());
    d.configure("[schedules.s]\ndaily = { interval = \"1d\", keep = 1 }\n", {{"vm1", "s"}, {"vm2", "s"}});
    d.volumes({"vm1", "vm2"});
    d.start();
    REQUIRE(d.check_becomes(0));
    for (const auto* job : {"vm1", "vm2"}) {  // of one revision nobody can say what the next takes
        spill(d.volume(job), content(300'000, 'y'));
        CHECK(d.shell("run " + std::string(job) + "\\n").find("due now") != std::string::npos);
        REQUIRE(eventually(30s, [&] { return d.revisions(job) == 2; }));
    }
    REQUIRE(d.check_becomes(0));
    CHECK(d.logged("space is short: what has expired goes") == 0);
    spill(d.dir / "room", content(256'000, 'z'));  // for the log
    disk.fill();
    fs::remove(d.dir / "room");
    CHECK(eventually(30s, [&] { return d.logged("space is short: what has expired goes") == 1; }));
    CHECK(d.check().out.find("space for data: ") != std::string::npos);
    CHECK(d.stop() == 0);
}
