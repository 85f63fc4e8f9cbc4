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

namespace detail {

/// What XFS_IOC_FSGEOMETRY_V1 answers (xfs_fs.h of xfsprogs; the kernel's headers for programs have none).
struct xfs_geometry {
    std::uint32_t sizes[8];
    std::uint64_t counts[4];
    unsigned char uuid[16];
    std::uint32_t rest[8];
};
inline constexpr unsigned long xfs_get_geometry = _IOR('X', 100, xfs_geometry);

inline std::string uuid_of(const unsigned char* bytes) {
    std::string text;
    for (std::size_t i = 0; i < 16; ++i) {
        char hex[4];
        std::snprintf(hex, sizeof hex, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
        text += hex;
    }
    return text;
}

}  // namespace detail

/// The UUID of a btrfs or XFS (a device number is another after a restart, and each subvolume of btrfs has its own); elsewhere the device number.
template <Io I>
std::string filesystem_identity(const file<I>& f) {
    if (const auto type = f.filesystem(); type == BTRFS_SUPER_MAGIC) {
        struct ::btrfs_ioctl_fs_info_args info {};
        check(f.io().ioctl(f.descriptor(), BTRFS_IOC_FS_INFO, reinterpret_cast<std::uintptr_t>(&info)), f.path(), "btrfs: filesystem info");
        return detail::uuid_of(info.fsid);
    } else if (type == XFS_SUPER_MAGIC) {
        detail::xfs_geometry geometry{};
        check(f.io().ioctl(f.descriptor(), detail::xfs_get_geometry, reinterpret_cast<std::uintptr_t>(&geometry)), f.path(), "XFS: geometry");
        return detail::uuid_of(geometry.uuid);
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
