// SPDX-License-Identifier: GPL-3.0-or-later
// What is in the base directory beside the jobs' revisions, and how much room there is.
#pragma once

#include <backy/concepts/catalog.hpp>
#include <backy/io/filesystem.hpp>
#include <backy/io/posix.hpp>
#include <backy/monitoring/report.hpp>

#include <map>
#include <set>

namespace backy::scheduler {

struct survey {
    std::vector<monitoring::orphan_report> orphans;
    std::vector<io::room> rooms;
    std::set<std::string> beside;  ///< jobs whose volume lies on the filesystem of its own backup
};

namespace detail {

inline std::string filesystem_of(const std::filesystem::path& directory) {
    try {
        return io::filesystem_identity(io::file<io::posix>(io::posix{}, directory.string(), O_RDONLY | O_DIRECTORY));
    } catch (const error&) {
        return "";  // its runs will say what is wrong
    }
}
/// What was written for its revisions, as `status` has it; of what is no repository what its files take.
template <Catalog C>
byte_count size_of_directory(const std::filesystem::path& path) {
    byte_count bytes = 0;
    try {
        for (const auto& r : C(path).read().revisions) bytes += r.stats.bytes_written;
        if (bytes > 0) return bytes;
        const io::directory<io::posix> directory(path);
        for (const auto& file : directory.names())
            if (const auto st = directory.status_of(file)) bytes += static_cast<byte_count>(st->st_blocks) * 512;
    } catch (const error&) {}  // it is named all the same
    return bytes;
}

}  // namespace detail

/// `volumes`: where the volume of each job is, empty if it is no file. Throws error. Waits for the disk.
template <Catalog C>
survey survey_of(const io::directory<io::posix>& base, const std::map<std::string, std::filesystem::path>& volumes) {
    const io::file<io::posix> here(io::posix{}, base.path().string(), O_RDONLY | O_DIRECTORY);
    survey found{{}, io::room_of(here), {}};
    for (const auto& name : base.names()) {
        if (volumes.contains(name) || name[0] == '.' || name == "lost+found") continue;
        if (const auto st = base.status_of(name); st && S_ISDIR(st->st_mode))
            found.orphans.push_back({name, detail::size_of_directory<C>(base.path() / name)});
    }
    const auto identity = io::filesystem_identity(here);
    std::map<std::filesystem::path, std::string> asked;  // volumes are many, the directories they are in few
    for (const auto& [name, volume] : volumes) {
        if (volume.empty()) continue;
        const auto [at, fresh] = asked.try_emplace(volume.parent_path());
        if (fresh) at->second = detail::filesystem_of(at->first);
        if (at->second == identity) found.beside.insert(name);
    }
    return found;
}

}  // namespace backy::scheduler
