// SPDX-License-Identifier: GPL-3.0-or-later
// What a target is made of: `one` takes an input, `must` says which law did not hold. An exception that a target does not expect ends
// the process, which libFuzzer takes for a finding, as it does a signal, what a sanitizer says, and an input that takes too long.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace fuzz {

void one(std::string_view input);

inline void must(bool holds, const char* law) {
    if (holds) return;
    std::fprintf(stderr, "this law does not hold: %s\n", law);
    std::abort();
}

inline bool is_control(char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }

/// A directory for this process in TMPDIR, which `run` removes.
inline std::filesystem::path scratch() {
    auto path = std::filesystem::temp_directory_path() / std::to_string(::getpid());
    std::filesystem::create_directories(path);
    return path;
}
inline void write_file(const std::filesystem::path& path, std::string_view text) {
    std::filesystem::remove(path);
    must(static_cast<bool>(std::ofstream(path, std::ios::binary) << text << std::flush), "the scratch directory can be written");
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::one({reinterpret_cast<const char*>(data), size});
    return 0;
}
