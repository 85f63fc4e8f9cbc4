// SPDX-License-Identifier: GPL-3.0-or-later
#include <backy/config/document.hpp>
#include <backy/legacy/yaml.hpp>

#include <catch2/catch.hpp>

using namespace backy;
using legacy::parse_yaml;

namespace {

std::string printed(const std::string& text) { return config::print(parse_yaml(text, "old")); }

std::string refusal(const std::string& text) {
    try {
        return "accepted: " + printed(text);
    } catch (const config_error& e) {
        return e.what();
    }
}

}  // namespace

TEST_CASE("YAML: block and flow style, every scalar as it is written, a null is no key") {
    CHECK(printed("a: 1\nb: [x, 'null', \"y: z\"]\nc: {d: yes, e: ~, f: null}\ng:\nh: 2026-11-22 20:02:25.885246+00:00\n") ==
          "a = \"1\"\nb = [\"x\", \"null\", \"y: z\"]\nh = \"2026-11-22 20:02:25.885246+00:00\"\n\n[c]\nd = \"yes\"\n");
    CHECK(printed("--- \n# a remark\na: !!str 5\n...\n") == "a = \"5\"\n");
}

TEST_CASE("YAML: anchors, aliases and merged keys, of which those of the map itself win") {
    CHECK(printed("x: &x {a: 1, b: 2}\ny:\n  b: 3\n  <<: *x\n") == "\n[x]\na = \"1\"\nb = \"2\"\n\n[y]\nb = \"3\"\na = \"1\"\n");
    CHECK(printed("x: &x {a: 1}\nz: &z {a: 2, b: 2}\ny: {<<: [*x, *z]}\n").ends_with("[y]\na = \"1\"\nb = \"2\"\n"));
}

TEST_CASE("YAML: what is refused, with line and column") {
    CHECK(refusal("") == "old: must be a map of keys, and there is nothing in it");
    CHECK(refusal("# nothing\n") == "old: must be a map of keys, and there is nothing in it");
    CHECK(refusal("- a\n") == "old: must be a map of keys");
    CHECK(refusal("format = 1\nuuid = \"x\"\n") == "old: must be a map of keys");  // ours
    CHECK(refusal("a: 1\nb:\n  c: 1\n  c: 2\n") == "old:4:3: b: \"c\" is there twice");
    CHECK(refusal("a: [1, ~]\n") == "old:1:8: a: nothing, where a value should be");
    CHECK(refusal("{[a]: b}\n") == "old:1:2: a key must be text");
    CHECK(refusal("a: !!binary aGFsbG8=\n") == "old:1:4: a value of the type tag:yaml.org,2002:binary");
    CHECK(refusal("a: !!set {b}\n") == "old:1:4: a value of the type tag:yaml.org,2002:set");
    CHECK(refusal("a: 1\n---\nb: 2\n") == "old:2:1: a second document");
    CHECK(refusal("a: &a [*a]\n") == "old:1:8: a: an alias of what it stands in");
    CHECK(refusal("x: 1\ny: {<<: 1}\n") == "old:2:9: y: << takes the keys of a map, or of a list of maps");
    CHECK(refusal("a: [1\nb: 2\n").starts_with("old:2:"));
    CHECK(refusal("a: *b\n").starts_with("old:1:4: "));
    CHECK(refusal("a: " + std::string(64, '[') + std::string(64, ']')).ends_with(": nested too deeply"));
    CHECK(refusal("a: " + std::string(100'000, '[')).ends_with(": nested too deeply"));
}

TEST_CASE("YAML: a few lines of aliases of aliases do not become gigabytes") {
    std::string text = "a0: &a0 [" + std::string(100, 'x') + "]\n";
    for (int i = 1; i < 20; ++i) {
        const auto before = "*a" + std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int n = 0; n < 10; ++n) text += (n == 0 ? "" : ", ") + before;
        text += "]\n";
    }
    CHECK(refusal(text).ends_with(": anchors and aliases make too much of this"));

    std::string flat = "a: &a " + std::string(1'000'000, 'x') + "\nb:\n";
    for (int n = 0; n < 100; ++n) flat += "- *a\n";
    CHECK(refusal(flat).ends_with(": anchors and aliases make too much of this"));
}

TEST_CASE("YAML: the words for true and false") {
    for (const auto* text : {"true", "Yes", "ON"}) CHECK(legacy::parse_yaml_bool(text) == true);
    for (const auto* text : {"false", "no", "Off"}) CHECK(legacy::parse_yaml_bool(text) == false);
    for (const auto* text : {"", "1", "y"}) CHECK(!legacy::parse_yaml_bool(text));
}
