// SPDX-License-Identifier: GPL-3.0-or-later
// What does the copy loop cost over a volume that is in memory: reading alone, and held against a table of digests, with 1 to 4 workers?
#include <backy/engine/copy.hpp>
#include <backy/engine/digests.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/hashes/sha256.hpp>

#include <benchmark/benchmark.h>

#include <vector>

namespace {
using namespace backy;

constexpr byte_count volume_size = 256_MiB;

struct volume {
    std::vector<std::byte> bytes = std::vector<std::byte>(volume_size, std::byte{7});
    byte_count size() const { return bytes.size(); }
    void read(byte_count at, block out) const { std::memcpy(out.data(), bytes.data() + at, out.size()); }
    void extents(const extent_visitor& visit) const { visit({0, size()}); }
};

void run(benchmark::State& state, const auto& sink) {
    const volume v;
    silent_journal journal;
    const auto all = allocated(v, volume_size);
    for (auto _ : state) copy(v, all, static_cast<unsigned>(state.range(0)), journal, sink);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(volume_size));
}

void ceiling_read(benchmark::State& state) {
    run(state, [](byte_count, const_block data) { benchmark::DoNotOptimize(data.data()); });
}

template <Hash H>
void compare(benchmark::State& state) {
    const digest_table<H, image_view<volume>> nothing(H::fresh_key());
    run(state, [&](byte_count offset, const_block data) { benchmark::DoNotOptimize(nothing.compare(offset, data)); });
}

}  // namespace

BENCHMARK(ceiling_read)->DenseRange(1, 4)->UseRealTime();
BENCHMARK(compare<hashes::gmac>)->DenseRange(1, 4)->UseRealTime();
BENCHMARK(compare<hashes::sha256>)->DenseRange(1, 4)->UseRealTime();
