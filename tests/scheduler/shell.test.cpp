// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: scheduler/shell scheduler/commands
#include "support/scratch.hpp"

#include <backy/scheduler/commands.hpp>
#include <backy/scheduler/shell.hpp>

#include <catch2/catch.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_future.hpp>

#include <random>
#include <thread>

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
    t.add(bytes({255, 250, 24}) + "no text" + bytes({255, 255}) + "nor this" + bytes({255, 241}) + "nor that" + bytes({255, 240}) + "text\n");
    CHECK(all_lines(t) == std::vector<std::string>{"text"});
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

namespace {

/// A shell on a Unix socket that answers each line with its words.
class echoing_shell {
public:
    echoing_shell() {
        shell_.listen((dir_ / "socket").string());
        thread_ = std::jthread([this] { context_.run(); });
    }
    ~echoing_shell() { context_.stop(); }
    /// What is answered until the shell ends the session, or to `text` and a quit behind it.
    std::string says_to(const std::string& text) {
        asio::io_context own;
        asio::local::stream_protocol::socket socket(own);
        socket.connect({(dir_ / "socket").string()});
        boost::system::error_code ignored;
        asio::write(socket, asio::buffer(text), ignored);
        std::string said;
        asio::read(socket, asio::dynamic_buffer(said), ignored);
        return said;
    }

private:
    static asio::awaitable<answer> echo(std::vector<std::string> words, bool) {
        if (words[0] == "quit") co_return nullptr;
        co_return lines_of(backy::join(words, "|") + "\n");
    }
    support::scratch dir_{support::plain()};
    asio::io_context context_;
    backy::silent_journal journal_;
    shell_server shell_{context_.get_executor(), journal_, echo};
    std::jthread thread_;
};
const std::string prompt = std::string("backy-") + backy::version + " % ";

/// What a daemon has that commands ask.
struct daemon_double {
    std::shared_ptr<const backy::monitoring::report> report() const { return std::make_shared<backy::monitoring::report>(all); }
    backy::timestamp now() const { return {}; }
    asio::awaitable<answer> off_loop(auto work) { co_return work(); }
    std::size_t idle_workers(pool p) const { return p == pool::fast ? 3 : 2; }
    std::string run_now(const std::string& job) {
        if (job == "none") throw backy::error("run", "no job \"none\"\nor so");
        return asked += job, job + ": due now";
    }
    asio::awaitable<std::string> reload() {
        asked += "reload";
        co_return "reloaded";
    }
    backy::monitoring::report all;
    std::string asked = {};
};

/// The answer as text; "(end)" for the end of the session.
std::string answer_of(daemon_double& d, const std::string& line, bool may_change) {
    asio::io_context context;
    auto said = asio::co_spawn(context, run_command(d, backy::split(line, ' '), may_change), asio::use_future);
    context.run();
    const auto text = said.get();
    return text ? *text : "(end)";
}

}  // namespace

TEST_CASE("shell server: a prompt, an answer to each line, and an end") {
    echoing_shell shell;
    CHECK(shell.says_to("jobs\r\n  run   a \n\n \nquit\nnever\n") == prompt + "jobs\r\n" + prompt + "run|a\r\n" + prompt + prompt + prompt);
}

TEST_CASE("shell server: a line has 4096 bytes at most, whole or not, and a browser is not served") {
    echoing_shell shell;
    const std::string longest(4096, 'x');
    CHECK(shell.says_to(longest + "\nquit\n") == prompt + longest + "\r\n" + prompt);
    CHECK(shell.says_to(longest + "x\nquit\n") == prompt + "a line of more than 4096 bytes\r\n");
    CHECK(shell.says_to(longest + "x") == prompt + "a line of more than 4096 bytes\r\n");
    CHECK(shell.says_to("GET / HTTP/1.1\r\njobs\r\nquit\r\n") == prompt);
}

TEST_CASE("shell commands: what changes something is only there for who may, and what is wrong is said on one line") {
    daemon_double d;
    d.all.jobs.resize(2);
    d.all.jobs[0].job = "one", d.all.jobs[0].state = "waiting", d.all.jobs[1].job = "two", d.all.jobs[1].state = "running";
    CHECK(answer_of(d, "quit", false) == "(end)");
    CHECK(answer_of(d, "exit", true) == "(end)");
    CHECK(answer_of(d, "jobs tw", false).ends_with("1 job shown\r\n"));
    CHECK(answer_of(d, "jobs a b", false) == "Usage: jobs [REGEX]\r\n");
    CHECK(answer_of(d, "jobs (", false) == "jobs: bad expression: missing ): (\r\n");
    CHECK(answer_of(d, "status", false).find("| Idle Workers (fast) | 3      |\r\n| Idle Workers (slow) | 2      |") != std::string::npos);
    CHECK(answer_of(d, "status now", true) == "Usage: status\r\n");
    CHECK(answer_of(d, "fo\x1b[2J", true) == "unknown command \"fo\\x1b[2J\" (try help)\r\n");

    CHECK(answer_of(d, "run one", true) == "one: due now\r\n");
    CHECK(answer_of(d, "run", true) == "Usage: run JOB\r\n");
    CHECK(answer_of(d, "run one two", true) == "Usage: run JOB\r\n");
    CHECK(answer_of(d, "run none", true) == "run: no job \"none\"\\nor so\r\n");
    CHECK(answer_of(d, "reload", true) == "reloaded\r\n");
    CHECK(answer_of(d, "reload it", true) == "Usage: reload\r\n");
    CHECK(d.asked == "onereload");
    CHECK(answer_of(d, "run one", false) == "unknown command \"run\" (try help)\r\n");
    CHECK(answer_of(d, "reload", false) == "unknown command \"reload\" (try help)\r\n");
    CHECK(d.asked == "onereload");
    CHECK((answer_of(d, "help", true).find("run JOB") != std::string::npos && answer_of(d, "help", false).find("run JOB") == std::string::npos));
}
