// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: scheduler/shell scheduler/commands
#include <backy/scheduler/shell.hpp>

#include <catch2/catch.hpp>

#include <random>

using namespace backy::scheduler;

namespace {

std::vector<std::string> all_lines(telnet_lines& t) {
    std::vector<std::string> lines;
    while (auto line = t.next()) lines.push_back(*line);
    return lines;
}
std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int v : values) text += static_cast<char>(v);
    return text;
}

}  // namespace

TEST_CASE("telnet lines: every end of a line that there is") {
    telnet_lines t;
    t.add(std::string("one\r\ntwo\nthree\r\0four\r\n\r\n\nrest", 29));
    CHECK(all_lines(t) == std::vector<std::string>{"one", "two", "three", "four", "", ""});
    CHECK(t.rest() == "rest");
    t.add("\r");
    CHECK(all_lines(t) == std::vector<std::string>{"rest"});
    t.add("\nx\n");  // the CR LF came in two pieces
    CHECK(all_lines(t) == std::vector<std::string>{"x"});
}

TEST_CASE("telnet lines: options are refused, once each, and negotiation is no text") {
    telnet_lines t;
    t.add("jo" + bytes({255, 253, 1, 255, 251, 3, 255, 253, 1, 255, 254, 1, 255, 252, 3}) + "bs" + bytes({255, 250, 24, 1, 65, 10, 255, 255, 255, 240}) + "\r\n");
    CHECK(all_lines(t) == std::vector<std::string>{"jobs"});
    CHECK(t.take_replies() == bytes({255, 252, 1, 255, 254, 3}));
    t.add(bytes({255, 246, 255, 241, 255, 255}) + "\n");
    CHECK(t.take_replies() == "[yes]\r\n");
    CHECK(all_lines(t) == std::vector<std::string>{"\xff"});
}

TEST_CASE("telnet lines: any bytes, cut anywhere, are the same lines") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    for (int turn = 0; turn < 2000; ++turn) {
        std::string text;
        for (int i = 0; i < 60; ++i) text += static_cast<char>(std::array{255, 250, 240, 253, 1, 13, 10, 0, int{'a'}, 251}[random() % 10]);
        telnet_lines whole, cut;
        whole.add(text);
        for (const char c : text) cut.add(std::string_view(&c, 1));
        CHECK((all_lines(whole) == all_lines(cut) && whole.rest() == cut.rest() && whole.take_replies() == cut.take_replies()));
    }
}
