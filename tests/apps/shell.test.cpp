// SPDX-License-Identifier: GPL-3.0-or-later
// The shell of a real scheduler: by the real telnet client in a real terminal, by nc, and by clients that mean harm.
#include "support/running_scheduler.hpp"

#include <regex>

using namespace support;
using namespace std::chrono_literals;

namespace {

constexpr auto* hourly = "[schedules.hourly]\nhourly = { interval = \"1h\", keep = 2 }\n";

/// A raw connection to the telnet port.
class client {
public:
    explicit client(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        ::sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(fd_, reinterpret_cast<::sockaddr*>(&address), sizeof address) == 0);
        const ::timeval limit{20, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    client(client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    client(const client&) = delete;
    ~client() {
        if (fd_ >= 0) ::close(fd_);
    }
    /// False: the other side has gone.
    bool send(const std::string& text) const { return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<long>(text.size()); }
    /// Until the text, or the end.
    std::string until(const std::string& text) const {
        std::string all;
        std::array<char, 65536> part;
        while (all.find(text) == all.npos || text.empty()) {
            const auto n = ::recv(fd_, part.data(), part.size(), 0);
            if (n <= 0) return text.empty() ? all : all + "(ended)";
            all.append(part.data(), static_cast<std::size_t>(n));
        }
        return all;
    }
    std::string rest() const { return until(""); }

private:
    int fd_;
};

const std::string prompt = "backy-0.1.0 % ";

std::chrono::milliseconds time_of_jobs(int port) {
    const auto from = std::chrono::steady_clock::now();
    const client c(port);
    c.until(prompt);
    c.send("jobs\r\n");
    CHECK(c.until("shown").find("2 jobs shown") != std::string::npos);
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - from);
}

struct fixture {
    fixture() {
        d.configure(hourly, {{"test01", "hourly"}, {"test02", "hourly"}});
        d.volumes({"test01", "test02"});
        d.start();
        REQUIRE(d.check_becomes(0));
    }
    running_scheduler d;
};

}  // namespace

TEST_CASE("shell: the real telnet client in a real terminal") {
    if (shell("command -v telnet && command -v tmux").code != 0) {
        WARN("SKIPPED: telnet or tmux is not installed");
        return;
    }
    const fixture f;
    const auto socket = (f.d.dir / "tmux").string();
    const auto tmux = [&](const std::string& words) { return shell("tmux -S '" + socket + "' -f /dev/null " + words); };
    REQUIRE(tmux("new-session -d -x 160 -y 50 'TERM=vt100 telnet 127.0.0.1 " + std::to_string(f.d.port) + "; sleep 60'").code == 0);
    const auto screen = [&] { return tmux("capture-pane -p").out; };
    const auto shows = [&](const std::string& text) { return eventually(10s, [&] { return screen().find(text) != std::string::npos; }); };
    CHECK(shows("backy-0.1.0 %"));
    tmux("send-keys 'jobs 0[1]$' Enter");
    CHECK(shows("1 job shown"));
    INFO(screen());
    CHECK(std::regex_search(screen(), std::regex("\\| test01 \\| OK  \\| waiting \\| \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d \\| hourly    \\| +[\\d.]+ s \\| \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d \\| hourly    \\|")));
    CHECK(screen().find("test02") == std::string::npos);
    tmux("send-keys status Enter");
    CHECK(shows("| Idle Workers (fast) | 1      |"));
    tmux("send-keys 'run test01' Enter");
    CHECK(shows("unknown command \"run\" (try help)"));  // read-only here
    tmux("send-keys quit Enter");
    CHECK(shows("Connection closed by foreign host."));
    tmux("kill-server");
}

TEST_CASE("shell: plain lines by nc, and what is wrong is said") {
    const fixture f;
    const auto said = shell("printf 'help\\n\\n   \\njobs (a+\\njobs a b\\nfoo\\x1b[2Jbar\\nstatus now\\njobs (a+)+$\\nquit\\n' | timeout 10 nc -N 127.0.0.1 " + std::to_string(f.d.port)).out;
    INFO(said);
    CHECK(said.starts_with(prompt + "jobs [REGEX]  the jobs"));
    CHECK(said.find("reload") == said.npos);
    CHECK(said.find(prompt + prompt + prompt + "jobs: bad expression: missing ): (a+\r\n") != said.npos);
    CHECK(said.find("Usage: jobs [REGEX]\r\n") != said.npos);
    CHECK(said.find("unknown command \"foo\\x1b[2Jbar\" (try help)\r\n") != said.npos);
    CHECK(said.find("Usage: status\r\n") != said.npos);
    CHECK(said.find("0 jobs shown\r\n") != said.npos);
    const auto local = f.d.shell("help\\nrun\\nrun none\\nrun test01\\nquit\\nnever\\n");
    INFO(local);
    for (const auto* text : {"run JOB  ", "reload   ", "Usage: run JOB\r\n", "run: no job \"none\"\r\n", "test01: due now\r\n"}) CHECK(local.find(text) != local.npos);
    CHECK(local.find("unknown") == local.npos);
    CHECK((fs::status(f.d.base / ".shell").permissions() & fs::perms::all) == fs::perms(0660));
    CHECK(eventually(10s, [&] { return f.d.revisions("test01") == 2; }));
}

TEST_CASE("shell: hostile and half-open connections delay nobody") {
    const fixture f;
    const auto port = f.d.port;

    std::vector<client> silent, halves, endless, floods;
    for (int i = 0; i < 60; ++i) {
        silent.emplace_back(port);  // never says a word, never reads
        halves.emplace_back(port);
        halves.back().send("jo");
    }
    for (int i = 0; i < 20; ++i) {
        floods.emplace_back(port);  // asks and asks and does not read
        for (int n = 0; n < 200; ++n)
            if (!floods.back().send("jobs\nhelp\nstatus\n")) break;
    }
    // an endless line, and one that is a byte too long
    for (const std::size_t length : {std::size_t{1'000'000}, std::size_t{4097}}) {
        const client c(port);
        c.until(prompt);
        for (std::size_t sent = 0; sent < length && c.send(std::string(std::min<std::size_t>(length - sent, 4096), 'x')); sent += 4096) {}
        const auto end = c.rest();
        CHECK((end == "a line of more than 4096 bytes\r\n" || end.empty()));  // a reset may overtake the words
    }
    {
        const client c(port);
        c.until(prompt);
        c.send(std::string(4096, 'x') + "\n");
        CHECK(c.until("\r\n").starts_with("unknown command \"xxx"));
    }
    // a browser
    for (const auto* request : {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\njobs\r\n", "POST /x HTTP/1.0\r\n\r\njobs\r\n"}) {
        const client c(port);
        c.until(prompt);
        c.send(request);
        CHECK(c.rest().empty());
    }
    // expressions that blow up other engines
    {
        const client c(port);
        c.until(prompt);
        c.send("jobs " + std::string(1500, '(') + "a" + std::string(1500, ')') + "\njobs ((((a{1,99}){1,99}){1,99}){1,99})\njobs (x+x+)+y\nquit\n");
        const auto said = c.rest();
        CHECK(said.find("bad expression") != said.npos);
        CHECK(said.find("0 jobs shown") != said.npos);
    }
    // telnet negotiation without end, and bytes without sense
    for (const std::string pattern : {"\xff\xfb\x01", "\xff\xfa\x18", "\xff\xf6", "\r", "\xff", "\x80\n"}) {
        const client c(port);
        std::string text;
        while (text.size() < 200'000) text += pattern;
        c.send(text);
    }
    for (int i = 0; i < 200; ++i) endless.emplace_back(port);
    for (const auto& c : endless) CHECK(c.until(prompt) == prompt);
    for (const auto& c : endless) c.send("jobs test0[12]\r\n");
    for (const auto& c : endless) CHECK(c.until("shown").find("2 jobs shown") != std::string::npos);
    const auto took = time_of_jobs(port);
    std::cout << "jobs took " << took.count() << " ms beside " << silent.size() + halves.size() + floods.size() + endless.size() << " others\n";
    CHECK(took < 2s);
    const auto begun = f.d.logged(": finished");
    f.d.shell("run test02\\n");
    CHECK(eventually(10s, [&] { return f.d.logged(": finished") > begun; }));
    CHECK(f.d.check().code == 0);

    // more than it serves at once: turned away, and room again when others leave
    std::vector<client> crowd;
    for (int i = 0; i < 400; ++i) crowd.emplace_back(port);
    CHECK(std::ranges::count_if(crowd, [](const client& c) { return c.until(prompt) != prompt; }) > 0);
    crowd.clear(), silent.clear(), halves.clear(), endless.clear(), floods.clear();
    CHECK(eventually(10s, [&] { return client(port).until(prompt) == prompt; }));
    CHECK(time_of_jobs(port) < 2s);
}
