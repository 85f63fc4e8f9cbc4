// SPDX-License-Identifier: GPL-3.0-or-later
// targets::lvm models InPlaceTarget: "lvm:VG/LV", a logical volume; made in the group's thin pool if it is not there.
#pragma once

#include <backy/lvm/volumes.hpp>
#include <backy/targets/file.hpp>

#include <atomic>
#include <memory>

namespace backy::targets {

template <Io I = io::posix>
class lvm {
public:
    static constexpr auto type = name<"lvm">;
    static bool claims(const std::string& spelling) { return spelling.starts_with(scheme); }

    explicit lvm(const target_request& request, I io = {}) : request_(request), where_(parse(request.spelling)), io_(std::move(io)) {
        const auto all = tools_.volumes(where_.group);
        const auto* const there = backy::lvm::find(all, where_.volume);
        if (!there) {
            const auto pools = std::ranges::count(all, "thin-pool", &backy::lvm::volume::kind);
            if (pools != 1)
                throw error(request.spelling, "restore: it is not there, and " + where_.group +
                                                  (pools == 0 ? " has no thin pool" : " has more than one thin pool") +
                                                  " to make it in (make it: lvcreate)");
            use_pool(*std::ranges::find(all, "thin-pool", &backy::lvm::volume::kind));
            return;
        }
        refuse_special(*there);
        if (!there->active) throw error(request.spelling, "restore: it is not active (lvchange --activate y " + where_.text() + ")");
        if (there->open && !request.force) throw error(request.spelling, "restore: somebody has it open, a VM perhaps (stop it, or use --force)");
        if (there->is_thin()) {
            const auto* const pool = backy::lvm::find(all, there->pool);
            if (!pool) throw error(request.spelling, "restore: its pool " + there->pool + " is not there");
            use_pool(*pool);
            if (!backy::lvm::unmapped_is_zero(tools_, where_)) chunk_ = 0;
        }
        device_.emplace(device_request(), io_);
    }

    byte_count size() const { return device_ ? device_->size() : 0; }
    void read(byte_count at, block out) const { device_->read(at, out); }
    void extents(const extent_visitor& visit) const {
        if (device_ && !fresh_) device_->extents(visit);
    }

    void resize(byte_count n) {
        if (!device_) {
            tools_.run({"lvcreate", "--thin", "--virtualsize", std::to_string(round_up(std::max<byte_count>(n, 1), 512)) + "b", "--name",
                        where_.volume, "--yes", where_.group + "/" + pool_});
            device_.emplace(device_request(), io_);
            fresh_ = true;
        }
        device_->resize(n);
    }
    void write(byte_count at, const_block in) {
        if (!pool_.empty() && (*written_ += in.size()) >= look_after_) {
            *written_ = 0;
            sync();  // what is in the page cache has no chunks yet
            const auto all = tools_.volumes(where_.group);
            if (const auto* const pool = backy::lvm::find(all, pool_)) refuse_if_full(*pool);
        }
        device_->write(at, in);
    }
    /// Whole chunks of a thin volume are given back to the pool; what is left of the extent at either end is written.
    void zero(extent e) {
        const auto end = e.offset + e.length, from = chunk_ > 0 ? round_up(e.offset, chunk_) : end, to = chunk_ > 0 ? end / chunk_ * chunk_ : end;
        if (from >= to || !device_->discard({from, to - from})) return device_->zero(e);
        device_->zero({e.offset, from - e.offset});
        device_->zero({to, end - to});
    }
    void sync() { device_->sync(); }

private:
    static constexpr std::string_view scheme = "lvm:";

    static backy::lvm::location parse(const std::string& spelling) {
        const auto where = backy::lvm::location::parse(spelling.substr(scheme.size()));
        if (!where) throw config_error("restore \"" + spelling + "\"", "needs lvm:VG/LV");
        return *where;
    }
    target_request device_request() const { return {where_.device(), request_.repository, request_.force}; }
    void refuse_special(const backy::lvm::volume& v) const {
        if (v.kind.ends_with("pool") || v.is_a("thicksnapshot") || v.is_a("private") || id_of_snapshot(v.name))
            throw error(request_.spelling, "restore: it is a pool or a snapshot");
        if (v.is_a("extthinorigin")) throw error(request_.spelling, "restore: other volumes are made from it and would change with it");
    }
    /// Where new chunks are not cleared and are larger than our blocks, a block beside one that is written would show what was there.
    void use_pool(const backy::lvm::volume& pool) {
        if (!pool.zeroes && pool.chunk > block_size)
            throw error(request_.spelling,
                        "restore: pool " + pool.name + " does not clear new chunks (lvchange --zero y " + where_.group + "/" + pool.name + ")");
        pool_ = pool.name, chunk_ = pool.chunk, look_after_ = std::min(1_GiB, pool.size / 50);
        refuse_if_full(pool);
    }
    /// Whose pool is full stops all its VMs.
    void refuse_if_full(const backy::lvm::volume& pool) const {
        const backy::lvm::pool_use use(pool);
        if (!request_.force && use.exceeds(90))
            throw error(request_.spelling, "restore: pool " + pool.name + " has " + use.text() + ", above 90 % (extend it, or use --force)");
    }

    target_request request_;
    backy::lvm::location where_;
    I io_;
    backy::lvm::tools tools_;
    std::string pool_;      ///< of a thin volume
    byte_count chunk_ = 0;  ///< what can be given back; 0: nothing
    byte_count look_after_ = 0;
    std::unique_ptr<std::atomic<byte_count>> written_ = std::make_unique<std::atomic<byte_count>>(0);  ///< since the pool was looked at
    std::optional<file<I>> device_;                                                                    ///< none until it is made
    bool fresh_ = false;                                                                               ///< nothing is mapped yet
};
static_assert(InPlaceTarget<lvm<>>);

}  // namespace backy::targets
