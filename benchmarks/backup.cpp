// SPDX-License-Identifier: GPL-3.0-or-later
// A whole backup for each source, store and hash: 256 MiB, a first one, one of which nothing changed, one of which 1 % did, and a verify.
// In BACKY_BENCH, a directory with reflinks (btrfs, XFS); by default the working directory, where a store may have to copy.
#include <backy/catalogs/files.hpp>
#include <backy/clocks/system.hpp>
#include <backy/engine/backup.hpp>
#include <backy/engine/verify.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/hashes/sha256.hpp>
#include <backy/sources/file.hpp>
#include <backy/stores/image.hpp>

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>

namespace {
using namespace backy;
namespace fs = std::filesystem;

constexpr byte_count volume_size = 256_MiB;

/// A directory for one benchmark, with a volume of random bytes.
class place {
public:
    place() : dir_(fs::path(std::getenv("BACKY_BENCH") ? std::getenv("BACKY_BENCH") : ".") / ("bench." + std::to_string(::getpid()))) {
        fs::create_directories(repository());
        fs::permissions(repository(), fs::perms(0750));
        io::file<io::posix> f(io::posix{}, volume().string(), O_RDWR | O_CREAT);
        for (byte_count at = 0; at < volume_size; at += block_size) write(f, at);
    }
    ~place() { fs::remove_all(dir_); }
    fs::path volume() const { return fs::absolute(dir_ / "volume"); }
    fs::path repository() const { return fs::absolute(dir_ / "repository"); }
    void change(byte_count every) {
        io::file<io::posix> f(io::posix{}, volume().string(), O_RDWR);
        for (byte_count at = 0; at < volume_size; at += every * block_size) write(f, at);
        f.sync();
    }

private:
    void write(io::file<io::posix>& f, byte_count at) {
        std::vector<std::uint64_t> words(block_size / sizeof(std::uint64_t));
        for (auto& w : words) w = random_();
        f.write(at, std::as_bytes(std::span(words)));
    }
    fs::path dir_;
    std::mt19937_64 random_{7};
};

enum class how { live, frozen, by_extents };
enum class work { first, unchanged, changed, verify };

template <Hash H, how Read, work What>
void run(benchmark::State& state) {
    silent_journal journal;
    using image = stores::image<>;
    place p;
    image store({}, p.repository(), journal);
    catalogs::files<> catalog(p.repository());
    const repository<image, catalogs::files<>, H, clocks::system> repository(store, catalog, journal);
    sources::file<> source({p.volume(), Read != how::live, "", "", {.has_map = Read == how::by_extents, .compared_within = 10'000}}, journal);
    const auto forget_all = [&] {
        for (const auto& r : catalog.read().revisions) catalog.remove(r.id), store.remove(r.id);
    };
    auto made = backup(repository, source, {"daily"}).made;
    for (auto _ : state) {
        state.PauseTiming();
        if constexpr (What == work::first) forget_all();
        if constexpr (What == work::changed) p.change(100);
        state.ResumeTiming();
        if constexpr (What == work::verify) {
            if (!verify(repository, made).empty()) state.SkipWithError("it is not what it was");
        } else {
            backup(repository, source, {"daily"});
        }
    }
    for (const auto& id : source.snapshots()) source.release(id);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(volume_size));
}

}  // namespace

#define EACH_WORK(hash, read)                                                                                                                      \
    BENCHMARK(run<hash, read, work::first>)->UseRealTime()->Unit(benchmark::kMillisecond);                                                        \
    BENCHMARK(run<hash, read, work::unchanged>)->UseRealTime()->Unit(benchmark::kMillisecond);                                                    \
    BENCHMARK(run<hash, read, work::changed>)->UseRealTime()->Unit(benchmark::kMillisecond)
EACH_WORK(hashes::gmac, how::live);
EACH_WORK(hashes::gmac, how::frozen);
EACH_WORK(hashes::gmac, how::by_extents);
EACH_WORK(hashes::sha256, how::live);
BENCHMARK(run<hashes::gmac, how::live, work::verify>)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(run<hashes::sha256, how::live, work::verify>)->UseRealTime()->Unit(benchmark::kMillisecond);
