// SPDX-License-Identifier: GPL-3.0-or-later
// A small btrfs or XFS of its own, mounted from a file: one that may be filled, or whose bytes may be changed behind its back. Root only.
#pragma once

#include "support/program.hpp"

#include <sys/statvfs.h>

namespace support {

class small_disk {
public:
    /// `options` of mkfs.
    explicit small_disk(const std::string& type, const std::string& options = "") : type_(type), dir_(plain()) {
        fs::create_directory(path());
        must("truncate -s 320M '" + file().string() + "' && mkfs." + type + " -q " + options + " '" + file().string() + "'");  // XFS wants 300
        mount();
    }
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;
    ~small_disk() { shell("umount '" + path().string() + "'"); }

    fs::path path() const { return dir_ / "mounted"; }
    fs::path file() const { return dir_ / "disk"; }
    void mount() const { must("mount -o loop '" + file().string() + "' '" + path().string() + "'"); }
    void unmount() const { must("umount '" + path().string() + "'"); }

    /// To the last byte that it takes.
    void fill() const {
        shell("cd '" + path().string() + "'; n=$RANDOM$RANDOM; dd if=/dev/zero of=full-$n bs=1M; sync -f .; dd if=/dev/zero of=full-$n bs=4k oflag=append conv=notrunc; sync -f .; dd if=/dev/zero of=full-$n-2 bs=4k; sync -f .");
    }
    void empty() const { must("rm -f '" + path().string() + "'/full-* && sync -f '" + path().string() + "'"); }
    std::uint64_t free() const {
        must("sync -f '" + path().string() + "'");
        if (type_ == "btrfs") must("btrfs filesystem sync '" + path().string() + "'");
        struct ::statvfs st {};
        REQUIRE(::statvfs(path().c_str(), &st) == 0);
        return st.f_bavail * st.f_frsize;
    }

    static void must(const std::string& command) {
        const auto r = shell(command);
        INFO(command << ": " << r.err);
        REQUIRE(r.code == 0);
    }

private:
    std::string type_;
    scratch dir_;
};

}  // namespace support
