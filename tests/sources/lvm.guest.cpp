// SPDX-License-Identifier: GPL-3.0-or-later
// sources::lvm on real logical volumes.
#include "support/journals.hpp"
#include "support/long.hpp"
#include "support/volume_group.hpp"

#include <backy/config/document.hpp>
#include <backy/conformance/source_suite.hpp>
#include <backy/engine/copy.hpp>
#include <backy/sources/lvm.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <fstream>

using namespace backy;
using namespace support;
using Catch::Contains;
using kind = logical_volume::kind;

namespace {

struct thin_volume {
    static constexpr std::size_t granule = 64_KiB;  // the group's extents
    explicit thin_volume(kind k = kind::thin) : volume(k, granule) {}
    void set(const content& c) { volume.set(c); }
    sources::lvm<> make(const std::string& more = "") {
        return {sources::lvm<>::config::from(config::parse(
                    "volume-group = \"" + group + "\"\nlogical-volume = \"" + volume.name() + "\"\nsnapshot-size = \"100%\"\n" + more, "f")),
                journal};
    }
    std::string spelling() { return volume.text(); }
    logical_volume volume;
    silent_journal journal;
};
struct thick_volume : thin_volume {
    static constexpr bool keeps_no_map = true;
    thick_volume() : thin_volume(kind::thick) {}
};

std::string state_of(const revision_id& id, const char* field) {
    return trimmed(split(says(std::string("lvs --noheadings -o ") + field + " " + group + "/" + snapshot_name(id)), '\n')[0]);
}

/// For this process, which has one thread, those seconds are over: it enters a time namespace (time_namespaces(7)).
void monotonic_clock_goes_on(long seconds) {
    const auto before = std::chrono::steady_clock::now();
    REQUIRE(::unshare(CLONE_NEWTIME) == 0);
    std::ofstream("/proc/self/timens_offsets") << "monotonic " << seconds << " 0\n";
    const io::file<io::posix> later({}, "/proc/self/ns/time_for_children", O_RDONLY);
    REQUIRE(::setns(later.descriptor(), CLONE_NEWTIME) == 0);
    REQUIRE(std::chrono::steady_clock::now() - before >= std::chrono::seconds(seconds));
}

}  // namespace

TEST_CASE("lvm source: conforms, of thin volumes") {
    thin_volume volume;
    conformance::source_suite(volume);
    CHECK(is_at_rest());
}

TEST_CASE("lvm source: conforms, of thick volumes") {
    thick_volume volume;
    conformance::source_suite(volume);
}

TEST_CASE("lvm source: a snapshot is read-only, tagged, and active only while it is read") {
    thin_volume volume;
    volume.set(content(1_MiB, 'a'));
    auto source = volume.make();
    const auto id = fresh_id();
    {
        const auto snapshot = source.freeze(id);
        CHECK(state_of(id, "lv_active") == "active");
        CHECK(snapshot.consistency() == consistency::crash);
        CHECK(snapshot.identity() == "LV " + trimmed(split(says("lvs --noheadings -o lv_uuid " + volume.volume.text()), '\n')[0]));
    }
    CHECK(state_of(id, "lv_active").empty());
    CHECK(state_of(id, "lv_permissions") == "read-only");
    CHECK(state_of(id, "lv_skip_activation") == "skip activation");
    CHECK(state_of(id, "lv_tags") == "backy");
    source.release(id);
}

TEST_CASE("lvm source: only what was mapped is read, unless something shows through") {
    thin_volume volume;
    volume.set(content(64_KiB, 'a') + content(10_MiB, '\0') + content(64_KiB, 'b'));
    const auto extents = [](const auto& snapshot) {
        std::vector<extent> all;
        snapshot.extents([&](extent e) { all.push_back(e); });
        return all;
    };
    auto source = volume.make();
    const auto id = fresh_id();
    CHECK((extents(source.freeze(id)) == std::vector<extent>{{0, 64_KiB}, {10_MiB + 64_KiB, 64_KiB}}));
    source.release(id);

    logical_volume base(kind::thick, 2_MiB);
    base.set(content(2_MiB, 'x'));
    says("lvchange -qq -an " + base.text() + " && lvchange -qq -pr " + base.text());
    thin_volume clone;
    clone.volume.drop();
    says("lvcreate -qq -s --thinpool " + group + "/" + thin_pool + " -n " + clone.volume.name() + " " + base.text());
    auto of_clone = clone.make();
    conformance::image_suite(of_clone.freeze(id), content(2_MiB, 'x'));
    of_clone.release(id);
    clone.volume.drop();
}

TEST_CASE("lvm source: what is not there, or somebody else's") {
    thin_volume volume;
    volume.set(content(1_MiB, 'a'));
    auto source = volume.make();
    const auto id = fresh_id(), other = fresh_id();
    says("lvcreate -qq -s -n mine " + volume.volume.text() + " && lvcreate -qq -s -n " + snapshot_name(other) + " " + volume.volume.text());
    CHECK(source.snapshots().empty());  // one has the name and not the tag
    CHECK_THROWS_WITH(source.release(other), Contains("remove snapshot: it has not the tag backy"));
    CHECK(lvm_snapshots() == snapshot_name(other) + "\n");
    says("lvremove -qq -y " + group + "/mine " + group + "/" + snapshot_name(other));
    volume.volume.drop();
    CHECK_THROWS_WITH(source.freeze(id), volume.volume.text() + ": there is no such volume");
    CHECK(source.snapshots().empty());
    sources::lvm<> nowhere(sources::lvm<>::config::from(sources::lvm<>::parse("no-group/x")), volume.journal);
    CHECK_THROWS_WITH(nowhere.snapshots(), Contains("lvs: ") && Contains("Volume group \"no-group\" not found"));
}

TEST_CASE("lvm source: what somebody has made of our snapshot is not removed with it") {
    thin_volume volume;
    volume.set(content(1_MiB, 'a'));
    auto source = volume.make();
    const auto id = fresh_id();
    { auto frozen = source.freeze(id); }
    const auto ours = group + "/" + snapshot_name(id);
    for (const auto& make :
         {"lvcreate -qq -y -s -L 4M -n theirs " + ours, "lvcreate -qq -y -s --thinpool " + group + "/" + thin_pool + " -n theirs " + ours}) {
        INFO(make);
        says(make.find("thinpool") == make.npos ? make
                                                : "lvcreate -qq -y -L 8M -c 64K --poolmetadatasize 4M --thinpool other " + group +
                                                      " && lvcreate -qq -y -s --thinpool " + group + "/other -n theirs " + ours);
        CHECK_THROWS_WITH(source.release(id), Contains("somebody has made a snapshot of it, which would go with it"));
        says("lvs " + group + "/theirs && lvremove -qq -y " + group + "/theirs");
    }
    source.release(id);
    CHECK(lvm_snapshots().empty());
    says("lvremove -qq -y " + group + "/other");
}

TEST_CASE("lvm source: a thick volume that is not active cannot be backed up, and says so") {
    thick_volume volume;
    says("lvchange -qq -an " + volume.volume.text());
    CHECK_THROWS_WITH(volume.make().freeze(fresh_id()),
                      volume.volume.text() + ": it is not active (lvchange --activate y " + volume.volume.text() + ")");
}

TEST_CASE("lvm source: it says why it cannot tell what changed") {
    thin_volume volume;
    volume.set(content(1_MiB, 'a'));
    auto source = volume.make();
    const auto first = fresh_id(), second = fresh_id();
    { auto frozen = source.freeze(first); }
    {
        const auto snapshot = source.freeze(second);
        const auto why = [&](const auto& of, const revision_id& base) { return of.changed_since(base, [](extent) {}).value_or("it can"); };
        CHECK(why(snapshot, first) == "it can");
        CHECK(why(snapshot, fresh_id()) == "its parent's snapshot is gone");
        says("lvcreate -qq -y -L 64M -c 64K --poolmetadatasize 4M --thinpool second " + group + " && lvrename -qq " + group + " " +
             snapshot_name(first) + " was");
        says("lvcreate -qq -V 1M -n " + snapshot_name(first) + " --thinpool second " + group);
        CHECK(why(snapshot, first) == "its parent's snapshot is in another pool");
        says("lvremove -qq -y " + group + "/second " + group + "/was");
    }
    source.release(second);
    auto always = volume.make("full-always = true");
    CHECK(always.freeze(first).changed_since(second, [](extent) {}) == "full-always is set");
    CHECK(always.tracked().full_always);
    source.release(first);
    thick_volume thick;
    auto of_thick = thick.make();
    CHECK(of_thick.freeze(first).changed_since(second, [](extent) {}) == "it is a thick volume, of which LVM does not know what changed");
    CHECK(of_thick.tracked().full_always);  // no snapshot is kept
    of_thick.release(first);
}

TEST_CASE("lvm source: the metadata snapshot of a killed run is known as ours, and anybody else's is left alone") {
    thin_volume volume;
    volume.set(content(1_MiB, 'a'));
    auto source = volume.make();
    const auto id = fresh_id();
    const auto reserve = "dmsetup message backy--test-thin--pool-tpool 0 reserve_metadata_snap";
    const auto held = [] { return says("dmsetup status backy--test-thin--pool-tpool | cut -d' ' -f7") != "-\n"; };
    {
        const auto snapshot = source.freeze(id);
        says(reserve);
        CHECK(snapshot.changed_since(id, [](extent) {}) ==
              group +
                  "/thin-pool: metadata snapshot: somebody else has it (if nobody does: dmsetup message backy--test-thin--pool-tpool 0 "
                  "release_metadata_snap)");
        byte_count visited = 0;
        snapshot.extents([&](extent e) { visited += e.length; });
        CHECK(visited == snapshot.size());
        CHECK(held());
        says("lvchange -qq --addtag backy-reads-metadata " + group + "/" + snapshot_name(id));
        CHECK(!snapshot.changed_since(id, [](extent) {}));
        CHECK(is_at_rest());
        says("lvchange -qq --addtag backy-reads-metadata " + group + "/" + snapshot_name(id));  // left although nothing is held any more
        CHECK(!snapshot.changed_since(id, [](extent) {}));
        CHECK(is_at_rest());
    }
    says("lvchange -qq --addtag backy-reads-metadata " + group + "/" + snapshot_name(id) + " && " + reserve);
    source.release(id);
    CHECK(is_at_rest());

    { auto frozen = source.freeze(id); }
    says(reserve);
    source.release(id);
    CHECK(held());
    says("dmsetup message backy--test-thin--pool-tpool 0 release_metadata_snap");
}

TEST_CASE("lvm source: two runs in one pool wait for each other") {
    thin_volume one, two;
    one.set(content(1_MiB, 'a')), two.set(content(1_MiB, 'b'));
    std::vector<::pid_t> children;
    for (auto* each : {&one, &two}) {
        const auto pid = ::fork();
        if (pid == 0) {
            try {
                for (int i = 0; i < in_long_run(5, 3); ++i) {
                    auto source = each->make();
                    const auto id = fresh_id();
                    {
                        source.freeze(id).extents([](extent) {});
                    }
                    source.release(id);
                }
            } catch (const std::exception& e) {
                std::fprintf(stderr, "%s\n", e.what());
                ::_exit(1);
            }
            ::_exit(0);
        }
        children.push_back(pid);
    }
    for (const auto pid : children) {
        int status = 0;
        ::waitpid(pid, &status, 0);
        CHECK(status == 0);
    }
    CHECK(is_at_rest());
}

TEST_CASE("lvm source: above the mark no snapshot is made, and none is kept") {
    says("lvcreate -qq -y -L 10M -c 64K --poolmetadatasize 4M --thinpool small " + group);
    {
        noisy_journal journal;
        logical_volume volume(kind::thin, 16_MiB, "small");
        volume.set(content(5_MiB, 'a'));
        const auto make = [&](const std::string& limit) {
            return sources::lvm<>(sources::lvm<>::config::from(config::parse(
                                      "volume-group = \"" + group + "\"\nlogical-volume = \"" + volume.name() + "\"\npool-limit = " + limit, "f")),
                                  journal);
        };
        auto source = make("60");
        const auto id = fresh_id();
        { auto frozen = source.freeze(id); }
        CHECK(!source.tracked().full_always);
        volume.set(content(2_MiB, 'b') + content(3_MiB, 'a'));
        CHECK_THROWS_WITH(source.freeze(fresh_id()),
                          Contains("pool small has 70.0 % of its data and ") &&
                              Contains("of its metadata in use, above 60 %: no snapshot is made (extend it, or see pool-limit)"));
        CHECK(source.snapshots().size() == 1);
        CHECK(source.tracked().full_always);
        CHECK_THAT(journal.text, Contains("no snapshot is kept for the next run"));
        source.release(id);
        CHECK(says("lvs --noheadings -o data_percent " + group + "/small").find("50.00") != std::string::npos);
        auto metadata = make("5");
        CHECK_THROWS_WITH(metadata.freeze(fresh_id()), Contains("above 5 %"));
        {
            const auto snapshot = source.freeze(id);
            volume.set(content(2_MiB, 'c') + content(3_MiB, 'a'));
            const aligned_buffer buffer(block_size);
            snapshot.read(0, buffer.first(block_size));
            monotonic_clock_goes_on(31);
            block_map first(snapshot.size());
            first.add({0, block_size});
            CHECK_THROWS_WITH(copy(snapshot, first, 1, journal, [](byte_count, const_block) { FAIL("it went on"); }),
                              Contains("the backup ends before it is the reason that the pool runs full"));
            CHECK(buffer.first(1)[0] == std::byte{'b'});
        }
        source.release(id);
    }
    says("lvremove -qq -y " + group + "/small");
}
