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

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace backy::sources {

/// Every call is a connection of its own and ends within the limit. Throws source_error, transient if nobody answered; the token is in none
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
        const auto answer = call(verb::put, key, "", value);
        if (answer.result_int() != 200) refuse("put " + key, answer);
        if (!answer.body().starts_with("true")) throw source_error(where(), "put " + key + ": it did not take it");
    }
    /// No error if there is none.
    void remove(const std::string& key) const {
        if (const auto answer = call(verb::delete_, key, "", ""); answer.result_int() != 200) refuse("delete " + key, answer);
    }
    /// Those that begin with the prefix.
    std::vector<std::string> keys(const std::string& prefix) const {
        const auto answer = call(verb::get, prefix, "?keys", "");
        if (answer.result_int() == 404) return {};
        if (answer.result_int() != 200) refuse("list " + prefix, answer);
        const auto list = nlohmann::json::parse(answer.body(), nullptr, false);
        std::vector<std::string> all;
        if (list.is_array())
            for (const auto& key : list)
                if (key.is_string()) all.push_back(key.get<std::string>());
        if (all.size() != list.size()) throw source_error(where(), "list " + prefix + ": the answer is no list of keys");
        return all;
    }
    /// The value of a key; nothing: there is none.
    std::optional<std::string> get(const std::string& key) const {
        auto answer = call(verb::get, key, "?raw", "");
        if (answer.result_int() == 404) return std::nullopt;
        if (answer.result_int() != 200) refuse("get " + key, answer);
        return std::move(answer.body());
    }

private:
    std::string where() const { return "consul " + address_; }
    [[noreturn]] void refuse(const std::string& what, const response& answer) const {  // without the answer's text, which may repeat what we sent
        throw source_error(where(), what + ": HTTP status " + std::to_string(answer.result_int()) + (answer.result_int() == 403 ? " (does the ACL token allow it?)" : ""));
    }

    response call(verb what, const std::string& key, const std::string& query, const std::string& body) const {
        request asked(what, "/v1/kv/" + encoded(key) + query, 11);
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
            throw source_error(where(), e.code().message() + " (try again later)", true);
        }
        return answer;
    }
    boost::asio::awaitable<void> talk(const request& asked, response& answer) const {
        using boost::asio::use_awaitable;
        boost::beast::tcp_stream stream(co_await boost::asio::this_coro::executor);
        stream.expires_after(limit_);
        const auto colon = address_.rfind(':');
        boost::asio::ip::tcp::resolver resolver(stream.get_executor());
        const auto found = co_await resolver.async_resolve(address_.substr(0, colon), address_.substr(colon + 1), use_awaitable);
        co_await stream.async_connect(found, use_awaitable);
        co_await boost::beast::http::async_write(stream, asked, use_awaitable);
        boost::beast::flat_buffer buffer;
        co_await boost::beast::http::async_read(stream, buffer, answer, use_awaitable);
    }
    /// As RFC 3986 has it for a path.
    static std::string encoded(const std::string& key) {
        std::string text;
        for (const char c : key) {
            constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
            char hex[4];
            std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
            text += plain.find(c) != plain.npos ? std::string(1, c) : hex;
        }
        return text;
    }

    std::string address_, token_;
    std::chrono::seconds limit_;
};

}  // namespace backy::sources
