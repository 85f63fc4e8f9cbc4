// SPDX-License-Identifier: GPL-3.0-or-later
// Directories to test in: on the real btrfs and XFS that tests/lab/filesystems mounts, and on whatever the build tree is on.
#pragma once

#include <catch2/catch.hpp>

#include <atomic>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

namespace support {
namespace fs = std::filesystem;

/// A directory of its own, gone with the object.
class scratch {
public:
    explicit scratch(const fs::path& in) {
        static std::atomic<int> count = 0;
        path_ = in / ("test-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
        fs::create_directories(path_);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const fs::path& path() const { return path_; }
    fs::path operator/(const std::string& name) const { return path_ / name; }

private:
    fs::path path_;
};

inline std::vector<std::string> names_in(const fs::path& dir) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir)) names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
}

inline fs::path lab() { return BACKY_LAB; }

/// Where the build tree is; never has to be mounted.
inline fs::path plain() { return lab() / "plain"; }

/// btrfs and XFS as far as they are mounted. None: says so, and the test proves nothing.
inline std::vector<fs::path> copy_on_write() {
    std::vector<fs::path> mounted;
    for (const auto* fs : {"btrfs", "xfs"})
        if (fs::exists(lab() / fs)) mounted.push_back(fs::canonical(lab() / fs));
    if (mounted.size() < 2) WARN("SKIPPED in part: btrfs and XFS are not both mounted (root only)");
    return mounted;
}

}  // namespace support
