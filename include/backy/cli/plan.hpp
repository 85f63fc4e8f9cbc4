// SPDX-License-Identifier: GPL-3.0-or-later
// Plan: what a command would do, said instead of done.
#pragma once

#include <backy/cli/command.hpp>
#include <backy/cli/json.hpp>

namespace backy::cli {

/// A command with --dry-run takes no lock, writes no log and changes nothing; what it says is true of the moment at which it says it.
class plan {
public:
    explicit plan(CLI::App& command) {
        auto* const dry = command.add_flag("--dry-run", dry_, "Say what would be done, and do nothing");
        command.add_flag("--json", json_, "Say it as JSON")->needs(dry);
    }

    bool dry() const { return dry_; }
    intent what() const { return dry_ ? intent::read : intent::change; }

    /// would("remove", "revision …")
    void would(std::string action, std::string object) { steps_.emplace_back(std::move(action), std::move(object)); }

    void print() const {
        json all{{"format", json_format}, {"would", json::array()}};
        for (const auto& [action, object] : steps_) {
            if (json_) all["would"].push_back({{"action", action}, {"object", object}});
            else std::cout << "would " << action << ' ' << on_one_line(object) << '\n';
        }
        if (json_) cli::print(all);
        else if (steps_.empty()) std::cout << "nothing would be done\n";
    }

private:
    bool dry_ = false, json_ = false;
    std::vector<std::pair<std::string, std::string>> steps_;
};

/// It lives as long as the command.
inline std::shared_ptr<plan> add_plan(CLI::App& command) { return std::make_shared<plan>(command); }

}  // namespace backy::cli
