// SPDX-License-Identifier: GPL-3.0-or-later
// How fast is a hash over blocks of 64 KiB, beside looking for zeroes and the ceiling, memcpy?
#include <backy/core/block_map.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/hashes/sha256.hpp>

#include <benchmark/benchmark.h>

#include <vector>

namespace {
using namespace backy;

std::vector<std::byte> window() { return std::vector<std::byte>(window_size, std::byte{7}); }

void count(benchmark::State& state) { state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(window_size)); }

template <Hash H>
void hash(benchmark::State& state) {
    const auto data = window();
    const H h(H::fresh_key());
    for (auto _ : state)
        for (byte_count at = 0; at < window_size; at += block_size) benchmark::DoNotOptimize(h(const_block(data).subspan(at, block_size)));
    count(state);
}

void zeroes(benchmark::State& state) {
    const std::vector<std::byte> data(window_size);
    for (auto _ : state)
        for (byte_count at = 0; at < window_size; at += block_size) benchmark::DoNotOptimize(is_zero(const_block(data).subspan(at, block_size)));
    count(state);
}

void ceiling_memcpy(benchmark::State& state) {
    const auto data = window();
    auto to = window();
    for (auto _ : state) {
        std::memcpy(to.data(), data.data(), data.size());
        benchmark::DoNotOptimize(to.data());
        benchmark::ClobberMemory();
    }
    count(state);
}

}  // namespace

BENCHMARK(hash<hashes::gmac>);
BENCHMARK(hash<hashes::sha256>);
BENCHMARK(zeroes);
BENCHMARK(ceiling_memcpy);
