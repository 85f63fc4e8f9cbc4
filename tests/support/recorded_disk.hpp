// SPDX-License-Identifier: GPL-3.0-or-later
// A real filesystem on a disk that writes down what it is told, and the disks that a power loss at any moment may leave of it.
//
// What a disk was told is cut by its flushes into windows. After a loss in window w everything before its flush is there; of the writes in
// it any part may be, in any order, torn at any sector. (A disk that is told to flush and lies is no disk to keep backups on.)
#pragma once

#include "support/disk_log.hpp"
#include "support/program.hpp"
#include "support/volume.hpp"

#include <backy/io/file.hpp>
#include <backy/io/posix.hpp>

#include <array>
#include <cstring>

namespace support {
using namespace backy;

inline void must_run(const std::string& command) {
    if (const auto r = shell(command); r.code != 0) throw std::runtime_error(command + ": " + r.err);
}

/// What was written down, in memory. Positions are bytes of the log.
class disk_history {
public:
    struct write {
        std::uint64_t offset;
        std::string_view bytes;
        std::size_t end;  ///< position behind it
    };
    struct window {
        std::vector<write> writes;
        std::size_t end = 0;  ///< position of the flush that ends it
    };

    disk_history(const fs::path& log, std::size_t end) : log_(slurp(log).substr(0, end)) {
        windows_.emplace_back();
        for (std::size_t at = 0; at < log_.size();) {
            disk_log::record r{};
            if (log_.size() - at < sizeof r) throw std::runtime_error("the log of the disk ends in the middle of a record");
            std::memcpy(&r, log_.data() + at, sizeof r);
            windows_.back().end = at;
            at += sizeof r;
            if (r.kind == disk_log::kind::flush) {
                windows_.emplace_back();
                continue;
            }
            windows_.back().writes.push_back({r.offset, std::string_view(log_).substr(at, r.length), at + r.length});
            at += r.length;
        }
        windows_.back().end = log_.size();
    }
    disk_history(const disk_history&) = delete;
    const std::vector<window>& windows() const { return windows_; }

private:
    std::string log_;
    std::vector<window> windows_;
};

/// A loop device over a FUSE file of tests/lab/recorded_disk, with a filesystem of `type` mounted.
class recorded_filesystem {
public:
    recorded_filesystem(const fs::path& dir, const std::string& type) : dir_(dir) {
        fs::create_directory(dir_ / "fuse"), fs::create_directory(dir_ / "mounted");
        must_run(make_command(type) + " '" + (dir_ / "disk").string() + "'");
        must_run("cp --sparse=always '" + (dir_ / "disk").string() + "' '" + start().string() + "'");
        must_run("'" BACKY_RECORDED_DISK "' '" + (dir_ / "fuse").string() + "' '" + (dir_ / "disk").string() + "' '" + log().string() +
                 "' >/dev/null 2>&1 & for i in $(seq 500); do [ -e '" + (dir_ / "fuse/disk").string() + "' ] && exit 0; sleep 0.01; done; exit 1");
        must_run("mount -o loop,nodiscard '" + (dir_ / "fuse/disk").string() + "' '" + path().string() + "'");
    }
    recorded_filesystem(const recorded_filesystem&) = delete;
    ~recorded_filesystem() { shell("umount '" + path().string() + "'; umount '" + (dir_ / "fuse").string() + "'"); }

    fs::path path() const { return dir_ / "mounted"; }
    fs::path start() const { return dir_ / "start"; }  ///< the disk before it was mounted
    fs::path log() const { return dir_ / "log"; }
    /// Everything up to here has been told to the disk.
    std::size_t position() const { return fs::file_size(log()); }

private:
    static std::string make_command(const std::string& type) {
        return type == "btrfs" ? "make() { truncate -s 256M \"$1\" && mkfs.btrfs -q \"$1\"; }; make" : "make() { truncate -s 300M \"$1\" && mkfs.xfs -q \"$1\"; }; make";
    }
    fs::path dir_;
};

/// What a power loss leaves of the writes of its window.
enum class loss { all, in_part, dropped, torn, reordered };
inline constexpr std::array loss_names{"all lost", "in part", "some dropped", "torn", "reordered"};

/// Disks after a power loss, one after the other, in files that are reused. Windows must not descend.
class crashed_disks {
public:
    /// `start`, the disk before all that, becomes what the loss comes after.
    crashed_disks(const disk_history& history, const fs::path& start, const fs::path& dir)
        : history_(history), disk_(dir / "crashed"), base_file_(opened(start)), disk_file_(opened(disk_)) {}
    const fs::path& disk() const { return disk_; }

    /// Returns the last moment at which the loss may have happened, as a position.
    std::size_t make(std::size_t window, loss how, randomness& random) {
        for (; passed_ < window; ++passed_)
            for (const auto& w : history_.windows()[passed_].writes) apply(base_file_, w.offset, w.bytes);
        copy_of_base();
        const auto& [writes, end] = history_.windows()[window];
        if (how == loss::all || writes.empty()) return end;
        if (how == loss::in_part) {
            const auto some = random.below(writes.size()) + 1;
            for (std::size_t i = 0; i < some; ++i) apply(disk_file_, writes[i].offset, writes[i].bytes);
            return some == writes.size() ? end : writes[some - 1].end;
        }
        std::vector<std::size_t> order;
        const auto of_ten = random.below(9) + 1;
        for (std::size_t i = 0; i < writes.size(); ++i)
            if (random.below(10) < of_ten) order.push_back(i);
        if (how == loss::reordered)
            for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
        for (const auto i : order) {
            auto [offset, bytes, unused] = writes[i];
            if (how == loss::torn && !superblock(offset, bytes.size()) && random.below(2) == 0) {
                const auto sectors = bytes.size() / sector, from = random.below(sectors), count = random.below(sectors - from) + 1;
                offset += from * sector, bytes = bytes.substr(from * sector, count * sector);
            }
            apply(disk_file_, offset, bytes);
        }
        return end;
    }

private:
    static constexpr std::size_t sector = 512;
    /// btrfs relies on the disk not to tear its superblock of 4 KiB. On other filesystems a write at these places is one among thousands.
    static bool superblock(std::uint64_t offset, std::size_t size) { return (offset == 64_KiB || offset == 64_MiB) && size == 4_KiB; }
    using file = io::file<io::posix>;
    static file opened(const fs::path& path) { return {io::posix{}, path.string(), O_RDWR | O_CREAT}; }

    void copy_of_base() {
        disk_file_.resize(0);
        disk_file_.resize(base_file_.size());
        std::vector<std::byte> buffer;
        base_file_.extents([&](extent e) {
            buffer.resize(e.length);
            base_file_.read(e.offset, buffer);
            disk_file_.write(e.offset, buffer);
        });
    }
    static void apply(file& to, std::uint64_t offset, std::string_view bytes) { to.write(offset, bytes_of(bytes)); }

    const disk_history& history_;
    fs::path disk_;
    file base_file_, disk_file_;
    std::size_t passed_ = 0;
};

/// Mounts a disk that somebody lost; `whole()` is false if the filesystem itself does not come back.
class mounted_disk {
public:
    mounted_disk(const fs::path& disk, const std::string& type, const fs::path& at) : at_(at) {
        fs::create_directories(at_);
        mounted_ = shell("mount -t " + type + " -o loop,nodiscard" + (type == "xfs" ? ",nouuid" : "") + " '" + disk.string() + "' '" + at_.string() + "'").code == 0;
    }
    mounted_disk(const mounted_disk&) = delete;
    ~mounted_disk() {
        if (mounted_) shell("umount '" + at_.string() + "'");
    }
    bool whole() const { return mounted_; }

private:
    fs::path at_;
    bool mounted_;
};

}  // namespace support
