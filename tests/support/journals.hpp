// SPDX-License-Identifier: GPL-3.0-or-later
// A journal that keeps what it is told.
#pragma once

#include <backy/core/journal.hpp>

#include <mutex>
#include <string>

namespace support {

struct noisy_journal final : backy::journal {
    void record(backy::severity, std::string_view line) noexcept override {
        const std::lock_guard lock(guard);
        text.append(line).append("\n");
    }
    void progress(backy::byte_count, backy::byte_count) noexcept override {}
    std::mutex guard;
    std::string text;
};

}  // namespace support
