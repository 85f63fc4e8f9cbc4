// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel tells of block devices in /sys: who a device is, and which files are attached to loop devices.
#pragma once

#include <backy/core/text.hpp>
#include <backy/io/directory.hpp>

#include <sys/sysmacros.h>

namespace backy::io {

/// The first line of an attribute; nothing if it is not there or cannot be read.
template <Io I>
std::optional<std::string> sysfs_attribute(const I& io, const std::string& path) {
    try {
        return trimmed(split(file<I>(io, path, O_RDONLY).text(64_KiB), '\n')[0]);
    } catch (const error&) {
        return std::nullopt;
    }
}

/// Serial numbers are whatever a vendor burnt in; metadata are UTF-8.
inline std::string printable(const std::string& text) {
    std::string safe;
    for (const char c : text) {
        if (c >= 0x20 && c < 0x7f) safe += c;
        else safe += '?';
    }
    return safe;
}

/// Who a block device is, over reboots and whatever number it gets: the first of the names that drivers give. Empty: it has none.
template <Io I>
std::string identity_of_device(const I& io, ::dev_t device) {
    const auto base = "/sys/dev/block/" + std::to_string(major(device)) + ":" + std::to_string(minor(device)) + "/";
    const auto partition = sysfs_attribute(io, base + "partition");  // then the names are those of the whole disk, above it
    for (const auto* attribute : {"dm/uuid", "md/uuid", "wwid", "device/wwid", "serial", "device/serial"})
        if (const auto text = sysfs_attribute(io, base + (partition ? "../" : "") + attribute); text && !text->empty())
            return printable(*text) + (partition ? " partition " + *partition : "");
    return "";
}

/// The loop device that has this file or device attached: "/dev/loop3". Nothing if none has.
template <Io I>
std::optional<std::string> loop_device_of(const I& io, const struct ::stat& file) {
    std::vector<std::string> devices;
    try {
        devices = directory<I>("/sys/block", io).names();
    } catch (const error&) {
        return std::nullopt;  // no sysfs here, as in some containers
    }
    for (const auto& device : devices) {
        if (!device.starts_with("loop")) continue;
        const auto backing = sysfs_attribute(io, "/sys/block/" + device + "/loop/backing_file");
        struct ::stat st {};
        if (!backing || io.fstatat(AT_FDCWD, *backing, st, 0) < 0) continue;
        const bool same = S_ISBLK(file.st_mode) ? S_ISBLK(st.st_mode) && st.st_rdev == file.st_rdev
                                                : st.st_dev == file.st_dev && st.st_ino == file.st_ino;
        if (same) return "/dev/" + device;
    }
    return std::nullopt;
}

}  // namespace backy::io
