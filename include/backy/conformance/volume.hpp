// SPDX-License-Identifier: GPL-3.0-or-later
// What the conformance suites work with: volumes to back up, the witness that reads them (plain iostreams and no code of the library),
// a directory to do it in. These headers need Catch2 2.13; no other header of the library includes them.
#pragma once

#include <backy/core/block_map.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace backy::conformance {

using content = std::string;

inline content slurp(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path.string());
    content all(std::filesystem::is_regular_file(path) ? std::filesystem::file_size(path) : 0, '\0');
    in.read(all.data(), static_cast<std::streamsize>(all.size()));
    if (in.gcount() != static_cast<std::streamsize>(all.size())) throw std::runtime_error("cannot read " + path.string());
    return all;
}

/// Blocks of zeroes become holes, as they are in a real image.
inline void spill(const std::filesystem::path& path, const content& c) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    for (std::size_t at = 0; at < c.size(); at += 4096) {
        const auto part = std::string_view(c).substr(at, 4096);
        if (part.find_first_not_of('\0') == part.npos) continue;
        out.seekp(static_cast<std::streamoff>(at));
        out.write(part.data(), static_cast<std::streamsize>(part.size()));
    }
    out.close();
    std::filesystem::resize_file(path, c.size());
    if (!out) throw std::runtime_error("cannot write " + path.string());
}

/// A bit of the file rots, whatever its mode. Twice: it is as it was.
inline void rot(const std::filesystem::path& path, std::streamoff at) {
    std::filesystem::permissions(path, std::filesystem::perms(0640));
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const auto byte = file.get();
    file.seekp(at).put(static_cast<char>(byte ^ 1));
    if (!file.flush()) throw std::runtime_error("cannot rot " + path.string());
}

/// Draws from a seed that stands in the output of a test that fails.
class randomness {
public:
    explicit randomness(std::uint64_t seed = std::random_device{}()) : seed_(seed), engine_(seed) { UNSCOPED_INFO("seed " << seed_); }
    unsigned long long seed() const { return seed_; }
    std::uint64_t below(std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(engine_); }
    void fill(content& c, std::size_t at, std::size_t n) {
        for (auto i = at; i < std::min(c.size(), at + n); ++i) c[i] = static_cast<char>(engine_());
    }

private:
    std::uint64_t seed_;
    std::mt19937_64 engine_;
};

/// BACKY_LONG in the environment: sweeps are run whole, for hours.
inline bool long_run() { return std::getenv("BACKY_LONG") != nullptr; }
/// In the normal run one trial of so many.
inline bool is_drawn(randomness& random, std::uint64_t one_of) { return long_run() || random.below(one_of) == 0; }

/// A directory of its own, gone with the object.
class scratch {
public:
    explicit scratch(const std::filesystem::path& in = std::filesystem::temp_directory_path()) {
        static std::atomic<int> count = 0;
        path_ = in / ("test-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
        std::filesystem::create_directories(path_);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// Data, a hole, data with blocks of zeroes in it, a tail that is no whole block and a hole in some seeds.
inline content some_volume(randomness& random, std::size_t size) {
    content c(size, '\0');
    random.fill(c, 0, size / 3);
    for (auto at = size / 2; at < size; at += block_size)
        if (random.below(3) != 0) random.fill(c, at, block_size);
    return c;
}

/// What a day may do to it: rewritten, zeroed and unaligned ranges, another size.
inline content changed(randomness& random, content c, std::size_t size) {
    c.resize(size, '\0');
    for (int i = 0; i < 4 && size > 0; ++i) {
        const auto at = random.below(size), n = random.below(2 * block_size) + 1;
        if (random.below(3) == 0) std::fill_n(c.begin() + static_cast<std::ptrdiff_t>(at), std::min(n, size - at), '\0');
        else random.fill(c, at, n);
    }
    return c;
}

}  // namespace backy::conformance
