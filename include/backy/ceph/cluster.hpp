// SPDX-License-Identifier: GPL-3.0-or-later
// A Ceph cluster as a configuration and the environment name it: how it is reached, where an image lies in it, and a pool that is open.
#pragma once

#include <backy/core/section.hpp>

#include <rados/librados.h>

#include <cstdlib>
#include <memory>

namespace backy::ceph {

/// A result of librados or librbd, which is 0 or more. Throws source_error for any other; transient, and saying so, if the cluster may
/// well answer later.
inline long check(long rc, const std::string& where, const std::string& what) {
    if (rc >= 0) return rc;
    const auto code = static_cast<int>(-rc);
    if (code == ESHUTDOWN) throw source_error(where, what + ": the cluster has shut this client out (blocklisted; try again later)", true);
    const bool transient = code == ETIMEDOUT || code == ENOTCONN || code == EAGAIN || code == EBUSY;
    throw source_error(where, what + ": " + message_of(code) + (transient ? " (try again later)" : ""), transient);
}

/// How a cluster is reached. What is empty is as CEPH_ARGS and CEPH_CONF say, and else Ceph's default.
struct access {
    static constexpr std::array<std::string_view, 4> keys{"cluster", "conf", "user", "timeout"};

    std::string cluster = {}, conf = {}, user = {};
    std::chrono::seconds timeout{30};  ///< for the connection and for every single call
    bool operator==(const access&) const = default;

    static access from(const section& table) {
        return {table.get<std::string>("cluster", ""), table.get<std::string>("conf", ""), table.get<std::string>("user", ""), table.duration("timeout", "30s")};
    }

    /// With those words of CEPH_ARGS that have to be known before there is a handle; librados itself reads the others.
    access with_environment() const {
        auto a = *this;
        const auto* const text = std::getenv("CEPH_ARGS");
        auto words = split(text ? text : "", ' ');
        std::erase(words, "");
        access said;
        for (std::size_t i = 0; i < words.size(); ++i) {
            const auto equals = words[i].find('=');
            const auto key = words[i].substr(0, equals);
            const auto value = equals != words[i].npos ? words[i].substr(equals + 1) : i + 1 < words.size() ? words[i + 1] : "";
            if (key == "--cluster") said.cluster = value;
            if (key == "-c" || key == "--conf") said.conf = value;
            if (key == "--id" || key == "--user") said.user = value;
            if ((key == "-n" || key == "--name") && value.starts_with("client.")) said.user = value.substr(7);
        }
        if (a.cluster.empty()) a.cluster = said.cluster;
        if (a.conf.empty()) a.conf = said.conf;
        if (a.user.empty()) a.user = said.user;
        return a;
    }
};

/// Where an image lies.
struct location {
    std::string pool, space, image;  ///< space: the namespace, often ""
    bool operator==(const location&) const = default;

    /// "POOL/IMAGE" or "POOL/NAMESPACE/IMAGE"; nothing for anything else.
    static std::optional<location> parse(const std::string& spelling) {
        auto parts = split(spelling, '/');
        if (parts.size() == 2) parts.insert(parts.begin() + 1, "");
        if (parts.size() != 3 || parts[0].empty() || parts[2].empty() || spelling.find('@') != spelling.npos) return std::nullopt;
        return location{parts[0], parts[1], parts[2]};
    }
    std::string text() const { return pool + "/" + (space.empty() ? "" : space + "/") + image; }
};

/// A connection to a cluster, and one of its pools in one of its namespaces. Several threads may use it.
class pool {
public:
    /// Throws source_error when the cluster cannot be reached within the time-out, refuses the user, or has no such pool.
    pool(const access& how, const location& where) {
        const auto known = how.with_environment();
        const auto user = known.user.empty() ? std::string("admin") : known.user;
        ::rados_t cluster = nullptr;
        check(::rados_create2(&cluster, known.cluster.empty() ? "ceph" : known.cluster.c_str(), ("client." + user).c_str(), 0), "ceph", "create");
        cluster_.reset(cluster);
        const auto conf = known.conf.empty() ? "ceph configuration" : known.conf;
        check(::rados_conf_read_file(cluster, known.conf.empty() ? nullptr : known.conf.c_str()), conf, "read");
        check(::rados_conf_parse_env(cluster, nullptr), "CEPH_ARGS", "read");
        const auto limit = std::to_string(how.timeout.count());
        for (const auto& [key, value] : {std::pair<const char*, const char*>{"client_mount_timeout", limit.c_str()},
                                         {"rados_mon_op_timeout", limit.c_str()},
                                         {"rados_osd_op_timeout", limit.c_str()},
                                         // With two, an image that is closed at once may be destroyed while the other thread still looks at its state
                                         // (librbd::ImageState, 16.2.15: an abort, or a wait for ever).
                                         {"librados_thread_count", "1"},
                                         {"rbd_cache", "false"}})  // we read once, and what we write has to be there
            check(::rados_conf_set(cluster, key, value), "ceph", std::string("set ") + key);

        const auto rc = ::rados_connect(cluster);
        if (rc == -ENOENT)
            throw source_error("ceph as client." + user, "connect: no keyring for it (key `keyring` of ceph.conf; key `user` of the source)");
        check(rc, "ceph as client." + user, "connect");
        ::rados_ioctx_t io = nullptr;
        check(::rados_ioctx_create(cluster, where.pool.c_str(), &io), "ceph", "pool \"" + where.pool + "\"");
        io_.reset(io);
        ::rados_ioctx_set_namespace(io, where.space.c_str());
        ::rados_set_pool_full_try(io);  // of a full pool we want to hear, not to wait for it
    }

    ::rados_ioctx_t io() const { return io_.get(); }
    /// Another one under the same name has another.
    std::string identity() const {
        char fsid[40] = {};
        check(::rados_cluster_fsid(cluster_.get(), fsid, sizeof fsid), "ceph", "fsid");
        return std::string(fsid) + " pool " + std::to_string(::rados_ioctx_get_id(io()));
    }

private:
    struct shut_down {
        void operator()(void* cluster) const { ::rados_shutdown(cluster); }
    };
    struct destroy {
        void operator()(void* io) const { ::rados_ioctx_destroy(io); }
    };
    std::unique_ptr<void, shut_down> cluster_;
    std::unique_ptr<void, destroy> io_;
};

}  // namespace backy::ceph
