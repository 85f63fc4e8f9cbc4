// SPDX-License-Identifier: GPL-3.0-or-later
// relayout: what files still use of extents that btrfs holds whole is copied together, and all of them are made to share the copy.
#pragma once

#include <backy/concepts/store.hpp>
#include <backy/core/interruption.hpp>
#include <backy/io/directory.hpp>
#include <backy/io/stored_extents.hpp>

namespace backy::io {

/// An extent is worth it that by itself takes more than so many times what is used of it.
inline constexpr double wasteful = 1.3;
inline bool is_wasteful(const stored_extent& e) {
    return e.whole && static_cast<double>(e.length) > wasteful * static_cast<double>(e.used);
}

/// Nothing: not btrfs, or not the right to ask (CAP_SYS_ADMIN).
template <Io I>
std::optional<layout> layout_of(const std::vector<file<I>>& files) {
    layout all;
    const bool known = visit_stored(files, [&](const stored_extent& e) {
        all.held += e.length, all.used += e.used;
        if (is_wasteful(e)) all.to_copy += e.used;
    });
    return known ? std::optional(all) : std::nullopt;
}

namespace detail {

/// `from` becomes what these places share, if the bytes are the same (FIDEDUPERANGE). The kernel compares, and locks, so nobody
/// ever reads anything else. It asks for no more than that one may write to the file, which is read-only.
template <Io I>
void share(const file<I>& from, byte_count at, byte_count length, const std::vector<stored_extent::place>& places, const std::vector<file<I>>& files) {
    constexpr std::size_t most_places = 100;  // of one call: the kernel takes a page of them
    constexpr auto most_bytes = 16_MiB;       // and may stop there
    for (byte_count done = 0; done < length; done += most_bytes)
        for (std::size_t first = 0; first < places.size(); first += most_places) {
            const auto count = std::min(most_places, places.size() - first);
            std::vector<std::uint64_t> memory((sizeof(::file_dedupe_range) + count * sizeof(::file_dedupe_range_info)) / sizeof(std::uint64_t));
            auto* const request = reinterpret_cast<::file_dedupe_range*>(memory.data());
            request->src_offset = at + done;
            request->src_length = std::min(most_bytes, length - done);
            request->dest_count = static_cast<__u16>(count);
            for (std::size_t i = 0; i < count; ++i) {
                request->info[i].dest_fd = files[places[first + i].file].descriptor();
                request->info[i].dest_offset = places[first + i].offset + done;
            }
            check(again([&] { return from.io().ioctl(from.descriptor(), FIDEDUPERANGE, reinterpret_cast<std::uintptr_t>(request)); }), from.path(), "share");
            for (std::size_t i = 0; i < count; ++i) {
                const auto& to = request->info[i];
                const auto what = "share " + std::to_string(request->src_length) + " bytes at offset " + std::to_string(to.dest_offset);
                const auto& path = files[places[first + i].file].path();
                if (to.status < 0) check(to.status, path, what);
                if (to.status != FILE_DEDUPE_RANGE_SAME) throw error(path, what + ": the copy is not the same (it stays as it was)");
            }
        }
}

}  // namespace detail

/// Copies what is used of the wasteful extents of these clones of each other into files without a name in `beside`, and makes all
/// places share the copies. No file ever reads differently, whenever this is killed; then nothing is left but what is shared already.
/// Twice on the disk, for a while: `piece` bytes. Returns how many bytes were copied. Throws error, also when the process was asked to end.
template <Io I>
byte_count relayout(const directory<I>& beside, const std::vector<file<I>>& files, byte_count piece = 64_MiB) {
    struct copied {
        byte_count at, length;
        std::vector<stored_extent::place> places;
    };
    constexpr auto apart = 64_KiB;  // a hole between what comes from two extents, else they would become one
    const aligned_buffer buffer(1_MiB);
    std::optional<file<I>> fresh;
    std::vector<copied> parts;
    byte_count end = 0, in_piece = 0, total = 0;

    const auto share = [&] {
        if (!fresh) return;
        fresh->sync();
        fresh->drop_cache();  // what is compared comes from the disk
        for (const auto& p : parts) {
            interruption::point();
            detail::share(*fresh, p.at, p.length, p.places, files);
        }
        for (const auto& f : files) f.drop_cache();
        fresh.reset(), parts.clear();
        end = in_piece = 0;
    };
    visit_stored(files, [&](const stored_extent& e) {
        if (!is_wasteful(e)) return;
        interruption::point();
        if (!fresh) fresh.emplace(beside.unnamed());
        for (const auto& part : e.parts) {
            const auto& from = part.places.front();
            for (byte_count done = 0; done < part.length; done += 1_MiB) {
                const auto bytes = buffer.first(std::min(1_MiB, part.length - done));
                files[from.file].read(from.offset + done, bytes);
                fresh->write(end + done, bytes);
            }
            parts.push_back({end, part.length, part.places});
            end += part.length, in_piece += part.length, total += part.length;
        }
        end = round_up(end, apart) + apart;
        if (in_piece >= piece) share();
    });
    share();
    return total;
}

}  // namespace backy::io
