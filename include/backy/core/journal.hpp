// SPDX-License-Identifier: GPL-3.0-or-later
// Journal: where a run says what it does. The engine and the policies only know this; the command line decides what of it
// reaches the log, the terminal, or nobody.
#pragma once

#include <backy/core/bytes.hpp>

#include <string_view>

namespace backy {

enum class severity { info, warning, error };

/// Every member may be called by several threads at once and must not throw.
class journal {
public:
    journal() = default;
    journal(const journal&) = delete;
    journal& operator=(const journal&) = delete;
    virtual ~journal() = default;

    void info(std::string_view text) noexcept { record(severity::info, text); }
    void warning(std::string_view text) noexcept { record(severity::warning, text); }
    void error(std::string_view text) noexcept { record(severity::error, text); }

    virtual void record(severity, std::string_view text) noexcept = 0;
    /// `done` of `total` bytes of the current step have been looked at; called often, so it has to be cheap.
    virtual void progress(byte_count done, byte_count total) noexcept = 0;
};

struct silent_journal final : journal {
    void record(severity, std::string_view) noexcept override {}
    void progress(byte_count, byte_count) noexcept override {}
};

}  // namespace backy
