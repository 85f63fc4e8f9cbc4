// SPDX-License-Identifier: GPL-3.0-or-later
// Stands for a Consul agent, which Debian does not package: the documented KV API over HTTP (values, index, ACL token), a thread
// of its own on loopback; and for what can go wrong: it answers late, refuses, answers nonsense, hangs up.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace support {

class consul_double {
    using tcp = boost::asio::ip::tcp;
    using request = boost::beast::http::request<boost::beast::http::string_body>;
    using response = boost::beast::http::response<boost::beast::http::string_body>;

public:
    enum class mood { works, late, refuses, talks_nonsense, hangs_up, says_no, keeps_keys };

    /// `token`: it has to come with every request; "": none has to.
    explicit consul_double(std::string token = "")
        : token_(std::move(token)), acceptor_(loop_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)), serving_([this] { serve(); }) {}
    ~consul_double() {
        over_ = true;
        boost::asio::io_context loop;
        tcp::socket last(loop);
        boost::system::error_code ignored;
        last.connect(acceptor_.local_endpoint(), ignored);  // the accept below returns
        serving_.join();
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

    std::atomic<mood> now = mood::works;
    std::atomic<int> requests = 0;

    std::map<std::string, std::string> contents() const {
        const std::lock_guard lock(guard_);
        std::map<std::string, std::string> all;
        for (const auto& [key, e] : keys_) all[key] = e.value;
        return all;
    }
    void set(const std::string& key, const std::string& value) {
        const std::lock_guard lock(guard_);
        keys_[key] = {value, ++index_};
    }
    /// Everything that ever was put, in order.
    std::vector<std::string> history() const {
        const std::lock_guard lock(guard_);
        return history_;
    }

private:
    struct entry {
        std::string value;
        std::uint64_t modified;
    };

    void serve() {
        for (;;) {
            tcp::socket client(loop_);
            boost::system::error_code ec;
            acceptor_.accept(client, ec);
            if (over_) return;
            ++requests;
            boost::beast::flat_buffer buffer;
            request asked;
            read(client, buffer, asked, ec);
            if (ec || now == mood::hangs_up) continue;
            for (int i = 0; i < 300 && now == mood::late && !over_; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
            auto answer = answer_to(asked);
            answer.prepare_payload();
            write(client, answer, ec);
        }
    }
    response answer_to(const request& asked) {
        namespace http = boost::beast::http;
        const std::lock_guard lock(guard_);
        const auto reply = [&](http::status status, std::string body) {
            response r(status, 11);
            r.set("X-Consul-Index", std::to_string(index_));
            r.body() = std::move(body);
            return r;
        };
        if (now == mood::refuses) return reply(http::status::internal_server_error, "no leader");
        if (now == mood::keeps_keys && asked.method() == http::verb::delete_) return reply(http::status::internal_server_error, "no leader");
        if (now == mood::talks_nonsense) return reply(http::status::ok, "<html>{{");
        if (!token_.empty() && asked["X-Consul-Token"] != token_)
            return reply(http::status::forbidden, "Permission denied: " + std::string(asked["X-Consul-Token"]));
        const std::string target(asked.target());
        if (!target.starts_with("/v1/kv/")) return reply(http::status::not_found, "");
        const auto key = target.substr(7);
        if (asked.method() == http::verb::put) {
            if (now == mood::says_no) return reply(http::status::ok, "false");
            keys_[key] = {asked.body(), ++index_};
            history_.push_back(key + " " + asked.body());
            return reply(http::status::ok, "true");
        }
        if (asked.method() == http::verb::delete_) {
            keys_.erase(key), ++index_;
            return reply(http::status::ok, "true");
        }
        const auto found = keys_.find(key);
        return found == keys_.end() ? reply(http::status::not_found, "") : reply(http::status::ok, found->second.value);
    }

    std::string token_;
    std::atomic<bool> over_ = false;
    boost::asio::io_context loop_;
    tcp::acceptor acceptor_;
    mutable std::mutex guard_;
    std::map<std::string, entry> keys_;
    std::uint64_t index_ = 1;
    std::vector<std::string> history_;
    std::thread serving_;  // last: it uses all of them
};

}  // namespace support
