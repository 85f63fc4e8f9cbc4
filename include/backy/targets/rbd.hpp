// SPDX-License-Identifier: GPL-3.0-or-later
// targets::rbd models InPlaceTarget: `rbd:POOL/IMAGE`, an RBD image, made if it is not there. The cluster is the one that CEPH_CONF and
// CEPH_ARGS name.
#pragma once

#include <backy/ceph/image.hpp>
#include <backy/concepts/target.hpp>
#include <backy/core/name.hpp>

namespace backy::targets {

class rbd {
public:
    static constexpr auto type = name<"rbd">;
    static bool claims(const std::string& spelling) { return spelling.starts_with(scheme); }

    explicit rbd(const target_request& request) : where_(parse(request.spelling)), pool_(std::make_shared<const ceph::pool>(ceph::access{}, where_)) {
        const auto there = ceph::image::find(pool_, where_, "", ceph::image::access::read_only);
        if (!there) return;
        if (!request.force && there->is_locked())
            throw error(request.spelling, "restore: somebody has locked it (rbd lock ls; unlock it, or use --force)");
        if (!request.force && there->watchers() > 0)
            throw error(request.spelling, "restore: somebody has it open, a VM perhaps (rbd status; stop it, or use --force)");
        image_ = ceph::image::open(pool_, where_, "", ceph::image::access::writable);
    }

    byte_count size() const { return image_ ? image_->size() : 0; }
    void read(byte_count at, block out) const { image_->read(at, out); }
    void extents(const extent_visitor& visit) const {
        if (size() > 0) image_->differences("", {0, size()}, image_->has_fast_diff(), visit);
    }

    void resize(byte_count n) {
        if (image_ && image_->size() == n) return;
        if (image_) image_->resize(n);
        else ceph::image::create(*pool_, where_, n);
        image_.reset();  // librbd was seen to go on with the old size
        image_ = ceph::image::open(pool_, where_, "", ceph::image::access::writable);
    }
    void write(byte_count at, const_block in) { image_->write(at, in); }
    void zero(extent e) {
        if (e.length > 0) image_->zero(e);
    }
    void sync() { image_->sync(); }

private:
    static constexpr std::string_view scheme = "rbd:";

    static ceph::location parse(const std::string& spelling) {
        const auto where = ceph::location::parse(spelling.substr(scheme.size()));
        if (!where) throw config_error("restore \"" + spelling + "\"", "needs rbd:POOL/IMAGE or rbd:POOL/NAMESPACE/IMAGE");
        return *where;
    }

    ceph::location where_;
    std::shared_ptr<const ceph::pool> pool_;
    std::optional<ceph::image> image_;  ///< none until it is made
};
static_assert(InPlaceTarget<rbd>);

}  // namespace backy::targets
