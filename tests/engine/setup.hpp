// SPDX-License-Identifier: GPL-3.0-or-later
// An engine over any source, store and Io, opened anew for each command as each command is a process of its own.
#pragma once

#include "support/journals.hpp"
#include "support/memory_source.hpp"
#include "support/scratch.hpp"
#include "support/stores_without_files.hpp"

#include <backy/catalogs/files.hpp>
#include <backy/clocks/system.hpp>
#include <backy/engine/backup.hpp>
#include <backy/engine/expire.hpp>
#include <backy/engine/restore.hpp>
#include <backy/engine/verify.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/history/specifier.hpp>
#include <backy/schedules/interval.hpp>
#include <backy/sources/file.hpp>
#include <backy/stores/image.hpp>
#include <backy/targets/file.hpp>

namespace support {
using namespace backy;

/// `use(repository, source)`.
template <class S, class T, class H = hashes::gmac>
auto engine(const fs::path& directory, const typename S::config& source, const typename T::config& store, journal& journal, auto use) {
    S from(source, journal);
    T to(store, directory, journal);
    catalogs::files<> catalog(directory);
    repository<T, catalogs::files<>, H, clocks::system> repository(to, catalog, journal);
    return use(repository, from);
}

/// What a repository at rest consists of, beside its configuration and log, sorted.
inline std::vector<std::string> names_of(const std::vector<revision_id>& ids) {
    std::vector<std::string> names{".lock", "last", "last.rev"};
    for (const auto& id : ids) names.insert(names.end(), {id, id + ".digests", id + ".rev"});
    std::ranges::sort(names);
    return names;
}

/// How the file source of a file_engine is read.
enum class reading { live, frozen, by_extents };

/// A file source and an image store over one Io, in directory/disk.img and directory/repository.
template <Io I, Clock K = clocks::system>
class file_engine {
public:
    file_engine(const fs::path& directory, I io, journal& journal, reading how = reading::frozen)
        : source({directory / "disk.img", how != reading::live, "", "", {.has_map = how == reading::by_extents}}, journal, io), store({}, directory / "repository", journal, io), catalog(directory / "repository", io),
          repository(store, catalog, journal) {}
    sources::file<I> source;
    stores::image<I> store;
    catalogs::files<I> catalog;
    backy::repository<stores::image<I>, catalogs::files<I>, hashes::gmac, K> repository;
};

}  // namespace support
