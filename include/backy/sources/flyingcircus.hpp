// SPDX-License-Identifier: GPL-3.0-or-later
// sources::flyingcircus models TrackedSource: an RBD image whose snapshot the VM's host takes, after it has frozen the guest's filesystems.
// It is asked for by a key in Consul that the host watches: snapshot/UUID = {"vm": VM, "snapshot": "backy-ID"}.
#pragma once

#include <backy/history/revision_id.hpp>
#include <backy/io/directory.hpp>
#include <backy/io/posix.hpp>
#include <backy/sources/ceph_rbd.hpp>
#include <backy/sources/consul.hpp>

#include <nlohmann/json.hpp>

namespace backy::sources {

class flyingcircus {
public:
    static constexpr auto type = name<"flyingcircus">;

    struct config {
        ceph_rbd::config rbd;
        std::string vm;
        std::string token, token_file;  ///< of Consul's ACL; at most one of them
        std::string consul_address;
        std::chrono::seconds limit;  ///< for the snapshot to appear
        bool crash_on_timeout;       ///< then we take it, of a guest that is not frozen; else the run fails
        bool operator==(const config&) const = default;

        static config from(const section& table) {
            config c{ceph_rbd::config::from(table,
                                            {"vm", "consul_acl_token", "consul_acl_token_file", "consul-address", "snapshot-timeout", "on-timeout"}),
                     table.get<std::string>("vm"),
                     table.get<std::string>("consul_acl_token", ""),
                     table.get<std::string>("consul_acl_token_file", ""),
                     table.get<std::string>("consul-address", "127.0.0.1:8500"),
                     {},
                     true};
            if (c.vm.empty()) table.refuse("vm", "must be the name of a VM");
            if (!c.token.empty() && !c.token_file.empty())
                table.refuse("consul_acl_token_file", "there is consul_acl_token as well; only one of them");
            if (!c.token_file.empty() && c.token_file.front() != '/')
                table.refuse("consul_acl_token_file", "must be an absolute path");  // it may be the token itself
            if (c.token.find_first_of("\r\n") != c.token.npos) table.refuse("consul_acl_token", "must be one line");
            const auto colon = c.consul_address.rfind(':');
            if (colon == 0 || colon == c.consul_address.npos || colon + 1 == c.consul_address.size())
                table.refuse("consul-address", "must be HOST:PORT: \"" + c.consul_address + "\"");
            c.limit = table.duration("snapshot-timeout", "60s");
            const auto then = table.get<std::string>("on-timeout", "crash");
            if (then != "crash" && then != "fail") table.refuse("on-timeout", "unknown: \"" + then + "\"; known here: crash, fail");
            c.crash_on_timeout = then == "crash";
            return c;
        }
    };
    /// POOL/IMAGE,VM[,TOKEN]; a TOKEN that begins with / is the path of a file that has it.
    static section parse(const std::string& spelling) {
        const auto parts = split(spelling, ',');
        const auto where = ceph::location::parse(parts[0]);
        if (!where || parts.size() < 2 || parts.size() > 3 || parts[1].empty() || parts.back().empty())
            throw config_error("source", "flyingcircus: needs POOL/IMAGE,VM[,TOKEN or its file]");  // without what was given: it may have a token
        auto table = ceph_rbd::table_of(type.c_str(), *where);
        table.set("vm", {parts[1]});
        if (parts.size() == 3) table.set(parts[2].starts_with('/') ? "consul_acl_token_file" : "consul_acl_token", {parts[2]});
        return table;
    }

    flyingcircus(config c, journal& j) : config_(std::move(c)), journal_(j), rbd_(config_.rbd, j) {}

    std::string name() const { return rbd_.name(); }
    tracking tracked() const { return rbd_.tracked(); }

    /// `application` if the host has made the snapshot, `crash` if we had to. Takes up to the time-out.
    ceph_rbd::snapshot freeze(const revision_id& id) {
        rbd_.require();  // before a guest is frozen for it
        std::vector<std::string> remarks;
        std::string why;
        std::optional<ceph_rbd::snapshot> made;
        const auto agent = connected();
        {
            const withdrawal at_the_end{agent, id, remarks};
            try {
                agent.put(key_for(id), nlohmann::json{{"vm", config_.vm}, {"snapshot", snapshot_name(id)}}.dump());
                made = wait_for(id);
                if (!made) why = "VM " + config_.vm + " has made no snapshot within " + std::to_string(config_.limit.count()) + " s";
            } catch (const consul_error& e) {
                if (!config_.crash_on_timeout) throw;
                why = e.what();
                remarks.push_back(why);
            }
        }
        if (!made) made = rbd_.find(id, consistency::application);  // it came while the request was withdrawn
        if (made) {
            made->remark(std::move(remarks));
            return *std::move(made);
        }
        if (!config_.crash_on_timeout) throw source_error(name(), "freeze: " + why, true);
        journal_.warning(name() + ": " + why + ": the snapshot is of a guest that is not frozen");
        return rbd_.freeze(id, std::move(remarks));
    }

    std::vector<revision_id> snapshots() { return rbd_.snapshots(); }
    /// Withdraws the request for it as well, if one is left.
    void release(const revision_id& id) {
        rbd_.release(id);
        connected().remove(key_for(id));
    }

private:
    static constexpr std::chrono::milliseconds poll_interval{250};  // a look at the image is some 10 ms

    /// The key goes whatever happens. If it cannot be withdrawn, release() does it later, and somebody should know: a host may freeze its
    /// guest again and again.
    struct withdrawal {
        const consul& agent;
        revision_id id;
        std::vector<std::string>& remarks;
        ~withdrawal() {
            try {
                agent.remove(key_for(id));
            } catch (const std::exception& e) {
                remarks.push_back(std::string(e.what()) + ": the request for a snapshot stays until this revision's snapshot is released");
            }
        }
    };

    /// An ID is a UUID: it names its request, so that no run has to search for what another one left.
    static std::string key_for(const revision_id& id) { return "snapshot/" + uuid_text(id); }

    /// Nothing: it did not come within the limit. A look that fails for the moment is no reason to give up while a guest stands still.
    std::optional<ceph_rbd::snapshot> wait_for(const revision_id& id) {
        for (const auto deadline = std::chrono::steady_clock::now() + config_.limit;;) {
            try {
                if (auto made = rbd_.find(id, consistency::application)) return made;
            } catch (const source_error& e) {
                if (!e.transient()) throw;
                journal_.warning(e.what());
            }
            interruption::point();
            if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
            std::this_thread::sleep_for(poll_interval);
        }
    }

    consul connected() const {
        auto token = config_.token;
        if (const std::filesystem::path file = config_.token_file; !file.empty()) {
            token = io::directory<io::posix>(file.parent_path()).read(file.filename().string());
            token = trimmed(token.substr(0, token.find_first_of("\r\n")));
            if (token.empty()) throw source_error(config_.token_file, "there is no token in its first line");
        }
        return {config_.consul_address, token};
    }

    config config_;
    journal& journal_;
    ceph_rbd rbd_;
};
static_assert(TrackedSource<flyingcircus>);

}  // namespace backy::sources
