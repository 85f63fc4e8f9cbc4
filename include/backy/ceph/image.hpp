// SPDX-License-Identifier: GPL-3.0-or-later
// An RBD image, or a snapshot of it, that is open: librbd's C API with its results looked at.
#pragma once

#include <backy/ceph/cluster.hpp>
#include <backy/core/block_map.hpp>

#include <rbd/librbd.h>

#include <functional>
#include <utility>

namespace backy::ceph {

/// threads: const members by several at once, and write and zero too.
class image {
public:
    enum class access { read_only, writable };  ///< writable ones are watched by us, as the cluster says it

    /// The image at a snapshot of it, or as it is now if that is "". Nothing: there is no such image, or no such snapshot of it.
    static std::optional<image> find(std::shared_ptr<const pool> in, const location& where, const std::string& snapshot, access mode) {
        const auto name = where.text() + (snapshot.empty() ? "" : "@" + snapshot);
        ::rbd_image_t opened = nullptr;
        const auto* const at = snapshot.empty() ? nullptr : snapshot.c_str();
        const auto rc = mode == access::writable ? ::rbd_open(in->io(), where.image.c_str(), &opened, at)
                                                 : ::rbd_open_read_only(in->io(), where.image.c_str(), &opened, at);
        if (rc == -ENOENT) return std::nullopt;
        check(rc, name, "open");
        return image(std::move(in), opened, name);
    }
    /// The same, and it has to be there.
    static image open(std::shared_ptr<const pool> in, const location& where, const std::string& snapshot, access mode) {
        if (auto found = find(in, where, snapshot, mode)) return *std::move(found);
        const auto now = snapshot.empty() ? std::nullopt : find(std::move(in), where, "", access::read_only);
        if (!now) throw source_error(where.text(), "open: there is no such image");
        // In a pool that is full a snapshot is made without its object map, and that cannot be opened.
        if (std::ranges::count(now->snapshots(), snapshot) > 0)
            throw source_error(where.text() + "@" + snapshot, "open: it is there and cannot be opened: is a quota of the pool full?");
        throw source_error(where.text(), "open: it has no snapshot " + snapshot);
    }
    /// Of Ceph's default layout, with nothing in it.
    static void create(const pool& in, const location& where, byte_count size) {
        int order = 0;
        check(::rbd_create(in.io(), where.image.c_str(), size, &order), where.text(), "create");
    }

    byte_count size() const {
        std::uint64_t n = 0;
        check(::rbd_get_size(get(), &n), name_, "size");
        return n;
    }
    /// Another image made under the same name has another.
    std::string id() const {
        char text[256] = {};
        check(::rbd_get_id(get(), text, sizeof text), name_, "id");
        return text;
    }
    void read(byte_count at, block out) const {
        const auto got = check(::rbd_read(get(), at, out.size(), reinterpret_cast<char*>(out.data())), name_, at_offset("read", at, out.size()));
        if (static_cast<byte_count>(got) != out.size()) throw source_error(name_, at_offset("read", at, out.size()) + ": it ends there");
    }

    /// Which whole objects changed can be told without asking each of them.
    bool has_fast_diff() const {
        std::uint64_t features = 0, flags = 0;
        check(::rbd_get_features(get(), &features), name_, "features");
        check(::rbd_get_flags(get(), &flags), name_, "flags");
        return (features & RBD_FEATURE_FAST_DIFF) != 0 && (flags & (RBD_FLAG_OBJECT_MAP_INVALID | RBD_FLAG_FAST_DIFF_INVALID)) == 0;
    }
    /// What may differ from that snapshot, and with "" what may be no zeroes, inside of an extent. Whole objects: quickly and coarsely with
    /// fast-diff. Else by a request to each object.
    void differences(const std::string& since, extent within, bool whole_objects, const extent_visitor& visit) const {
        struct {
            const extent_visitor& visit;
            std::exception_ptr failure;
        } call{visit, nullptr};
        const auto take = [](std::uint64_t offset, std::size_t length, int, void* context) {
            auto& to = *static_cast<decltype(call)*>(context);
            try {
                to.visit({offset, length});
                return 0;
            } catch (...) {
                to.failure = std::current_exception();
                return -ECANCELED;
            }
        };
        const auto rc =
            ::rbd_diff_iterate2(get(), since.empty() ? nullptr : since.c_str(), within.offset, within.length, 1, whole_objects ? 1 : 0, take, &call);
        if (call.failure) std::rethrow_exception(call.failure);
        check(rc, name_, since.empty() ? "allocated extents" : "changes since " + since);
    }

    std::vector<std::string> snapshots() const {
        for (int room = 64;;) {
            std::vector<::rbd_snap_info_t> list(static_cast<std::size_t>(room));
            const auto n = ::rbd_snap_list(get(), list.data(), &room);
            if (n == -ERANGE) continue;
            check(n, name_, "list snapshots");
            std::vector<std::string> names;
            for (int i = 0; i < n; ++i) names.emplace_back(list[static_cast<std::size_t>(i)].name);
            if (n > 0) ::rbd_snap_list_end(list.data());
            return names;
        }
    }
    /// No error if there is one of that name.
    void make_snapshot(const std::string& snapshot) const {
        const auto rc = ::rbd_snap_create(get(), snapshot.c_str());
        if (rc == -EDQUOT)
            throw source_error(name_ + "@" + snapshot, "make snapshot: a quota is full (of the pool, or the image's limit of snapshots)");
        if (rc != -EEXIST) check_locked(rc, name_ + "@" + snapshot, "make snapshot");
    }
    /// No error if there is none of that name.
    void remove_snapshot(const std::string& snapshot) const {
        const auto rc = ::rbd_snap_remove(get(), snapshot.c_str());
        if (rc == -EBUSY) throw source_error(name_ + "@" + snapshot, "remove snapshot: it is protected or has clones");
        if (rc != -ENOENT) check_locked(rc, name_ + "@" + snapshot, "remove snapshot");
    }

    /// How many have it open to write, this process included if it has.
    std::size_t watchers() const {
        for (std::size_t room = 16;;) {
            std::vector<::rbd_image_watcher_t> list(room);
            const auto rc = ::rbd_watchers_list(get(), list.data(), &room);
            if (rc == -ERANGE) continue;
            check(rc, name_, "list watchers");
            ::rbd_watchers_list_cleanup(list.data(), room);
            return room;
        }
    }
    /// By somebody's `rbd lock add`; the lock that librbd itself takes to write is none of these.
    bool is_locked() const {
        int exclusive = 0;
        std::vector<char> tag(256), clients(4096), cookies(4096), addresses(4096);
        auto t = tag.size(), c = clients.size(), k = cookies.size(), a = addresses.size();
        const auto n = ::rbd_list_lockers(get(), &exclusive, tag.data(), &t, clients.data(), &c, cookies.data(), &k, addresses.data(), &a);
        if (n == -ERANGE) return true;
        return check(n, name_, "list locks") > 0 && std::string(tag.data()) != "internal";
    }

    void resize(byte_count n) {
        check(::rbd_resize2(
                  get(), n, true, [](std::uint64_t, std::uint64_t, void*) { return 0; }, nullptr),
              name_, "resize to " + std::to_string(n) + " bytes");
    }
    void write(byte_count at, const_block in) {
        check(::rbd_write(get(), at, in.size(), reinterpret_cast<const char*>(in.data())), name_, at_offset("write", at, in.size()));
    }
    /// Gives the space back where that can be done. (rbd_discard would leave alone what is smaller than its granularity.)
    void zero(extent e) { check(::rbd_write_zeroes(get(), e.offset, e.length, 0, 0), name_, at_offset("zero", e.offset, e.length)); }
    void sync() { check(::rbd_flush(get()), name_, "flush"); }

private:
    struct close {
        void operator()(void* opened) const { ::rbd_close(opened); }
    };

    image(std::shared_ptr<const pool> in, ::rbd_image_t opened, std::string name) : pool_(std::move(in)), image_(opened), name_(std::move(name)) {}

    ::rbd_image_t get() const { return image_.get(); }
    /// Of a call that needs the image's lock: librbd says EROFS for whatever keeps it from getting that.
    void check_locked(long rc, const std::string& where, const std::string& what) const {
        if (rc == -EROFS)
            throw source_error(
                where,
                what + (is_locked() ? ": somebody has locked the image (rbd lock ls)" : ": the image's lock is not to be had (try again later)"),
                true);
        check(rc, where, what);
    }
    static std::string at_offset(const char* what, byte_count at, byte_count length) {
        return std::string(what) + " " + to_size(length) + " at offset " + std::to_string(at);
    }

    std::shared_ptr<const pool> pool_;  // closed after the image
    std::unique_ptr<void, close> image_;
    std::string name_;
};

}  // namespace backy::ceph
