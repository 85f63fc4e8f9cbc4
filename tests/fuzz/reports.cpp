// SPDX-License-Identifier: GPL-3.0-or-later
// What other programs print and other processes write: lvs, thin_delta, the status file, .known.json.
#include "target.hpp"

#include <backy/lvm/thin_pool.hpp>
#include <backy/monitoring/check.hpp>
#include <backy/monitoring/jobs_table.hpp>
#include <backy/scheduler/known.hpp>

using namespace backy;
using fuzz::must;

namespace {

void look_at_lvs(const std::string& text) {
    try {
        const auto all = lvm::volumes_from(text);
        for (const auto& v : all) {
            must(!v.name.empty() && !v.uuid.empty(), "a volume has a name");
            must(std::ranges::count(all, v.uuid, &lvm::volume::uuid) == 1, "and is there once");
            (void)lvm::pool_use(v).text();
        }
    } catch (const error&) {
    }
}

/// What was visited, and whether it came to a good end.
std::pair<std::vector<extent>, bool> delta(std::string_view text, std::size_t cut, byte_count size) {
    std::vector<extent> visited;
    try {
        lvm::delta_reader reader(size, [&](extent e, lvm::difference) { visited.push_back(e); });
        reader.take(text.substr(0, cut));
        reader.take(text.substr(cut));
        reader.finish();
    } catch (const error&) {
        return {visited, false};
    }
    return {visited, true};
}

void look_at_delta(std::string_view text) {
    constexpr byte_count size = 10_MiB + 512;
    const auto [visited, good] = delta(text, text.size(), size);
    byte_count end = 0;
    for (const auto& e : visited) {
        must(e.length > 0 && e.offset >= end && e.offset < size && e.length <= size - e.offset, "extents ascend, within the volume");
        end = e.offset + e.length;
    }
    const auto cut = delta(text, text.size() / 2, size);
    must(cut.second == good && (!good || cut.first == visited), "the same however it comes");
    must(!good || text.find("</superblock>") != text.npos, "an end before the end is an error");
}

template <class T>
std::optional<T> look_at_json(std::string_view text) {
    std::optional<T> object;
    try {
        object = monitoring::parse_json<T>(text, "file");
    } catch (const error&) {
        return std::nullopt;
    }
    const auto once = monitoring::print_json(*object);
    must(std::ranges::count(once, '\n') == 1, "JSON is one line");
    must(monitoring::print_json(monitoring::parse_json<T>(once, "printed")) == once, "what is printed is read as the same");
    return object;
}

void look_at_report(const monitoring::report& r) {
    const timestamp now{std::chrono::hours(500'000)};
    const auto v = monitoring::check(r, now);
    const auto first = v.text.substr(0, v.text.find('\n'));
    must(std::ranges::count(v.text, '|') == 1 && std::ranges::count(first, '|') == 1, "performance data follow the first |, in the first line");
    must(std::ranges::all_of(v.text, [](char c) { return c == '\n' || !fuzz::is_control(c); }), "what a plug-in says has no controls");
    const auto table = monitoring::jobs_table(r, now, [](const auto&) { return true; });
    must(static_cast<std::size_t>(std::ranges::count(table, '\n')) == r.jobs.size() + 5, "a job is a line");
}

}  // namespace

void fuzz::one(std::string_view input) {
    look_at_lvs(std::string(input));
    look_at_delta(input);
    if (const auto r = look_at_json<monitoring::report>(input)) look_at_report(*r);
    look_at_json<scheduler::known_repositories>(input);
}
