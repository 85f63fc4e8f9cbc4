// SPDX-License-Identifier: GPL-3.0-or-later
// adopt: the revisions of a Python backy become ours where they are. An image is not copied and not changed; its .rev is replaced by ours.
#pragma once

#include <backy/config/document.hpp>
#include <backy/engine/repository.hpp>
#include <backy/history/metadata.hpp>
#include <backy/io/directory.hpp>
#include <backy/legacy/revision.hpp>

namespace backy {

/// In a repository that was adopted: what the Python backy had written of it, for who wants to go back. Neither backy looks into it.
inline constexpr auto* legacy_directory = ".python-backy";

struct adoption {
    std::vector<revision> revisions;
    std::vector<std::string> left;  ///< what stays as it is, and why
    std::string refused;            ///< why nothing is changed at all
};

namespace detail {

/// Of a complete revision that is no raw image.
struct in_pieces : error {
    in_pieces(const std::string& where, const std::string& what, timestamp at) : error(where, what), made_at(at) {}
    timestamp made_at;
};

inline bool is_ours(const std::string& rev, const std::string& path) {
    if (rev.find("\n# sha256 ") != rev.npos) return true;  // sealed; if it is damaged that is not for us to mend
    try {
        return config::parse(rev, path).has("uuid");
    } catch (const config_error&) {
        return false;
    }
}

/// Throws error for a revision that is not taken: one that is not complete, or not a raw image as long as it was.
template <Io I>
revision adoptable_revision(const io::directory<I>& where, const std::string& name, const std::string& text, const revision& like) {
    const auto path = (where.path() / name).string();
    const auto old = legacy::parse_revision(text, path);
    auto r = old.r;
    if (name != r.id + ".rev") throw error(path, "it says that it is revision " + r.id);
    if (!old.complete) throw error(path, "not complete: the Python backy would remove it at its next run (so does backy forget -r " + r.id + " once the directory was adopted)");
    if (old.backend != "cowfile") throw in_pieces(path, "its image is " + old.backend + ": pieces, which only the Python backy can put together", r.made_at);
    if (!where.status_of(r.id)) throw error(path, "its image is missing (backy forget -r " + r.id + " once the directory was adopted)");
    const auto image = where.open(r.id, O_RDONLY | O_NONBLOCK);
    if (!S_ISREG(image.status().st_mode)) throw error(image.path(), "not a regular file");
    r.size = image.size();
    if (r.size < r.stats.bytes_written)
        throw error(image.path(), "it has " + std::to_string(r.size) + " bytes, and " + std::to_string(r.stats.bytes_written) + " were written to it: it was cut off");
    r.source = like.source;
    r.consistency = like.consistency;
    (void)revision_of(config::parse(config::print(to_section(r)), path));  // what could not be read again is not taken
    return r;
}

/// Locks of others, held as long as this lives; `how` is LOCK_SH to see whether they are free. Throws lock_busy.
template <Io I>
std::vector<io::file<I>> lock_out(const io::directory<I>& where, const std::vector<std::string>& names, const std::string& holder, int how = LOCK_EX) {
    std::vector<io::file<I>> held;
    for (const auto& name : names) {
        const auto st = where.status_of(name);
        if (!st || !S_ISREG(st->st_mode)) continue;
        held.push_back(where.open(name, O_RDONLY));
        const auto rc = io::again([&] { return where.io().flock(held.back().descriptor(), how | LOCK_NB); });
        if (rc == -EWOULDBLOCK) throw lock_busy(held.back().path(), "lock: held by " + holder);
        io::check(rc, held.back().path(), "lock");
    }
    return held;
}

/// The Python backy's own in a job's directory: from 2.2 on .backup and .purge, before that, and for whoever reads it, config.
template <Io I>
auto lock_out_python(const io::directory<I>& where, int how = LOCK_EX) {
    return lock_out(where, {"config", ".backup", ".purge"}, "a Python backy (try again when it has ended)", how);
}

}  // namespace detail

/// What would be adopted of a directory, oldest first. `like` has what a .rev of the Python backy does not say: source and consistency.
template <Io I>
adoption adoptable(const io::directory<I>& where, const revision& like) {
    adoption found;
    bool has_ours = false;  // of an import that did not come to its end, too
    std::optional<timestamp> newest_in_pieces;
    constexpr byte_count largest = 1_MiB;  // they have some hundred bytes; yaml-cpp takes 250 for one of them
    for (const auto& name : where.names()) {
        if (!name.ends_with(".rev") || name.starts_with('.') || name == "last.rev") continue;
        try {
            const auto text = where.read(name, largest);
            if (detail::is_ours(text, name)) has_ours = true;
            else found.revisions.push_back(detail::adoptable_revision(where, name, text, like));
        } catch (const detail::in_pieces& e) {
            found.left.push_back(e.what());
            newest_in_pieces = std::max(newest_in_pieces.value_or(e.made_at), e.made_at);
        } catch (const error& e) {
            found.left.push_back(e.what());
        }
    }
    std::ranges::sort(found.revisions, {}, [](const revision& r) { return std::tuple(r.made_at, r.id); });
    if (const auto last = where.status_of("last"); last && !S_ISLNK(last->st_mode)) found.refused = "last is not a link (move it away); nothing was changed";
    else if (found.revisions.empty() && !found.left.empty() && !has_ours) found.refused = "no revision in it can be adopted; nothing was changed";
    else if (newest_in_pieces && !has_ours && found.revisions.back().made_at < *newest_in_pieces)
        found.refused = "its newest revision is in pieces, and an older one would become the last; nothing was changed (start anew beside it: docs/moving.md)";
    return found;
}

/// Adopts them, and puts `config`, if it is not empty, in place of DIR/config at the end: until then neither backy makes a revision there.
/// May be killed at any moment and run again. Where that is refused nothing is changed. Throws lock_busy, error.
template <Store T, Catalog C, Hash H, Clock K, Io I>
adoption adopt(const repository<T, C, H, K>& repository, io::directory<I>& where, const revision& like, const std::string& config) {
    [[maybe_unused]] const auto ours = repository.catalog().lock(false);
    [[maybe_unused]] const auto theirs = detail::lock_out_python(where);
    auto a = adoptable(where, like);
    if (!a.refused.empty()) return a;

    std::optional<io::directory<I>> kept;
    const auto keep = [&](const std::string& name) {
        if (!kept) {
            const auto rc = io::again([&] { return where.io().mkdirat(where.descriptor(), legacy_directory, 0750); });
            if (rc != -EEXIST) io::check(rc, (where.path() / legacy_directory).string(), "mkdir");
            where.sync();
            kept.emplace(where.below(legacy_directory));
        }
        kept->replace(name, where.read(name), ".new", io::sealed_mode);
    };
    for (auto& r : a.revisions) {
        keep(r.id + ".rev");
        auto image = where.open(r.id, O_RDONLY | O_NONBLOCK);
        if ((image.status().st_mode & 07777) != io::sealed_mode) image.set_mode(io::sealed_mode);
        image.sync();  // the Python backy need not have done so
        r.durable = proof{repository.clock().now(), "the image, when it was adopted"};
        repository.catalog().put(r);
        repository.journal().info("revision " + r.id + ": adopted");
    }
    if (!config.empty()) {
        keep("config");
        where.replace("config", config, ".config.new", io::private_mode);
    }
    for (const auto* lock : {".backup", ".purge"})  // ours by now, and empty
        if (const auto st = where.status_of(lock); st && S_ISREG(st->st_mode) && st->st_size == 0) where.remove(lock);
    repository.point(repository.catalog().read());
    if (!repository.catalog().announced()) repository.catalog().at_rest();
    return a;
}

}  // namespace backy
