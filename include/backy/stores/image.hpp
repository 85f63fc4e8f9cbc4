// SPDX-License-Identifier: GPL-3.0-or-later
// stores::image models FileStore: one raw sparse image per revision, a reflink of its parent's. `dd` restores it.
#pragma once

#include <backy/core/name.hpp>
#include <backy/io/posix.hpp>
#include <backy/io/revision_files.hpp>

namespace backy::stores {

/// Space: what differs from the parent, in blocks of 64 KiB. Where the filesystem cannot reflink, the whole image at every
/// run, with a warning, or with `reflink = "require"` an error.
template <Io I = io::posix>
class image : public io::revision_files<I> {
public:
    static constexpr auto type = name<"image">;
    struct config {
        bool require_reflink = false;
        static config from(const section& table) {
            table.allow_only({"type", "reflink"});
            const auto reflink = table.get<std::string>("reflink", "auto");
            if (reflink != "auto" && reflink != "require") table.refuse("reflink", "unknown: \"" + reflink + "\"; known here: auto, require");
            return {reflink == "require"};
        }
    };
    image(const config& c, const std::filesystem::path& repository, journal& journal, I io = {})
        : io::revision_files<I>({.suffix = "",
                                 .copy_granule = block_size,
                                 .direct = true,
                                 .must_reflink = c.require_reflink ? "put the repository on btrfs, XFS or ZFS, or set store.reflink to \"auto\"" : ""},
                                repository, &journal, std::move(io)) {}
};
static_assert(FileStore<image<>> && AgeingStore<image<>>);

}  // namespace backy::stores
