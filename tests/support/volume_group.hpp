// SPDX-License-Identifier: GPL-3.0-or-later
// The volume group that tests/guest/inside makes, and volumes in it. The witnesses are LVM's own tools.
#pragma once

#include "program.hpp"

#include <backy/io/file.hpp>
#include <backy/io/posix.hpp>
#include <backy/lvm/volumes.hpp>

namespace support {

inline const std::string group = "backy-test";  // a hyphen is doubled in the names of device-mapper
inline const std::string thin_pool = "thin-pool";

/// What it prints. It has to succeed.
inline std::string says(const std::string& command) {
    const auto r = shell(command);
    INFO(command << ": " << r.out << r.err);
    REQUIRE(r.code == 0);
    return r.out;
}

/// The names of our snapshots in the group, one to a line.
inline std::string lvm_snapshots() { return says("lvs --noheadings -o lv_name " + group + " | tr -d ' ' | grep '^backy-' || true"); }

/// The group is clean: nothing holds the pool's metadata, nothing is tagged as if somebody did.
inline bool is_at_rest() {
    return says("dmsetup status backy--test-thin--pool-tpool | cut -d' ' -f7") == "-\n" && says("lvs --noheadings @backy-reads-metadata").empty();
}

/// A logical volume that goes with the object, and its snapshots with it.
class logical_volume {
public:
    enum class kind { thin, thick };
    logical_volume(kind k, std::size_t size, const std::string& pool = thin_pool) : kind_(k), pool_(pool), name_(fresh_name()) { make(size); }
    logical_volume(const logical_volume&) = delete;
    logical_volume& operator=(const logical_volume&) = delete;
    ~logical_volume() {
        drop();
        shell("for s in $(lvs --noheadings -o lv_name @backy); do lvremove -qq -y " + group + "/$s; done");
    }
    void make(std::size_t size) const {
        const auto bytes = std::to_string(size) + "b " + group;
        if (kind_ == kind::thin) says("lvcreate -qq -y -V " + bytes + "/" + pool_ + " -n " + name_);
        else says("lvcreate -qq -y -Wy -L " + bytes + " -n " + name_);
    }
    void drop() const { shell("lvremove -qq -y " + text()); }
    const std::string& name() const { return name_; }
    std::string text() const { return group + "/" + name_; }
    std::string device() const { return backy::lvm::location{group, name_}.device(); }
    std::size_t size() const { return std::stoul(says("blockdev --getsize64 " + device())); }

    /// Changes what differs, as a guest would: data, zeroes by discarding where that can be, and another size where nobody keeps it.
    void set(const content& c) const {
        if (size() < c.size() || (size() > c.size() && kind_ == kind::thin))
            says("lvresize -qq -y -f -L " + std::to_string(c.size()) + "b " + text());
        auto now = read();
        auto wanted = c;
        wanted.resize(now.size(), '\0');
        backy::io::file<backy::io::posix> file({}, device(), O_RDWR);
        for (std::size_t at = 0; at < wanted.size(); at += backy::block_size) {
            const auto piece = std::string_view(wanted).substr(at, backy::block_size);
            if (piece == std::string_view(now).substr(at, backy::block_size)) continue;
            const bool zero = piece.find_first_not_of('\0') == piece.npos;
            if (!zero || kind_ == kind::thick || !file.discard({at, piece.size()})) file.write(at, backy::bytes_of(piece));
        }
        file.sync();
    }
    content read() const {
        const backy::io::file<backy::io::posix> file({}, device(), O_RDONLY);
        content all(file.size(), '?');
        file.read(0, std::as_writable_bytes(std::span(all)));
        return all;
    }

private:
    static std::string fresh_name() {
        static int count = 0;
        return "test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    }
    kind kind_;
    std::string pool_, name_;
};

}  // namespace support
