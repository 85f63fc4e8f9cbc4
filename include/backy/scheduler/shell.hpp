// SPDX-License-Identifier: GPL-3.0-or-later
// The shell's lines: telnet, nc and the Unix socket. It knows sockets and limits, and nothing of what a command does.
#pragma once

#include <backy/core/bytes.hpp>
#include <backy/core/error.hpp>
#include <backy/core/journal.hpp>
#include <backy/core/text.hpp>
#include <backy/core/version.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <functional>
#include <optional>
#include <set>

namespace backy::scheduler {
namespace asio = boost::asio;

inline constexpr auto* socket_name = ".shell";  ///< in the base directory
inline constexpr std::size_t longest_line = 4096;
inline constexpr std::size_t most_sessions = 500;
inline constexpr std::chrono::minutes idle_limit{10};   ///< for a whole line: half a line does not buy time
inline constexpr std::chrono::seconds write_limit{30};  ///< for a reader that does not read

/// Bytes of a telnet client (RFC 854, 855) to lines. It refuses every option; plain text passes as it is.
class telnet_lines {
public:
    /// The next line that is whole, without its end.
    std::optional<std::string> next() {
        const auto end = text_.find('\n');
        if (end == text_.npos) return std::nullopt;
        auto line = text_.substr(0, end);
        text_.erase(0, end + 1);
        return line;
    }
    /// What there is of a line that has no end yet.
    const std::string& rest() const { return text_; }
    /// What is to be sent in answer to negotiation.
    std::string take_replies() { return std::exchange(replies_, ""); }

    void add(std::string_view bytes) {
        for (const char c : bytes) add(static_cast<unsigned char>(c));
    }

private:
    enum : unsigned char { se = 240, are_you_there = 246, subnegotiation = 250, will = 251, wont = 252, please_do = 253, dont = 254, command = 255 };
    enum class at { text, command, option, negotiation, negotiation_command };

    void add(unsigned char c) {
        switch (at_) {
            case at::text:
                if (c == command) at_ = at::command;
                else if (c == '\r') text_ += '\n';
                else if (c != '\0' && !(c == '\n' && before_ == '\r')) text_ += static_cast<char>(c);  // CR LF and CR NUL are one end of a line
                before_ = c;
                break;
            case at::command:
                at_ = at::text;
                if (c == command) text_ += static_cast<char>(c);
                else if (c == subnegotiation) at_ = at::negotiation;
                else if (c >= will) asked_ = c, at_ = at::option;
                else if (c == are_you_there) replies_ += "[yes]\r\n";
                break;
            case at::option:
                at_ = at::text;
                if ((asked_ == will || asked_ == please_do) && refused_.insert({asked_, c}).second)
                    replies_ += {static_cast<char>(command), static_cast<char>(asked_ == will ? dont : wont), static_cast<char>(c)};
                break;
            case at::negotiation:
                if (c == command) at_ = at::negotiation_command;
                break;
            case at::negotiation_command: at_ = c == se ? at::text : at::negotiation; break;
        }
    }

    at at_ = at::text;
    unsigned char asked_ = 0, before_ = 0;
    std::set<std::pair<unsigned char, unsigned char>> refused_;  // once each: an answer to an answer would never end
    std::string text_, replies_;
};

/// A browser that was talked into speaking to our port; its next lines may be anything.
inline bool is_http(std::string_view line) { return line.find(" HTTP/") != line.npos; }

/// Lines as the wire has them. Shared, since two hundred clients may be sent the same long table.
using answer = std::shared_ptr<const std::string>;
inline answer lines_of(std::string_view text) {
    std::string sent;
    sent.reserve(text.size() + text.size() / 64);
    for (const char c : text) (c == '\n' ? sent += '\r' : sent) += c;
    return std::make_shared<const std::string>(std::move(sent));
}

/// Runs a command that came as words, and never throws. No answer: the session is over.
using command_runner = std::function<asio::awaitable<answer>(std::vector<std::string> words, bool may_change)>;

/// threads: that of its executor. It outlives its sessions.
class shell_server {
public:
    shell_server(asio::any_io_executor executor, journal& journal, command_runner run)
        : executor_(std::move(executor)), journal_(journal), run_(std::move(run)) {}

    /// Throws error when it cannot listen there.
    void listen(const std::string& address, std::uint16_t port) {
        const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address), port);
        listen<asio::ip::tcp>(endpoint, "telnet " + address + " port " + std::to_string(port), false, [&](auto& acceptor) {
            acceptor.set_option(asio::ip::tcp::acceptor::reuse_address(true));
            if (endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true));
        });
    }
    /// A Unix socket; sessions there may change things.
    void listen(const std::string& path) {
        listen<asio::local::stream_protocol>(asio::local::stream_protocol::endpoint(path), path, true, [](auto&) {});
    }
    void stop() {
        for (auto& close : closers_) close();
    }

private:
    template <class Protocol>
    void listen(const typename Protocol::endpoint& endpoint, const std::string& name, bool may_change, auto prepare) {
        const auto acceptor = std::make_shared<typename Protocol::acceptor>(executor_);
        try {
            acceptor->open(endpoint.protocol());
            prepare(*acceptor);
            acceptor->bind(endpoint);
            acceptor->listen();
        } catch (const boost::system::system_error& e) {
            throw error(name, "listen: " + message_of(e.code().value()));
        }
        closers_.push_back([acceptor] {
            boost::system::error_code ignored;
            acceptor->close(ignored);
        });
        asio::co_spawn(executor_, accept<Protocol>(acceptor, name, may_change), asio::detached);
    }

    template <class Protocol>
    asio::awaitable<void> accept(std::shared_ptr<typename Protocol::acceptor> acceptor, std::string name, bool may_change) {
        while (acceptor->is_open()) {
            auto [code, socket] = co_await acceptor->async_accept(asio::as_tuple(asio::use_awaitable));
            if (!acceptor->is_open()) co_return;
            if (code) {  // no descriptors left, or the client has gone
                journal_.warning(name + ": accept: " + message_of(code.value()));
                asio::steady_timer pause(executor_, std::chrono::milliseconds(200));
                co_await pause.async_wait(asio::use_awaitable);
            } else if (sessions_ < most_sessions) asio::co_spawn(executor_, serve(std::move(socket), may_change), asio::detached);
        }
    }

    /// Closes a socket that does not keep its time; the timer may outlive the session by one turn of the loop.
    template <class Socket>
    class deadline {
    public:
        deadline(const asio::any_io_executor& executor, std::shared_ptr<Socket> socket) : timer_(executor), socket_(std::move(socket)) {}
        void set(std::chrono::steady_clock::time_point when) {
            timer_.expires_at(when);
            timer_.async_wait([socket = socket_](const boost::system::error_code& cancelled) {
                boost::system::error_code ignored;
                if (!cancelled) socket->close(ignored);
            });
        }

    private:
        asio::steady_timer timer_;
        std::shared_ptr<Socket> socket_;
    };

    template <class Socket>
    asio::awaitable<void> serve(Socket accepted, bool may_change) {
        const auto now = [] { return std::chrono::steady_clock::now(); };
        const auto socket = std::make_shared<Socket>(std::move(accepted));
        deadline<Socket> limit(executor_, socket);
        auto line_due = now() + idle_limit;
        const auto send = [&](answer text) -> asio::awaitable<void> {
            limit.set(now() + write_limit);
            co_await asio::async_write(*socket, asio::buffer(*text), asio::use_awaitable);
            limit.set(line_due);
        };
        const auto say = [&](std::string text) { return send(std::make_shared<const std::string>(std::move(text))); };
        ++sessions_;
        try {
            telnet_lines lines;
            std::array<char, longest_line> bytes;
            co_await say(prompt());
            for (bool open = true; open;) {
                lines.add({bytes.data(), co_await socket->async_read_some(asio::buffer(bytes), asio::use_awaitable)});
                if (auto replies = lines.take_replies(); !replies.empty()) co_await say(std::move(replies));
                while (open) {
                    const auto line = lines.next();
                    const auto& text = line ? *line : lines.rest();
                    if (is_http(text)) open = false;
                    else if (text.size() > longest_line) {
                        co_await say("a line of more than " + std::to_string(longest_line) + " bytes\r\n");
                        open = false;
                    } else if (!line) break;
                    else {
                        line_due = now() + idle_limit;
                        if (auto words = words_of(*line); !words.empty()) {
                            const auto text_to_send = co_await run_(std::move(words), may_change);
                            open = text_to_send != nullptr;
                            if (open) co_await send(text_to_send);
                        }
                        if (open) co_await say(prompt());
                    }
                }
            }
        } catch (const std::exception&) {}  // it went away, or was too slow; nothing of one session concerns another
        --sessions_;
    }

    static std::string prompt() { return std::string("backy-") + version + " % "; }

    static std::vector<std::string> words_of(const std::string& line) {
        auto words = split(trimmed(line), ' ');
        std::erase(words, "");
        return words;
    }

    asio::any_io_executor executor_;
    journal& journal_;
    command_runner run_;
    std::vector<std::function<void()>> closers_;
    std::size_t sessions_ = 0;
};

}  // namespace backy::scheduler
