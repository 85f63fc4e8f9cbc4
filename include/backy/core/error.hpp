// SPDX-License-Identifier: GPL-3.0-or-later
// What can go wrong, in one line: `where: what: why (way out)`. A type of its own only where somebody catches it.
#pragma once

#include <stdexcept>
#include <string>
#include <system_error>

namespace backy {

/// `transient`: the same call may succeed later without anybody's help.
class error : public std::runtime_error {
public:
    error(const std::string& where, const std::string& what, bool transient = false)
        : std::runtime_error(where + ": " + what), transient_(transient) {}
    bool transient() const noexcept { return transient_; }

private:
    bool transient_;
};

struct config_error : error {  // a configuration or a command line: exit code 2
    using error::error;
};
struct no_space : error {  // the filesystem or the quota is full
    using error::error;
};
struct source_error : error {
    using error::error;
};
struct store_error : error {
    using error::error;
};
struct missing_revision : store_error {  // a store has no bytes of that ID
    using store_error::store_error;
};
struct corrupt_block : store_error {  // bytes that are not what their digests say
    using store_error::store_error;
};
struct history_error : error {  // no such revision, or not just one
    using error::error;
};
struct halted : error {  // the work was told to end: this says nothing of what it was at, and nobody may go on after it
    using error::error;
};
struct lock_busy : error {  // exit code 75
    using error::error;
};

inline std::string message_of(int errno_value) { return std::generic_category().message(errno_value); }

}  // namespace backy
