// SPDX-License-Identifier: GPL-3.0-or-later
// What a disk was told, in order: written by tests/lab/recorded_disk, read by support/recorded_disk.hpp.
#pragma once

#include <cstdint>

namespace support::disk_log {

enum class kind : std::uint64_t { write, flush };

/// A write is followed by its bytes.
struct record {
    disk_log::kind kind;
    std::uint64_t offset, length;
};

}  // namespace support::disk_log
