// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked about filesystems: is something mounted here, are two paths on the same one, how much room is there.
#pragma once

#include <backy/io/sysfs.hpp>

#include <linux/btrfs.h>
#include <linux/magic.h>

namespace backy::io {

/// By /proc/self/mountinfo (proc(5)); a subvolume of btrfs is none, though its device number is its own.
template <Io I>
bool is_mount_point(const directory<I>& where) {
    const auto wanted = where.real_path();
    const auto unescaped = [](std::string_view text) {  // \040 and its like stand for blanks
        std::string path;
        for (std::size_t i = 0; i < text.size(); ++i)
            if (text[i] == '\\' && i + 3 < text.size()) path += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')), i += 3;
            else path += text[i];
        return path;
    };
    for (const auto& line : split(file<I>(where.io(), "/proc/self/mountinfo", O_RDONLY).text(16_MiB), '\n')) {
        const auto words = split(line, ' ');
        if (words.size() > 4 && unescaped(words[4]) == wanted) return true;
    }
    return false;
}

/// The UUID of a btrfs, whose subvolumes have device numbers of their own; elsewhere the device number.
template <Io I>
std::string filesystem_identity(const file<I>& f) {
    if (f.filesystem() == BTRFS_SUPER_MAGIC) {
        struct ::btrfs_ioctl_fs_info_args info {};
        check(f.io().ioctl(f.descriptor(), BTRFS_IOC_FS_INFO, reinterpret_cast<std::uintptr_t>(&info)), f.path(), "btrfs: filesystem info");
        std::string uuid;
        for (std::size_t i = 0; i < BTRFS_FSID_SIZE; ++i) {
            char hex[4];
            std::snprintf(hex, sizeof hex, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", info.fsid[i]);
            uuid += hex;
        }
        return uuid;
    }
    return std::to_string(f.status().st_dev);
}

struct room {
    std::string kind;  ///< "data"; on btrfs "metadata" too, which can run out by itself
    byte_count free, used;
};

/// What is left for whoever is not root, as df has it.
template <Io I>
room room_for_data(const file<I>& f) {
    struct ::statfs fs {};
    check(f.io().fstatfs(f.descriptor(), fs), f.path(), "statfs");
    const auto block = static_cast<byte_count>(fs.f_bsize);
    return {"data", fs.f_bavail * block, (fs.f_blocks - fs.f_bfree) * block};
}

/// btrfs gives back the space of removed files with its next commit: now.
template <Io I>
void collect_freed(const file<I>& f) {
    if (f.filesystem() == BTRFS_SUPER_MAGIC) check(again([&] { return f.io().ioctl(f.descriptor(), BTRFS_IOC_SYNC, 0); }), f.path(), "btrfs: sync");
}

/// For data, and on btrfs for metadata.
template <Io I>
std::vector<room> room_of(const file<I>& f) {
    std::vector<room> all{room_for_data(f)};
    if (f.filesystem() != BTRFS_SUPER_MAGIC) return all;

    const auto base = "/sys/fs/btrfs/" + filesystem_identity(f) + "/";
    const auto number = [&](const std::string& path) -> byte_count {
        const auto text = sysfs_attribute(f.io(), base + path);
        return text && !text->empty() ? std::stoull(*text) : 0;
    };
    byte_count devices = 0, allocated = 0;
    for (const auto& device : directory<I>(base + "devices", f.io()).names()) devices += number("devices/" + device + "/size") * 512;
    for (const auto* kind : {"data", "metadata", "system"}) allocated += number(std::string("allocation/") + kind + "/disk_total");
    const auto total = number("allocation/metadata/total_bytes"), used = number("allocation/metadata/bytes_used"),
               on_disk = std::max<byte_count>(number("allocation/metadata/disk_total"), 1), reserve = number("allocation/global_rsv_size");
    const auto unallocated = devices > allocated ? devices - allocated : 0;  // of which metadata may take all, once or twice as its profile has it
    const auto within = total > used + reserve ? total - used - reserve : 0;
    all.push_back({"metadata", within + static_cast<byte_count>(static_cast<double>(unallocated) * static_cast<double>(total) / static_cast<double>(on_disk)), used});
    return all;
}

}  // namespace backy::io
