// SPDX-License-Identifier: GPL-3.0-or-later
// consul: the key-value store of a Consul agent, by HTTP (developer.hashicorp.com/consul/api-docs/kv). The only header that includes Beast.
#pragma once

#include <backy/core/error.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <chrono>
#include <string>

namespace backy::sources {

struct consul_error : source_error {
    using source_error::source_error;
};

/// Every call is a connection of its own, and ends within the limit and the time that the name of the host takes. Keys are made of
/// characters that need no escape in a path. Throws consul_error, transient if nobody answered; the token is in none
/// of them. threads: one.
class consul {
    using request = boost::beast::http::request<boost::beast::http::string_body>;
    using response = boost::beast::http::response<boost::beast::http::string_body>;
    using verb = boost::beast::http::verb;

public:
    /// `address`: HOST:PORT. `token`: of an ACL; "": none.
    consul(std::string address, std::string token, std::chrono::seconds limit = std::chrono::seconds(10))
        : address_(std::move(address)), token_(std::move(token)), limit_(limit) {}

    void put(const std::string& key, const std::string& value) const {
        const auto answer = call(verb::put, key, value);
        if (answer.result_int() != 200) refuse("put " + key, answer);
        if (!answer.body().starts_with("true")) throw consul_error(where(), "put " + key + ": it did not take it");
    }
    /// No error if there is none.
    void remove(const std::string& key) const {
        if (const auto answer = call(verb::delete_, key, ""); answer.result_int() != 200) refuse("delete " + key, answer);
    }

private:
    std::string where() const { return "consul " + address_; }
    [[noreturn]] void refuse(const std::string& what, const response& answer) const {  // without the answer's text, which may repeat what we sent
        const auto status = answer.result_int();
        throw consul_error(where(),
                           what + ": HTTP status " + std::to_string(status) +
                               (status == 403   ? " (does the ACL token allow it?)"
                                : status >= 500 ? " (try again later)"
                                                : ""),
                           status >= 500);
    }

    response call(verb what, const std::string& key, const std::string& body) const {
        request asked(what, "/v1/kv/" + key, 11);
        asked.set(boost::beast::http::field::host, address_);
        if (!token_.empty()) asked.set("X-Consul-Token", token_);
        asked.body() = body;
        asked.prepare_payload();
        std::exception_ptr failure;
        response answer;
        boost::asio::io_context loop;
        boost::asio::co_spawn(loop, talk(asked, answer), [&](std::exception_ptr e) { failure = e; });
        loop.run();
        try {
            if (failure) std::rethrow_exception(failure);
        } catch (const boost::system::system_error& e) {
            throw consul_error(where(), e.code().message() + " (try again later)", true);
        }
        return answer;
    }
    boost::asio::awaitable<void> talk(const request& asked, response& answer) const {
        using boost::asio::use_awaitable;
        boost::beast::tcp_stream stream(co_await boost::asio::this_coro::executor);
        stream.expires_after(limit_);
        const auto colon = address_.rfind(':');
        auto host = address_.substr(0, colon);
        if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);  // IPv6
        boost::asio::ip::tcp::resolver resolver(stream.get_executor());
        const auto found = co_await resolver.async_resolve(host, address_.substr(colon + 1), use_awaitable);
        co_await stream.async_connect(found, use_awaitable);
        co_await boost::beast::http::async_write(stream, asked, use_awaitable);
        boost::beast::flat_buffer buffer;
        co_await boost::beast::http::async_read(stream, buffer, answer, use_awaitable);
    }
    std::string address_, token_;
    std::chrono::seconds limit_;
};

}  // namespace backy::sources
