// SPDX-License-Identifier: GPL-3.0-or-later
// The real Ceph cluster that tests/lab/ceph runs, and images in it. The witness is Ceph's own `rbd` command.
#pragma once

#include "program.hpp"

#include <backy/ceph/image.hpp>

namespace support {

inline fs::path ceph_lab() { return lab() / "ceph"; }

/// Every program and library of Ceph finds the cluster from here on.
inline void use_ceph() { REQUIRE(::setenv("CEPH_CONF", (ceph_lab() / "ceph.conf").c_str(), 1) == 0); }

/// What Ceph's own tools print. They have to succeed.
inline std::string ceph_says(const std::string& command) {
    use_ceph();
    const auto r = shell("ulimit -t 60\n" + command);
    INFO(command << ": " << r.err);
    REQUIRE(r.code == 0);
    return r.out;
}

/// An image of the pool rbd that goes with the object, with all its snapshots and clones of them (whose names begin with its name).
class rbd_image {
public:
    explicit rbd_image(const std::string& options = "--size 0") : name_(fresh_name()) { ceph_says("rbd create " + options + " " + spec()); }
    rbd_image(const rbd_image&) = delete;
    rbd_image& operator=(const rbd_image&) = delete;
    ~rbd_image() {
        shell("for image in $(rbd ls rbd | grep '^" + name_ +
              "' | sort -r); do for snap in $(rbd snap ls rbd/$image --format json | grep -o '\"protected\":\"true\"' >/dev/null && "
              "rbd snap ls rbd/$image | awk 'NR > 1 {print $2}'); do rbd snap unprotect rbd/$image@$snap; done; "
              "rbd snap purge --no-progress rbd/$image; rbd rm --no-progress rbd/$image; done");
    }
    const std::string& name() const { return name_; }
    std::string spec() const { return "rbd/" + name_; }

    /// Writes in place what differs from what is there, as a guest would: data, zeroes by discarding, another size.
    void set(const content& c) {
        if (opened().size() != c.size()) opened().resize(c.size());  // by a handle of its own: once librbd went on with the old size
        auto image = opened();
        content now(c.size(), '\0');
        for (std::size_t at = 0; at < now.size(); at += backy::window_size)
            image.read(at, std::as_writable_bytes(std::span(now)).subspan(at, std::min<std::size_t>(backy::window_size, now.size() - at)));
        const auto piece = [](const content& of, std::size_t at) { return std::string_view(of).substr(at, 4096); };
        for (std::size_t at = 0, end = 0; at < c.size(); at = end) {
            const auto kind = [&](std::size_t i) {
                return piece(c, i) == piece(now, i) ? 0 : piece(c, i).find_first_not_of('\0') == content::npos ? 1 : 2;
            };
            for (end = at + 4096; end < c.size() && end - at < backy::window_size && kind(end) == kind(at);) end += 4096;
            end = std::min(end, c.size());
            if (kind(at) == 1) image.zero({at, end - at});
            if (kind(at) == 2) image.write(at, backy::bytes_of(std::string_view(c).substr(at, end - at)));
        }
        image.sync();
    }
    backy::ceph::image opened() const {
        use_ceph();
        const backy::ceph::location where{"rbd", "", name_};
        return backy::ceph::image::open(std::make_shared<const backy::ceph::pool>(backy::ceph::access{}, where), where, "",
                                        backy::ceph::image::access::writable);
    }
    /// What `rbd export` finds in it, or in a snapshot of it.
    content exported(const std::string& snapshot = "") const {
        return ceph_says("rbd export --no-progress " + spec() + (snapshot.empty() ? "" : "@" + snapshot) + " -");
    }
    /// The names, one to a line.
    std::string snapshots() const { return ceph_says("rbd snap ls " + spec() + " | awk 'NR > 1 {print $2}'"); }

private:
    static std::string fresh_name() {
        static int count = 0;
        return "test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    }
    std::string name_;
};

}  // namespace support
