// SPDX-License-Identifier: GPL-3.0-or-later
// YAML, as the Python backy writes it, to a section. The only header that includes yaml-cpp.
#pragma once

#include <backy/core/section.hpp>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <set>
#include <sstream>

namespace backy::legacy {

namespace detail {

/// Makes values of what the parser meets. Every scalar is a string: what it means is up to who asks for the key. A null is no value at all.
class builder final : public YAML::EventHandler {
public:
    explicit builder(std::string file) : file_(std::move(file)) {}

    /// The whole document.
    section result() const {
        if (!root_) throw config_error(file_, "must be a map of keys, and there is nothing in it");
        if (const auto* const table = std::get_if<section>(&root_->held)) return *table;
        throw config_error(file_, "must be a map of keys");
    }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (std::exchange(begun_, true)) refuse(mark, "a second document");
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { put(std::nullopt, mark, anchor); }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
        require_plain(mark, tag);
        put(value{text, place_of(mark)}, mark, anchor);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) refuse(mark, "an alias of what it stands in");
        spend(mark, found->second.weight);
        put(found->second.what, mark, YAML::NullAnchor);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override { begin(mark, tag, anchor, false); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override { begin(mark, tag, anchor, true); }
    void OnSequenceEnd() override { end(); }
    void OnMapEnd() override { end(); }

private:
    using maybe = std::optional<value>;

    /// A map or a list that is being read.
    struct open {
        YAML::Mark mark;
        YAML::anchor_t anchor;
        bool is_map;
        std::string path;
        section table = {};
        std::vector<value> list = {};
        std::optional<value> key = {};
        std::set<std::string> keys = {};
        std::vector<section> merged = {};  ///< of `<<`: their keys are taken where there are none of that name
    };
    struct anchored {
        maybe what;
        std::size_t weight;
    };

    static constexpr std::size_t deepest = 64;
    static constexpr std::size_t most_copied = 64'000'000;  ///< bytes that anchors and aliases may make of a few
    static constexpr std::size_t each = 200;                ///< what a value takes beside its text, about

    static place place_of(const YAML::Mark& mark) {
        return mark.is_null() ? place{} : place{static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
    }
    [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& why) const {
        section(file_, stack_.empty() ? "" : stack_.back().path, place_of(mark)).refuse("", why);
    }
    /// PyYAML's safe loader would refuse most of the others, and the Python backy writes none.
    void require_plain(const YAML::Mark& mark, const std::string& tag) const {
        if (!tag.empty() && tag != "?" && tag != "!" && tag != "tag:yaml.org,2002:str") refuse(mark, "a value of the type " + tag);
    }

    static std::size_t weight_of(const value& v) {
        if (const auto* const text = std::get_if<std::string>(&v.held)) return each + text->size();
        std::size_t all = each;
        if (const auto* const list = std::get_if<std::vector<value>>(&v.held))
            for (const auto& one : *list) all += weight_of(one);
        if (const auto* const table = std::get_if<section>(&v.held))
            for (const auto& e : table->entries()) all += e.key.size() + weight_of(e.value);
        return all;
    }
    void spend(const YAML::Mark& mark, std::size_t weight) {
        copied_ += weight;
        if (copied_ > most_copied) refuse(mark, "anchors and aliases make too much of this");
    }

    void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bool is_map) {
        if (tag != "tag:yaml.org,2002:map" && tag != "tag:yaml.org,2002:seq") require_plain(mark, tag);
        if (stack_.size() >= deepest) refuse(mark, "nested too deeply");
        std::string path = stack_.empty() ? "" : stack_.back().path;
        if (!stack_.empty() && stack_.back().key) path += (path.empty() ? "" : ".") + std::get<std::string>(stack_.back().key->held);
        stack_.push_back({mark, anchor, is_map, path, section(file_, path, place_of(mark))});
    }
    void end() {
        auto done = std::move(stack_.back());
        stack_.pop_back();
        for (const auto& from : done.merged)
            for (const auto& e : from.entries())
                if (done.keys.insert(e.key).second) done.table.add(e.key, e.value);
        if (done.is_map) put(value{std::move(done.table), place_of(done.mark)}, done.mark, done.anchor);
        else put(value{std::move(done.list), place_of(done.mark)}, done.mark, done.anchor);
    }

    void put(maybe v, const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) {
            const auto weight = v ? weight_of(*v) : each;
            spend(mark, weight);
            anchors_[anchor] = {v, weight};
        }
        if (stack_.empty()) {
            root_ = std::move(v);
            return;
        }
        auto& in = stack_.back();
        if (!in.is_map) {
            if (!v) refuse(mark, "nothing, where a value should be");
            in.list.push_back(std::move(*v));
        } else if (!in.key) {
            const auto* const text = v ? std::get_if<std::string>(&v->held) : nullptr;
            if (!text) refuse(mark, "a key must be text");
            if (!in.keys.insert(*text).second) refuse(mark, "\"" + *text + "\" is there twice");
            in.key = std::move(v);
        } else {
            const auto key = std::move(*in.key);
            in.key.reset();
            if (std::get<std::string>(key.held) == "<<") merge(in, v, mark);
            else if (v) in.table.add(std::get<std::string>(key.held), {std::move(v->held), key.at});
        }
    }
    void merge(open& in, const maybe& v, const YAML::Mark& mark) const {
        const auto add = [&](const value& one) {
            const auto* const table = std::get_if<section>(&one.held);
            if (!table) refuse(mark, "<< takes the keys of a map, or of a list of maps");
            in.merged.push_back(*table);
        };
        if (const auto* const list = v ? std::get_if<std::vector<value>>(&v->held) : nullptr) std::ranges::for_each(*list, add);
        else add(v ? *v : value{});
    }

    std::string file_;
    bool begun_ = false;
    std::vector<open> stack_;
    std::map<YAML::anchor_t, anchored> anchors_;
    std::size_t copied_ = 0;
    maybe root_;
};

}  // namespace detail

/// The map that a text of one YAML document holds; `file` is its name in messages. Scalars are strings; keys without a value are not there.
/// Throws config_error with line and column.
inline section parse_yaml(const std::string& text, const std::string& file) {
    detail::builder made(file);
    try {
        std::istringstream in(text);
        YAML::Parser parser(in);
        while (parser.HandleNextDocument(made)) {}
    } catch (const YAML::Exception& e) {
        throw config_error(file + (e.mark.is_null() ? "" : ":" + std::to_string(e.mark.line + 1) + ":" + std::to_string(e.mark.column + 1)), e.msg);
    }
    return made.result();
}

/// true, yes, on and their opposites, however their first or all letters are written (YAML 1.1, "Boolean Language-Independent Type").
inline std::optional<bool> parse_yaml_bool(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (text == "true" || text == "yes" || text == "on") return true;
    if (text == "false" || text == "no" || text == "off") return false;
    return std::nullopt;
}

}  // namespace backy::legacy
