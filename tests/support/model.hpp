// SPDX-License-Identifier: GPL-3.0-or-later
// What has to be true of a repository whatever has happened to it: invariants 1 to 5 of docs/reliability.md, held against a model
// that knows nothing of the engine. Bytes are read by iostreams, as dd would.
#pragma once

#include "engine/setup.hpp"

#include <map>
#include <set>

namespace support {

struct model {
    std::map<revision_id, content> revisions;  ///< acknowledged: there, whole, unchanged
    std::set<revision_id> leaving;             ///< of those: being removed, they may be gone
    std::set<revision_id> distrusted;          ///< of those
    std::optional<content> arriving = {};      ///< a backup of this has not said how it ended: one more revision may be there, if it is whole
};

/// `last` and `last.rev` come last and need space: after a run that failed there may be none, but never a wrong one.
enum class expected_links { present, present_or_absent };

using violations = std::vector<std::string>;
inline const violations none;

/// Of a repository as it is found. What it returns is for people; `none` is what it has to be.
inline violations violations_of(const fs::path& repository, const model& m, expected_links links = expected_links::present) {
    violations found;
    const auto demand = [&](bool held, const std::string& what) {
        if (!held) found.push_back(what);
    };
    catalogs::files<> catalog(repository);
    const auto h = catalog.read();
    for (const auto& damaged : h.damaged) demand(false, "damaged metadata: " + damaged.why);
    for (const auto& [id, bytes] : m.revisions) demand(h.find(id) || m.leaving.contains(id), "revision " + id + " is lost");
    std::size_t unknown = 0;
    for (const auto& r : h.revisions) {
        const auto known = m.revisions.find(r.id);
        if (known == m.revisions.end() && (!m.arriving || ++unknown > 1)) {
            demand(false, "revision " + r.id + " was made by nobody");
            continue;
        }
        try {
            demand(slurp(repository / r.id) == (known == m.revisions.end() ? *m.arriving : known->second), "revision " + r.id + " has other bytes");
            demand(seal_of_digests(catalog.digests().open(r.id)) == r.digests.value().sha256, "the digests of " + r.id + " are others");
        } catch (const std::exception& e) {
            demand(false, "revision " + r.id + ": " + e.what());
        }
        if (m.distrusted.contains(r.id)) demand(!r.counts(), "revision " + r.id + " is trusted again");
    }
    for (const auto& [link, suffix] : {std::pair("last", ""), {"last.rev", ".rev"}}) {
        if (!fs::is_symlink(repository / link)) {
            demand(links == expected_links::present_or_absent || !h.newest(), std::string(link) + " is not there");
            continue;
        }
        const auto text = fs::read_symlink(repository / link).string();
        const auto* const named = h.find(text.substr(0, id_length));
        demand(named && named->counts() && text == named->id + suffix && fs::exists(repository / link), std::string(link) + " names " + text);
    }
    return found;
}

/// What is in the repository, where the names `beside` are nobody's business, or beside the source, and belongs to none of these revisions.
inline violations left_over(const fs::path& repository, const fs::path& source, const std::vector<revision_id>& ids, const std::set<std::string>& beside = {}) {
    violations found;
    const auto expected = names_of(ids);
    for (const auto& name : names_in(repository))
        if (!beside.contains(name) && !std::ranges::binary_search(expected, name)) found.push_back("left over: " + name);
    for (const auto& name : names_in(source.parent_path()))
        if (name.find(".backy-") != name.npos) found.push_back("left over at the source: " + name);
    return found;
}

/// Of the next backup of `disk`: it needs no help and leaves nothing over. `next_run()` makes it and throws error.
violations violations_of_next_run(const fs::path& repository, const fs::path& source, model m, const content& disk, const std::set<std::string>& beside, auto next_run) {
    try {
        for (const auto& r : catalogs::files<>(repository).read().revisions)
            if (!m.revisions.contains(r.id) && m.arriving) m.revisions[r.id] = *m.arriving;
        std::erase_if(m.revisions, [&](const auto& r) { return m.leaving.contains(r.first) && !fs::exists(repository / (r.first + ".rev")); });
        m.arriving.reset(), m.leaving.clear();
        next_run();
        m.revisions[fs::read_symlink(repository / "last").string()] = disk;
    } catch (const std::exception& e) {
        return {std::string("the next run fails: ") + e.what()};
    }
    auto found = violations_of(repository, m);
    std::vector<revision_id> ids;
    for (const auto& [id, bytes] : m.revisions) ids.push_back(id);
    for (auto& name : left_over(repository, source, ids, beside)) found.push_back(std::move(name));
    return found;
}

/// The same in this process, in directory/repository and with directory/disk.img.
inline violations violations_of_next_run(const fs::path& directory, const model& m, const content& disk) {
    return violations_of_next_run(directory / "repository", directory / "disk.img", m, disk, {}, [&] {
        silent_journal journal;
        file_engine<io::posix> e(directory, {}, journal);
        backup(e.repository, e.source, {"next"}, 1);
    });
}

}  // namespace support
