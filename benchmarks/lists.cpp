// SPDX-License-Identifier: GPL-3.0-or-later
// What grows with the number of things: a digests file of 1 TiB, retention over 10,000 revisions, a status file and `check` of 10,000 jobs.
#include <backy/engine/digests.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/history/history.hpp>
#include <backy/monitoring/check.hpp>
#include <backy/monitoring/json.hpp>
#include <backy/schedules/interval.hpp>

#include <benchmark/benchmark.h>

namespace {
using namespace backy;
using namespace std::chrono_literals;

struct bytes {
    std::vector<std::byte> all;
    byte_count size() const { return all.size(); }
    void read(byte_count at, block out) const { std::memcpy(out.data(), all.data() + at, out.size()); }
    void extents(const extent_visitor& visit) const { visit({0, size()}); }
};

/// Opening the digests of a dense volume of 1 TiB: its seal is checked, which reads all of it.
void digests_file(benchmark::State& state) {
    using layout = digests_layout<hashes::gmac>;
    const bytes file{std::vector<std::byte>(layout::size_for(1024_GiB), std::byte{7})};
    for (auto _ : state) benchmark::DoNotOptimize(seal_of_digests(file));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(file.size()));
}

history of(std::int64_t revisions) {
    history h;
    for (std::int64_t i = 0; i < revisions; ++i) {
        revision r;
        r.id = fresh_id();
        r.sequence = static_cast<std::uint64_t>(i + 1);
        r.made_at = timestamp(std::chrono::hours(i));
        r.tags = {"hourly"};
        if (i % 24 == 0) r.tags.push_back("daily");
        if (i % 168 == 0) r.tags.push_back("weekly");
        h.revisions.push_back(std::move(r));
    }
    return h;
}
void retention(benchmark::State& state) {
    const auto h = of(state.range(0));
    const schedules::interval schedule({{{"hourly", 1h, 48}, {"daily", 24h, 30}, {"weekly", 168h, 52}}});
    const auto now = h.revisions.back().made_at + std::chrono::hours(1);
    for (auto _ : state) benchmark::DoNotOptimize(schedule.expired(h, now));
}

monitoring::report report_of(std::int64_t jobs) {
    monitoring::report r;
    r.written = timestamp(std::chrono::hours(500'000));
    const schedules::interval schedule({{{"daily", 24h, 7}, {"weekly", 168h, 4}}});
    auto h = of(100);
    for (auto& revision : h.revisions) revision.made_at = r.written - std::chrono::hours(1);
    const auto known = standing_of(h);
    for (std::int64_t i = 0; i < jobs; ++i) {
        auto& job = r.jobs.emplace_back();
        job.job = "vm" + std::to_string(i), job.state = "waiting";
        monitoring::judge(job, known, schedule, {});
    }
    return r;
}
void status_written(benchmark::State& state) {
    const auto r = report_of(state.range(0));
    for (auto _ : state) benchmark::DoNotOptimize(monitoring::print_json(r));
}
void status_checked(benchmark::State& state) {
    const auto text = monitoring::print_json(report_of(state.range(0)));
    const auto now = timestamp(std::chrono::hours(500'000));
    for (auto _ : state) benchmark::DoNotOptimize(monitoring::check(monitoring::parse_json<monitoring::report>(text, "status"), now));
}

}  // namespace

BENCHMARK(digests_file)->Unit(benchmark::kMillisecond);
BENCHMARK(retention)->Arg(100)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(status_written)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(status_checked)->Arg(10'000)->Unit(benchmark::kMillisecond);
