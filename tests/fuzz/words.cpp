// SPDX-License-Identifier: GPL-3.0-or-later
// What somebody writes as one word: a SPEC, a duration, a moment, tags, an ID, a source.
#include "target.hpp"

#include <backy/history/specifier.hpp>
#include <backy/history/tags.hpp>
#include <backy/sources/file.hpp>
#include <backy/sources/lvm.hpp>

using namespace backy;
using fuzz::must;

namespace {

const history& revisions() {
    static const auto all = [] {
        history h;
        const auto add = [&](const char* id, trust t, std::vector<std::string> tags) {
            revision r;
            r.id = id, r.trust = t, r.tags = std::move(tags), r.sequence = h.next_sequence();
            h.revisions.push_back(std::move(r));
        };
        add("4tTFsNoUVFsLcRBSPTVGtw", trust::verified, {"daily", "weekly"});
        add("4tTFsNoUVFsLcRBSPTVGtx", trust::trusted, {"daily"});
        add("00000000-1111-2222-3333-444444444444", trust::trusted, {"4tTFsN", "last"});
        add("n3cFkF9ZbGcDoQk3Yy5kHD", trust::distrusted, {"by-hand"});
        h.damaged.push_back({"dddddddddddddddddddddd", "its checksum does not match"});
        return h;
    }();
    return all;
}

void look_at_spec(const std::string& spec) {
    const auto& h = revisions();
    const bool is_number = !spec.empty() && spec.find_first_not_of("0123456789") == spec.npos;
    try {
        const auto& r = resolve(h, spec);
        must(&r >= h.revisions.data() && &r < h.revisions.data() + h.revisions.size(), "a revision of the history");
        if (is_number) {
            const auto rank = std::stoul(spec);
            must(&r == &*ranges::next(h.counting().begin(), static_cast<std::ptrdiff_t>(rank)), "a number is a rank among those that count");
        } else if (spec == "last" || spec == "latest") must(&r == h.newest(), "last is the newest that counts");
        else must((r.id.starts_with(spec) && spec.size() >= shortest_prefix) || (r.has_tag(spec) && r.counts()), "an ID, its prefix, or a tag");
    } catch (const history_error&) {
        must(!h.find(spec), "what is there is found");
        must(!is_number || spec.size() > 1 || spec >= "3", "what counts has a number");
    }
}

void look_at_time(const std::string& text) {
    if (const auto d = parse_duration(text)) must(d->count() > 0 && d->count() <= 320'000'000'000, "a duration is positive, and can be added to a moment");
    if (const auto d = parse_date(text)) must(to_text(*d) == text + " 00:00:00", "a date is as it was written");
    if (const auto t = parse_rfc3339(text)) must(to_rfc3339(*t) == text, "a moment is as it was written");
}

void look_at_names(const std::string& text) {
    if (is_revision_id(text)) {
        must(std::filesystem::path(text).filename() == text && text[0] != '.', "an ID is the name of a file");
        must(is_revision_id(uuid_text(text)) && uuid_text(text).size() == 36, "an ID is a UUID");
        must(id_of_snapshot(snapshot_name(text)) == text, "a snapshot has the name of its revision");
    }
    if (const auto id = id_of_snapshot(text)) must(snapshot_name(*id) == text, "only our own snapshots are ours");
    try {
        const auto tags = parse_tags(text);
        must(!tags.empty() && std::ranges::all_of(tags, is_tag) && parse_tags(join(tags, ",")) == tags, "tags are tags");
        for (const auto& tag : tags) must(std::ranges::count(tags, tag) == 1, "each of them once");
    } catch (const config_error&) {
    }
    must(join(split(text, ','), ",") == text, "what is split can be joined");
    must(std::ranges::none_of(on_one_line(text), fuzz::is_control), "a hostile name stays on its line");
}

template <class Source>
void look_at_source(const std::string& spelling) {
    try {
        const auto table = Source::parse(spelling);
        must(table.template get<std::string>("type") == Source::type.c_str(), "it is of its type");
        (void)Source::config::from(table);
    } catch (const config_error&) {
    }
}

}  // namespace

void fuzz::one(std::string_view input) {
    const std::string text(input);
    look_at_spec(text);
    look_at_time(text);
    look_at_names(text);
    look_at_source<sources::file<>>(text);
    look_at_source<sources::lvm<>>(text);
    if (const auto where = lvm::location::parse(text)) must(where->text() == text && where->device().find("/../") == text.npos, "a volume is where it is said to be");
}
