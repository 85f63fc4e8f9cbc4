// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: core/pace core/allowance
#include "support/journals.hpp"
#include "support/memory_source.hpp"
#include "support/program.hpp"

#include <backy/config/document.hpp>
#include <backy/conformance/source_suite.hpp>
#include <backy/sources/file.hpp>
#include <backy/sources/throttled.hpp>

using namespace backy;
using namespace std::chrono_literals;

namespace {

using slow_memory = sources::throttled<support::memory_source>;
static_assert(TrackedSource<slow_memory>);
static_assert(FileSource<sources::throttled<sources::file<>>> && MarkedSnapshot<snapshot_of<sources::throttled<sources::file<>>>>);
static_assert(Confinable<sources::throttled<sources::file<>>>);

struct throttled_volume {
    void set(const support::content& c) { support::memory_source::named("suite").now = std::make_shared<support::content>(c); }
    slow_memory make() { return slow_memory({{"suite"}, 0}, journal); }
    std::string spelling() { return "suite"; }
    silent_journal journal;
};

auto time_of(auto work) {
    const auto begun = std::chrono::steady_clock::now();
    work();
    return std::chrono::steady_clock::now() - begun;
}

}  // namespace

TEST_CASE("throttled source: conforms as what it is made of does") {
    throttled_volume volume;
    conformance::source_suite(volume);
}

TEST_CASE("throttled source: all who read share one rate, and one that does not say gets none") {
    silent_journal journal;
    const support::content truth(4 << 20, 'x');
    support::memory_source::named("suite").now = std::make_shared<support::content>(truth);
    const auto read_all = [&](slow_memory source) {
        const auto id = fresh_id();
        const auto snapshot = source.freeze(id);
        share_out(8, 4, [&](auto next) {
            std::vector<std::byte> part(512 << 10);
            for (std::size_t n = 0; (n = next()) < 8;) snapshot.read(n * part.size(), part);
        });
        source.release(id);
    };
    const auto slow = time_of([&] { read_all(slow_memory({{"suite"}, 8_MiB}, journal)); });
    CHECK(slow > 200ms);  // 0.5 s, less what was free at the start
    CHECK(slow < 5s);
    byte_count told = 0;
    slow_memory counted({{"suite"}, 0}, journal);
    counted.before_each_read([&](byte_count n) { told += n; });
    const auto snapshot = counted.freeze(fresh_id());
    std::vector<std::byte> part(1000);
    snapshot.read(0, part);
    CHECK(told == 1000);
}

TEST_CASE("throttled source: its key is checked, and the others are by the source") {
    using throttled_file = sources::throttled<sources::file<>>;
    const auto from = [](const std::string& text) { return throttled_file::config::from(config::parse(text, "f")); };
    CHECK(from("filename = \"/a\"\nread-rate = 3").read_rate == 3_MiB);
    CHECK(from("filename = \"/a\"").read_rate == 0);
    CHECK_THROWS_WITH(from("filename = \"/a\"\nread-rate = 0"), "f:2:1: read-rate: must be from 1 to 100000 (MiB per second): 0");
    CHECK_THROWS_WITH(from("filename = \"/a\"\nread-rate = \"fast\""), "f:2:1: read-rate: must be a whole number");
    CHECK_THROWS_WITH(from("file = \"/a\"\nread-rate = 1"), Catch::StartsWith("f:1:1: file: unknown key; known here: type, filename, ") && Catch::EndsWith(", read-rate"));
}

TEST_CASE("pace: who waits for it can be asked to end") {
    interruption::listen();
    pace slow(1000);
    slow.take(1);
    ::raise(SIGTERM);
    CHECK_THROWS_AS(slow.take(100'000), error);
    interruption::detail::signal_number = 0;
}

TEST_CASE("verify --paced: an end of it, by who started it or by a signal, says nothing of the revisions") {
    const support::scratch dir(support::plain());
    const support::repository_directory backy(dir / "r");
    support::spill(dir / "disk.img", support::content(300'000, 'x'));  // one window: nobody comes to another
    REQUIRE(backy("init file " + (dir / "disk.img").string()).code == 0);
    REQUIRE(backy("backup daily").code == 0);
    std::this_thread::sleep_for(1200ms);
    const auto run = [&](const std::string& allowed, const std::string& prefix) {
        return support::shell(allowed + " | " + prefix + " \"$BACKY\" -b '" + (dir / "r").string() + "' verify --older-than 1s --paced 2>&1");
    };
    const auto gone = run("true", "");
    CHECK((gone.code == 1 && gone.out.find("who gives it is gone") != std::string::npos));
    const auto ended = run("sleep 3", "timeout --preserve-status -s TERM 1");
    CHECK((ended.code == 1 && ended.out.find("signal 15 asked for an end") != std::string::npos));
    CHECK(support::slurp(dir / "r" / "last.rev").find("trust = \"trusted\"") != std::string::npos);
    CHECK(run("printf 1", "").code == 0);
    CHECK(support::slurp(dir / "r" / "last.rev").find("trust = \"verified\"") != std::string::npos);
}

TEST_CASE("backup --paced: reads what it is allowed to, and goes on by itself when who allows it is gone") {
    const support::scratch dir(support::plain());
    const support::repository_directory backy(dir / "r");
    support::spill(dir / "disk.img", support::content(3 << 20, 'x'));
    REQUIRE(backy("init file " + (dir / "disk.img").string()).code == 0);
    const auto run = [&](const std::string& allowed) {
        return support::shell(allowed + " | \"$BACKY\" -b '" + (dir / "r").string() + "' backup --paced daily 2>&1");
    };
    CHECK(run("printf 12").code == 0);
    CHECK(run("true").code == 0);
    REQUIRE(backy("verify").code == 0);
    const auto begun = std::chrono::steady_clock::now();
    CHECK(run("(for i in 1 2 3; do sleep 0.3; printf x; done; sleep 5)").code == 0);
    CHECK(std::chrono::steady_clock::now() - begun > 800ms);
    const auto files = support::names_in(dir / "r");
    CHECK(std::ranges::count_if(files, [](const auto& n) { return n.ends_with(".rev") && n != "last.rev"; }) == 3);
}
