// SPDX-License-Identifier: GPL-3.0-or-later
// The real programs, run by a shell as a user would.
#pragma once

#include "scratch.hpp"
#include "volume.hpp"

#include <cstdlib>
#include <sys/wait.h>

namespace support {

struct result {
    int code;
    std::string out, err;
};

/// $BACKY is the program under test.
inline result shell(const std::string& command) {
    const scratch output(fs::temp_directory_path());
    const auto status = std::system(("BACKY='" BACKY_PROGRAM "'; {\n" + command + "\n} >'" + (output / "out").string() + "' 2>'" + (output / "err").string() + "'").c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), slurp(output / "out"), slurp(output / "err")};
}

/// A repository to run commands on: `backy -b DIR …`.
class repository_directory {
public:
    explicit repository_directory(fs::path path) : path_(std::move(path)) {}
    const fs::path& path() const { return path_; }
    fs::path operator/(const std::string& name) const { return path_ / name; }
    result operator()(const std::string& words) const { return shell("\"$BACKY\" -b '" + path_.string() + "' " + words); }

private:
    fs::path path_;
};

}  // namespace support
