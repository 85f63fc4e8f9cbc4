// SPDX-License-Identifier: GPL-3.0-or-later
// Directories to test in: on the real btrfs and XFS that tests/lab/filesystems mounts, and on whatever the build tree is on.
#pragma once

#include "support/volume.hpp"

#include <algorithm>
#include <vector>

namespace support {
namespace fs = std::filesystem;

using backy::conformance::scratch;

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
