// SPDX-License-Identifier: GPL-3.0-or-later
// Directories as the Python backy makes them, written by hand from what is known of its formats.
#pragma once

#include "program.hpp"

#include <backy/history/revision_id.hpp>

#include <map>

namespace support {

/// As of 2.0 to 2.4: config is the source alone, `last` and `last.rev` are there. All revisions are complete raw images.
class python_directory {
public:
    explicit python_directory(fs::path path) : path_(std::move(path)) { fs::create_directories(path_); }
    const fs::path& path() const { return path_; }
    fs::path operator/(const std::string& name) const { return path_ / name; }

    void write(const std::string& name, const std::string& text, ::mode_t mode = 0440) const {
        fs::remove(path_ / name);
        if (!(std::ofstream(path_ / name, std::ios::binary) << text << std::flush)) throw std::runtime_error("cannot write " + name);
        fs::permissions(path_ / name, fs::perms(mode));
    }
    void config(const fs::path& volume) const { write("config", "filename: " + volume.string() + "\ntype: file\n"); }
    /// A revision that was made at that hour of 2015-11-04, in place of an earlier one's clone where the filesystem can.
    std::string revision(const content& bytes, int hour, const std::string& tags = "daily", const std::string& more = "", const std::string& id = backy::fresh_id()) {
        spill(path_ / id, bytes);
        fs::permissions(path_ / id, fs::perms(0440));
        char time[64];
        std::snprintf(time, sizeof time, "2015-11-04 %02d:09:26.885246+00:00", hour);
        write(id + ".rev", "parent: " + (newest_.empty() ? std::string("null") : newest_) + "\nstats: {bytes_written: " + std::to_string(bytes.size()) + ", duration: 88.1}\ntags: [" + tags +
                               "]\ntimestamp: " + time + "\nuuid: " + id + "\n" + more);
        for (const auto* link : {"last", "last.rev"}) {
            fs::remove(path_ / link);
            fs::create_symlink(id + (std::string_view(link) == "last" ? "" : ".rev"), path_ / link);
        }
        images[id] = bytes;
        newest_ = id;
        return id;
    }

    std::map<std::string, content> images;

private:
    fs::path path_;
    std::string newest_;
};

}  // namespace support
