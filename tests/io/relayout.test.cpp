// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: io/relayout io/stored_extents
#include "support/journals.hpp"
#include "support/scratch.hpp"
#include "support/volume.hpp"

#include <backy/io/faulty.hpp>
#include <backy/stores/image.hpp>

using namespace backy;
using support::scratch;

namespace {

/// A first revision and two that each rewrite a part of the one before; the first one is gone, and a half of its extent is in use.
struct aged {
    explicit aged(const support::fs::path& place, std::size_t size, io::faulty<io::posix> io = {}) : dir(place), store({}, dir.path(), journal, io) {
        support::randomness random;
        support::content now(size, '\0');
        random.fill(now, 0, now.size());
        auto last = add(now, std::nullopt);
        const auto first = last;
        for (const auto& [from, every] : {std::pair{0, 2}, std::pair{1, 4}}) {
            const auto before = now;
            for (auto b = static_cast<std::size_t>(from); b < size / block_size; b += static_cast<std::size_t>(every)) random.fill(now, b * block_size, block_size);
            last = add(now, last, before);
            kept.push_back(last), truth.push_back(now);
        }
        store.remove(first);
    }
    revision_id add(const support::content& now, const std::optional<revision_id>& parent, const support::content& before = "") {
        const auto id = fresh_id();
        auto writer = store.begin(id, now.size(), parent);
        for (std::size_t at = 0; at < now.size(); at += block_size)
            if (const auto part = std::string_view(now).substr(at, block_size); !parent || std::string_view(before).substr(at, block_size) != part)
                writer.write(at, bytes_of(part));
        writer.seal();
        writer.commit();
        return id;
    }
    bool holds() const {
        for (std::size_t i = 0; i < kept.size(); ++i)
            if (support::slurp(dir / kept[i]) != truth[i]) return false;
        return support::names_in(dir.path()).size() == kept.size();
    }

    scratch dir;
    silent_journal journal;
    stores::image<io::faulty<io::posix>> store;
    std::vector<revision_id> kept;
    std::vector<support::content> truth;
};

}  // namespace

TEST_CASE("relayout: revisions hold what they use afterwards, share what they shared, and every byte stays") {
    for (const auto& place : support::copy_on_write()) {
        INFO(place);
        for (const std::size_t tail : {0, 77}) {
            const auto size = tail == 0 ? 32_MiB : 4_MiB;  // in pieces of 8 MiB, as it is written; in one that has the end
            aged a(place, size + tail);
            const auto before = a.store.layout_of(a.kept);
            if (place.filename() != "btrfs") {
                CHECK(!before);
                CHECK(a.store.relayout(a.kept) == 0);
                CHECK(a.holds());
                continue;
            }
            REQUIRE(before);
            const auto end = round_up(size + tail, 4_KiB);
            CHECK(before->used == end + size / 4);
            CHECK(before->held == end + size / 2 + size / 4);
            CHECK(before->to_copy == (tail == 0 ? size / 2 : 0));  // what has the end of a volume that is no multiple of 4 KiB cannot be shared
            CHECK(a.store.relayout(a.kept) == before->to_copy);
            CHECK(a.holds());
            if (tail > 0) continue;
            const auto after = *a.store.layout_of(a.kept);
            CHECK(after.used == before->used);
            CHECK(after.held == after.used);
            CHECK(a.store.relayout(a.kept) == 0);
        }
    }
}

TEST_CASE("relayout: whatever call fails, or is the last one, every byte stays and the next one goes on") {
    for (const auto& place : support::copy_on_write()) {
        if (place.filename() != "btrfs") continue;
        for (const auto what : {io::fault_plan::kind::fail, io::fault_plan::kind::lost, io::fault_plan::kind::brief, io::fault_plan::kind::full, io::fault_plan::kind::stop}) {
            bool clean = false;
            for (long n = 1; !clean; ++n) {
                INFO("call " << n);
                const auto plan = std::make_shared<io::fault_plan>();
                aged a(place, 1_MiB, io::faulty<io::posix>(plan));
                plan->what = what, plan->at = plan->calls + n;
                bool failed = false;
                try {
                    a.store.relayout(a.kept);
                } catch (const error&) {
                    failed = true;
                }
                clean = plan->calls < plan->at;
                if (clean) CHECK(!failed);
                plan->what = io::fault_plan::kind::none;
                REQUIRE(a.holds());
                a.store.relayout(a.kept);
                REQUIRE(a.holds());
                const auto after = *a.store.layout_of(a.kept);
                REQUIRE(after.to_copy == 0);
                REQUIRE(after.ratio() <= io::wasteful);  // a copy that not all came to share holds a little more than it is used for
            }
        }
    }
}
