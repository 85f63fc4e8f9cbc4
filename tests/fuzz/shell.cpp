// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes that a client sends to the shell, through a real socket to the real server.
#include "target.hpp"

#include <backy/scheduler/commands.hpp>

#include <boost/asio/io_context.hpp>

#include <sys/socket.h>
#include <sys/un.h>

using namespace backy;
using fuzz::must;
namespace asio = boost::asio;

namespace {

struct idle_daemon {
    std::size_t changes = 0;

    std::shared_ptr<const monitoring::report> report() const {
        static const auto two_jobs = [] {
            monitoring::report r;
            for (const auto* const name : {"vm1", "vm2"}) {
                auto& j = r.jobs.emplace_back();
                j.job = name, j.state = "waiting";
            }
            return std::make_shared<const monitoring::report>(r);
        }();
        return two_jobs;
    }
    static timestamp now() { return timestamp{std::chrono::hours(500'000)}; }
    static std::size_t idle_workers(scheduler::pool) { return 1; }
    template <class F>
    static asio::awaitable<std::invoke_result_t<F>> off_loop(F f) {
        co_return f();
    }
    std::string run_now(const std::string& job) { return ++changes, on_one_line(job) + ": due now"; }
    asio::awaitable<std::string> reload() {
        ++changes;
        co_return "reloaded";
    }
};

class session {
public:
    session() : server_(loop_.get_executor(), journal_, [this](auto words, bool) { return run(std::move(words)); }) {
        server_.listen(std::string(name()));
    }

    void with(std::string_view input) {
        answered_ = runs_ = 0;
        const auto received = exchange(input);
        constexpr std::size_t prompt = 32, notice = 64, per_byte = 4;  // IAC AYT is answered by seven bytes
        must(received.size() <= answered_ + (runs_ + 1 + static_cast<std::size_t>(std::ranges::count_if(input, is_end))) * prompt + input.size() * per_byte + notice,
             "a client is sent no more than answers, prompts and refusals");
    }

private:
    static bool is_end(char c) { return c == '\n' || c == '\r'; }

    /// Abstract: of no directory.
    static std::string_view name() {
        static const auto text = std::string(1, '\0') + "backy-fuzz-" + std::to_string(::getpid());
        return text;
    }

    asio::awaitable<scheduler::answer> run(std::vector<std::string> words) {
        std::size_t length = 0;
        for (const auto& word : words) {
            must(!word.empty() && std::ranges::none_of(word, [](char c) { return is_end(c) || c == ' '; }), "a word is a word");
            length += word.size();
        }
        must(!words.empty() && length <= scheduler::longest_line, "a line is bounded");
        must(!scheduler::is_http(join(words, " ")), "a browser is not listened to");
        const auto before = daemon_.changes;
        const auto command = words[0];
        const auto harmless = co_await scheduler::run_command(daemon_, words, false);
        must(daemon_.changes == before, "who may not change anything does not");
        look_at(command, harmless);
        auto answer = co_await scheduler::run_command(daemon_, std::move(words), true);
        look_at(command, answer);
        ++runs_;
        if (answer) answered_ += answer->size();
        co_return answer;
    }
    static void look_at(const std::string& command, const scheduler::answer& answer) {
        must((answer == nullptr) == (command == "quit" || command == "exit"), "only who quits has no answer");
        if (!answer) return;
        must(answer->ends_with("\r\n"), "an answer ends its line");
        for (std::size_t i = 0; i < answer->size(); ++i)
            must(!fuzz::is_control((*answer)[i]) || answer->substr(i, 2) == "\r\n" || (*answer)[i] == '\n', "an answer has no controls");
        if (command != "jobs" && command != "status" && command != "help")
            must(std::ranges::count(*answer, '\n') == 1 && answer->size() <= 4 * scheduler::longest_line + 100, "what is refused is one line");
    }

    std::string exchange(std::string_view input) {
        ::sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::ranges::copy(name(), address.sun_path);
        const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(::connect(client, reinterpret_cast<::sockaddr*>(&address), static_cast<::socklen_t>(offsetof(::sockaddr_un, sun_path) + name().size())) == 0,
             "the shell listens");
        must(::send(client, input.data(), input.size(), MSG_NOSIGNAL) == static_cast<::ssize_t>(input.size()), "a socket holds an input");
        ::shutdown(client, SHUT_WR);
        std::string received;
        for (char bytes[65536];;) {
            loop_.poll();
            const auto n = ::recv(client, bytes, sizeof bytes, MSG_DONTWAIT);
            if (n > 0) received.append(bytes, static_cast<std::size_t>(n));
            else if (n == 0 || errno != EAGAIN) break;  // the server has hung up, perhaps without having read all
        }
        ::close(client);
        loop_.poll();
        return received;
    }

    asio::io_context loop_;
    silent_journal journal_;
    idle_daemon daemon_;
    scheduler::shell_server server_;
    std::size_t answered_ = 0, runs_ = 0;
};

}  // namespace

void fuzz::one(std::string_view input) {
    scheduler::telnet_lines whole, cut;
    whole.add(input);
    cut.add(input.substr(0, input.size() / 2));
    cut.add(input.substr(input.size() / 2));
    while (const auto line = whole.next()) must(line == cut.next() && line->find_first_of("\r\n") == line->npos, "lines are the same however they come");
    must(whole.rest() == cut.rest() && whole.take_replies() == cut.take_replies(), "so is what follows them, and what is replied");

    static session s;
    s.with(input);
}
