// SPDX-License-Identifier: GPL-3.0-or-later
// show: everything that is known of one revision.
#pragma once

#include <backy/cli/facts.hpp>
#include <backy/cli/find.hpp>

namespace backy::cli {

namespace detail {

inline std::string facts_text(const json& facts) {
    std::string text;
    const auto line = [&](const std::string& name, const std::string& value) {
        if (!value.empty()) text += name + std::string(name.size() < 13 ? 13 - name.size() : 1, ' ') + on_one_line(value) + "\n";
    };
    const auto word = [&](const json& value) { return value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump(); };
    const auto size = [&](const json& value) { return to_size(value.get<byte_count>()) + " (" + value.dump() + ")"; };
    const auto words = [&](const json& value) { return join(value.get<std::vector<std::string>>(), ", "); };
    const auto &source = facts["source"], &stats = facts["stats"], &digests = facts["digests"];
    line("revision", word(facts["uuid"]));
    line("sequence", word(facts["sequence"]));
    line("made at", word(facts["timestamp"]));
    line("tags", words(facts["tags"]));
    line("trust", word(facts["trust"]));
    line("consistency", word(facts["consistency"]));
    line("attention", words(facts["marks"]));
    line("size", size(facts["size"]));
    line("source", word(source["type"]) + " " + word(source["name"]));
    line("volume", word(source["identity"]));
    line("parent", word(facts["parent"]));
    line("written", size(stats["bytes_written"]));
    line("read", size(stats["bytes_read"]));
    line("duration", word(stats["duration"]) + " s");
    if (!digests.is_null()) line("digests", word(digests["algorithm"]) + ", blocks of " + word(digests["block_size"]) + ", sha256 of all " + word(digests["sha256"]));
    for (const auto& [name, proof] : facts["proof"].items()) line(name, word(proof["at"]) + ": " + word(proof["part"]));
    line("image", word(facts["image"]));
    return text;
}

}  // namespace detail

template <Composition B>
void add_show(CLI::App& app, invocation& call) {
    auto* const command = app.add_subcommand("show", "Everything that is known of one revision");
    struct words {
        std::string spec = "last";
        bool as_json = false;
    };
    const auto w = std::make_shared<words>();
    add_revision_option(*command, w->spec);
    command->add_flag("--json", w->as_json, "As JSON");
    command->callback([&call, w] {
        call.run = [&call, w] {
            with_revisions<B>(call, intent::read, [&](auto& repository, auto& schedule, auto& log) {
                confine_to_files(repository);
                const auto h = repository.catalog().read();
                report_damaged(h, log);
                const auto& r = resolve(h, w->spec);
                using T = std::remove_cvref_t<decltype(repository.store())>;
                auto facts = facts_of(r, repository.store(), schedule);
                facts["image"] = json();
                if constexpr (FileStore<T>) facts["image"] = repository.store().path(r.id).string();
                if (w->as_json) print({{"format", json_format}, {"revision", facts}});
                else std::cout << detail::facts_text(facts);
            });
            return success;
        };
    });
}

}  // namespace backy::cli
