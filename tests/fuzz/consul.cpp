// SPDX-License-Identifier: GPL-3.0-or-later
// Answers of a Consul agent, through a real connection.
#include "target.hpp"

#include <backy/sources/consul.hpp>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <semaphore>
#include <thread>

using namespace backy;
using fuzz::must;

namespace {

const std::string token = "t0k3n-of-an-acl";  // the corpus has it too
const std::string value = R"({"vm": "vm1"})";

/// Answers every request by what it was given, and hangs up.
class agent {
public:
    agent() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        ::sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        ::socklen_t size = sizeof any;
        auto* const address = reinterpret_cast<::sockaddr*>(&any);
        must(::bind(listening_, address, size) == 0 && ::listen(listening_, 8) == 0 && ::getsockname(listening_, address, &size) == 0, "a port can be had");
        port_ = ::ntohs(any.sin_port);
        std::thread([this] { serve(); }).detach();
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

    /// Until a request has been answered; the answer may change then.
    void wait() { answered_.acquire(); }

    std::string_view answer;

private:
    void serve() {
        for (;;) {
            const int client = ::accept(listening_, nullptr, nullptr);
            std::string asked;
            for (char bytes[4096]; !is_whole(asked);) {
                const auto n = ::recv(client, bytes, sizeof bytes, 0);
                if (n <= 0) break;
                asked.append(bytes, static_cast<std::size_t>(n));
            }
            (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
            ::shutdown(client, SHUT_WR);
            for (char bytes[4096]; ::recv(client, bytes, sizeof bytes, 0) > 0;) {
            }
            ::close(client);
            answered_.release();
        }
    }
    static bool is_whole(const std::string& asked) { return asked.ends_with(asked.starts_with("PUT") ? value : "\r\n\r\n"); }

    int listening_;
    std::uint16_t port_ = 0;
    std::binary_semaphore answered_{0};
};

/// True: it was taken.
bool taken(auto call) {
    try {
        call();
        return true;
    } catch (const sources::consul_error& e) {
        const std::string_view text = e.what();
        must(text.starts_with("consul 127.0.0.1:"), "an error says where");
        must(text.find(token) == text.npos, "the token is in no error");
        must(text.size() < 200 && std::ranges::none_of(text, fuzz::is_control), "an error is a line of ours, whatever came");
        return false;
    }
}

}  // namespace

void fuzz::one(std::string_view input) {
    static auto& there = *new agent;  // its thread goes on until the process ends
    there.answer = input;
    const sources::consul consul(there.address(), token);
    const auto has = [&](std::string_view text) {  // in this order, since chunks may cut it
        for (const char c : input)
            if (!text.empty() && c == text.front()) text.remove_prefix(1);
        return text.empty();
    };
    if (taken([&] { consul.put("snapshot/x", value); })) must(has("HTTP/1. 200 true"), "only 200 with true is a yes");
    there.wait();
    if (taken([&] { consul.remove("snapshot/x"); })) must(has("HTTP/1. 200"), "only 200 is a yes");
    there.wait();
}
