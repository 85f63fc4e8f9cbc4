// SPDX-License-Identifier: GPL-3.0-or-later
// What the daemon knows of the repositories, kept in a file so that a restart does not read a million .rev files again.
#pragma once

#include <backy/concepts/catalog.hpp>
#include <backy/io/directory.hpp>
#include <backy/io/posix.hpp>
#include <backy/monitoring/report.hpp>

#include <map>

namespace backy {

void fields(auto& visit, auto& b)
    requires std::same_as<std::remove_cvref_t<decltype(b)>, last_backup>
{
    visit("id", b.id), visit("made_at", b.made_at), visit("duration", b.duration), visit("tags", b.tags), visit("bytes_written", b.bytes_written);
}
void fields(auto& visit, auto& p)
    requires std::same_as<std::remove_cvref_t<decltype(p)>, proof_times>
{
    visit("read_back", p.read_back), visit("compared", p.compared), visit("verified", p.verified);
}
void fields(auto& visit, auto& s)
    requires std::same_as<std::remove_cvref_t<decltype(s)>, standing>
{
    visit("newest", s.newest), visit("tags", s.tags), visit("revisions", s.revisions), visit("distrusted", s.distrusted);
    visit("proofs", s.proofs), visit("damaged", s.damaged), visit("strangers", s.strangers);
}

}  // namespace backy

namespace backy::scheduler {

/// How a repository stood when it was looked at, and by what one can tell that it still does.
struct look {
    std::string job, fingerprint, thorough;
    backy::standing standing;

    friend void fields(auto& visit, auto& l)
        requires std::same_as<std::remove_cvref_t<decltype(l)>, look>
    {
        visit("job", l.job), visit("fingerprint", l.fingerprint), visit("thorough", l.thorough), visit("standing", l.standing);
    }
};

/// Reads a repository; one that is not there yet stands empty. Throws error. 10 ms for 100 revisions.
template <Catalog C>
look look_at(const io::directory<io::posix>& base, const std::string& job) {
    if (!base.status_of(job)) return {job, "none", "none", {}};
    C catalog(base.path() / job);
    look seen{job, catalog.fingerprint(false), catalog.fingerprint(true), {}};  // before it is read: what changes meanwhile shows next time
    seen.standing = standing_of(catalog.read());
    return seen;
}

/// False: it has to be looked at again.
template <Catalog C>
bool is_current(const io::directory<io::posix>& base, const look& seen, bool thorough) {
    const auto there = base.status_of(seen.job).has_value();
    if (!there || seen.fingerprint == "none") return !there && seen.fingerprint == "none";
    const auto now = C(base.path() / seen.job).fingerprint(thorough);
    return !now.empty() && now == (thorough ? seen.thorough : seen.fingerprint);
}

/// The file of them.
struct known_repositories {
    static constexpr std::int64_t format_known = 1;
    static constexpr auto* file = ".known.json";
    std::int64_t format = format_known;
    std::vector<look> looks;

    static constexpr auto* long_list = "looks";
    static auto& elements_of(known_repositories& k) { return k.looks; }
    friend void fields(auto& visit, auto& k)
        requires std::same_as<std::remove_cvref_t<decltype(k)>, known_repositories>
    {
        visit("format", k.format), visit("looks", k.looks);
    }
};

/// One that is damaged, or not there, only costs time.
inline std::map<std::string, look> read_known(const io::directory<io::posix>& base, journal& journal) {
    std::map<std::string, look> all;
    try {
        if (!base.status_of(known_repositories::file)) return all;
        constexpr byte_count largest = 256_MiB;
        auto read = monitoring::parse_json<known_repositories>(base.read(known_repositories::file, largest), known_repositories::file);
        for (auto& one : read.looks) all.emplace(one.job, std::move(one));
    } catch (const error& e) {
        journal.warning(std::string(e.what()) + " (all repositories are read again)");
    }
    return all;
}

}  // namespace backy::scheduler
