// SPDX-License-Identifier: GPL-3.0-or-later
// catalogs::files models Catalog: the metadata of a repository as files in its directory (docs/format.md).
#pragma once

#include <backy/concepts/catalog.hpp>
#include <backy/concepts/confinable.hpp>
#include <backy/config/document.hpp>
#include <backy/core/sha256.hpp>
#include <backy/history/metadata.hpp>
#include <backy/io/posix.hpp>
#include <backy/io/revision_files.hpp>

#include <set>

namespace backy::catalogs {

namespace detail {

inline constexpr std::string_view seal_mark = "# sha256 ";

/// The text and a last line that seals every byte before it.
inline std::string sealed(const std::string& text) { return text + std::string(seal_mark) + sha256_of(text) + '\n'; }

enum class seal { absent, broken, whole };
inline seal seal_of(std::string_view text) {
    const auto body = text.ends_with('\n') ? text.substr(0, text.size() - 1) : text;
    const auto line = body.rfind('\n') + 1;  // npos + 1 is 0
    if (!body.substr(line).starts_with(seal_mark)) return seal::absent;
    return text == sealed(std::string(text.substr(0, line))) ? seal::whole : seal::broken;
}

}  // namespace detail

template <Io I = io::posix>
class files {
public:
    explicit files(const std::filesystem::path& repository, I io = {})
        : directory_(repository, io),
          digests_({.suffix = digests_suffix, .copy_granule = 4_KiB, .direct = false, .must_reflink = ""}, repository, nullptr, io) {}

    /// flock on DIR/.lock, which is never replaced; the guard is the open file.
    io::file<I> lock(bool wait) { return directory_.lock(".lock", wait, "another backy process (try again when it has ended)"); }

    /// By the time of the directory, in which every change of metadata is a rename; thoroughly by those of each .rev, for who edits in place.
    std::string fingerprint(bool thorough) const {
        const auto st = directory_.status();
        std::string text = std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino) + ":" + time_text(st.st_mtim);
        ::timespec newest = st.st_mtim;
        if (thorough)
            for (const auto& name : directory_.names()) {
                if (!name.ends_with(rev_suffix) || name == last_rev) continue;
                const auto rev = directory_.status_of(name);
                if (!rev) return "";
                text += "," + time_text(rev->st_ctim);
                newest = std::max(newest, rev->st_ctim, [](const auto& a, const auto& b) { return std::pair(a.tv_sec, a.tv_nsec) < std::pair(b.tv_sec, b.tv_nsec); });
            }
        // the kernel's clock for files has ticks of some milliseconds: within one a second change would not show
        constexpr ::time_t tick = 1;
        if (newest.tv_sec + tick >= std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())) return "";
        return thorough ? sha256_of(text) : text;
    }

    history read() {
        history h;
        const auto before = in_progress();
        std::set<std::string> names;
        for (int twice = 0; twice < 2; ++twice)  // btrfs can leave out a name that is being replaced
            for (auto& name : directory_.names()) names.insert(std::move(name));
        for (const auto& name : names) {
            if (!name.ends_with(rev_suffix)) continue;
            const auto id = name.substr(0, name.size() - rev_suffix.size());
            if (!is_revision_id(id)) continue;
            for (const bool once_more : {true, false}) {  // for a disk that stumbled: one revision less makes another one the newest
                try {
                    h.revisions.push_back(parse(id, directory_.read(name)));
                    break;
                } catch (const error& e) {
                    if (!once_more && directory_.status_of(name)) h.damaged.push_back({id, e.what()});  // else it was removed while we looked
                }
            }
        }
        h.sort();
        h.strangers = strangers(names, h, before);
        return h;
    }

    void put(const revision& r) {
        const auto text = detail::sealed(config::print(to_section(r)));
        (void)parse(r.id, text);  // what could not be read again is not written
        directory_.replace(r.id + rev_suffix, text, new_rev, io::sealed_mode);
    }
    void remove(const revision_id& id) {
        if (directory_.remove(id + rev_suffix)) directory_.sync();
    }

    void announce(const announcement& a) {
        section s;
        s.set("format", {std::int64_t{1}}).set("pid", {std::int64_t{::getpid()}}).set("source", {a.source});
        s.set("revisions", {values(a.revisions)}).set("snapshots", {values(a.snapshots)});
        directory_.replace(run, detail::sealed(config::print(s)), new_run, io::private_mode);
        for (const auto& id : retired(directory_.names())) directory_.remove(retired_prefix + id);  // gone, or named by the caller again
    }
    /// The metadata get a name that announces them: a rename needs neither an inode nor a block, but for btrfs over its quota or without
    /// metadata, which only removes.
    bool retire(const revision_id& id) {
        try {
            directory_.rename(id + rev_suffix, retired_prefix + id);
        } catch (const no_space&) {
            remove(id);
            return false;
        }
        directory_.sync();
        return true;
    }
    std::optional<announcement> announced() {
        auto a = announced_in_run();
        for (const auto& id : retired(directory_.names())) {
            if (!a) a.emplace();
            a->revisions.push_back(id);
            a->snapshots.push_back(id);
        }
        return a;
    }
    void at_rest() {
        bool changed = directory_.remove(run);
        for (const auto& unfinished : {new_run, new_rev}) changed |= directory_.remove(unfinished);  // of whom a kill kept from renaming it
        for (const auto& id : retired(directory_.names())) changed |= directory_.remove(retired_prefix + id);
        if (changed) directory_.sync();
    }

    void point(const std::optional<revision_id>& id, const std::optional<std::filesystem::path>& image) {
        point_link("last", image ? std::optional(image->filename().string()) : std::nullopt);
        point_link(last_rev, id ? std::optional(*id + rev_suffix) : std::nullopt);
    }

    auto& digests() { return digests_; }
    bool needs_only_files() const { return true; }

private:
    inline static const std::string rev_suffix = ".rev", digests_suffix = ".digests", run = ".run", new_rev = ".rev.new", new_run = ".run.new",
                             retired_prefix = ".retired-", last_rev = "last.rev";

    std::optional<announcement> announced_in_run() const {
        if (!directory_.status_of(run)) return std::nullopt;
        const auto path = (directory_.path() / run).string();
        std::string text;
        try {
            text = directory_.read(run);
        } catch (const error&) {
            if (!directory_.status_of(run)) return std::nullopt;  // the run ended while we looked
            throw;
        }
        const auto unusable = "look at the directory, then remove the file; nothing is cleaned up before that";
        if (detail::seal_of(text) != detail::seal::whole) throw error(path, std::string("its checksum does not match: it is damaged (") + unusable + ")");
        const section s = config::parse(text, path);
        if (s.get<std::int64_t>("format") != 1) s.refuse("format", std::string("this backy knows format 1 (") + unusable + ")");
        const announcement a{s.strings("revisions"), s.strings("snapshots"), s.get<std::string>("source", "")};
        for (const auto* ids : {&a.revisions, &a.snapshots})
            for (const auto& id : *ids)
                if (!is_revision_id(id)) throw error(path, "\"" + id + "\" is no ID of a revision (" + unusable + ")");
        return a;
    }

    static std::string time_text(const ::timespec& t) { return std::to_string(t.tv_sec) + "." + std::to_string(t.tv_nsec); }

    static std::vector<revision_id> retired(const auto& names) {
        std::vector<revision_id> ids;
        for (const std::string& name : names)
            if (name.starts_with(retired_prefix) && is_revision_id(name.substr(retired_prefix.size()))) ids.push_back(name.substr(retired_prefix.size()));
        return ids;
    }

    static std::vector<value> values(const std::vector<revision_id>& ids) {
        std::vector<value> all;
        for (const auto& id : ids) all.push_back({id});
        return all;
    }

    revision parse(const revision_id& id, const std::string& text) const {
        const auto path = (directory_.path() / (id + rev_suffix)).string();
        const auto seal = detail::seal_of(text);
        if (seal == detail::seal::broken) throw error(path, "its checksum does not match: it is damaged");
        const section s = config::parse(text, path);
        revision r = revision_of(s);
        if (r.id != id) throw error(path, "it says that it is revision " + r.id);
        if (seal == detail::seal::absent) {  // complete, if it says how long it took, but nothing in it is proven
            if (!s.table("stats").has("duration")) throw error(path, "neither a checksum nor stats.duration: it is not complete");
            r.sequence.reset();
            r.digests.reset();
            r.unknown.erase("sequence");
            r.unknown.erase("digests");
        }
        return r;
    }

    /// What .run names, or a line that says why it cannot be known.
    struct run_in_progress {
        std::vector<revision_id> revisions;
        std::string trouble;
    };
    run_in_progress in_progress() const {
        try {
            const auto a = announced_in_run();
            return {a ? a->revisions : std::vector<revision_id>{}, ""};
        } catch (const error& e) {
            return {{}, e.what()};
        }
    }

    /// `before`: of the time before the names were listed, for a run may end meanwhile.
    std::vector<std::string> strangers(const std::set<std::string>& names, const history& h, const run_in_progress& before) {
        const auto now = in_progress();
        if (!now.trouble.empty()) return {now.trouble};
        std::set<std::string> ours{"config", ".config.new", ".lock", run, new_run, new_rev, "last", last_rev, ".last.new", ".last.rev.new", ".python-backy"};
        const auto add = [&](const revision_id& id) {
            for (const auto& name : {id, id + digests_suffix}) ours.insert({name, io::revision_files<I>::hidden(name)});
            ours.insert({id + rev_suffix, retired_prefix + id});
        };
        for (const auto& r : h.revisions) add(r.id);
        for (const auto& d : h.damaged) add(d.id);
        std::ranges::for_each(retired(names), add);
        std::ranges::for_each(before.revisions, add);
        std::ranges::for_each(now.revisions, add);
        std::vector<std::string> others;
        for (const auto& name : names)
            if (!ours.contains(name) && !name.starts_with("backy.log")) others.push_back((directory_.path() / name).string() + ": belongs to no revision");
        return others;
    }

    void point_link(const std::string& name, const std::optional<std::string>& text) {
        const auto now = directory_.link_text(name);
        if (now == text) return;
        if (const auto st = directory_.status_of(name); st && !S_ISLNK(st->st_mode))
            throw error((directory_.path() / name).string(), "is no link, so it is not ours and was left alone (move it away)");
        if (text) directory_.link(name, *text);
        else directory_.remove(name);
    }

    io::directory<I> directory_;
    io::revision_files<I> digests_;
};
static_assert(Catalog<files<>> && Confinable<files<>>);

}  // namespace backy::catalogs
