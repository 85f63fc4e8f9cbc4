// SPDX-License-Identifier: GPL-3.0-or-later
// stores::image models FileStore: one raw sparse image per revision, a reflink of its parent's. `dd` restores it.
#pragma once

#include <backy/concepts/confinable.hpp>
#include <backy/core/name.hpp>
#include <backy/io/posix.hpp>
#include <backy/io/revision_files.hpp>

namespace backy::stores {

/// Space: what differs from the parent, in blocks of 64 KiB. Where the filesystem cannot reflink, the whole image at every
/// run, with a warning, or with `reflink = "require"` an error. `keep-free`: that many percent of the filesystem are left to others.
template <Io I = io::posix>
class image : public io::revision_files<I> {
public:
    static constexpr auto type = name<"image">;
    struct config {
        bool require_reflink = false;
        int keep_free = 0;  ///< percent of the filesystem
        bool operator==(const config&) const = default;
        static config from(const section& table) {
            table.allow_only({"type", "reflink", "keep-free"});
            const auto reflink = table.get<std::string>("reflink", "auto");
            if (reflink != "auto" && reflink != "require") table.refuse("reflink", "unknown: \"" + reflink + "\"; known here: auto, require");
            const auto keep_free = table.get<std::int64_t>("keep-free", 0);
            if (keep_free < 0 || keep_free > 99) table.refuse("keep-free", "must be from 0 to 99 (percent): " + std::to_string(keep_free));
            return {reflink == "require", static_cast<int>(keep_free)};
        }
    };
    image(const config& c, const std::filesystem::path& repository, journal& journal, I io = {})
        : io::revision_files<I>({.suffix = "",
                                 .copy_granule = block_size,
                                 .direct = true,
                                 .must_reflink = c.require_reflink ? "put the repository on btrfs, XFS or ZFS, or set store.reflink to \"auto\"" : ""},
                                repository, &journal, std::move(io)),
          keep_free_(c.keep_free) {}

    void require_room(byte_count bytes) const { io::revision_files<I>::require_room(bytes, keep_free_); }

private:
    int keep_free_;
};
static_assert(FileStore<image<>> && SharingStore<image<>> && BoundedStore<image<>> && AgeingStore<image<>> && Confinable<image<>>);

}  // namespace backy::stores
