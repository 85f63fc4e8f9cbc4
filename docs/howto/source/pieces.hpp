// SPDX-License-Identifier: GPL-3.0-or-later
// my::pieces models Source: a volume that lies in several files, one behind the other, as `split` makes them and hypervisors keep flat disks.
#pragma once

#include <backy/concepts/source.hpp>
#include <backy/core/name.hpp>
#include <backy/io/file.hpp>
#include <backy/io/posix.hpp>

namespace my {

class pieces {
    struct piece {
        backy::io::file<backy::io::posix> file;
        backy::byte_count start, size;
    };

public:
    static constexpr auto type = backy::name<"pieces">;
    struct config {
        std::vector<std::string> files;
        static config from(const backy::section& table) {
            table.allow_only({"type", "files"});
            config c{table.strings("files")};
            if (c.files.empty()) table.refuse("files", "must name the pieces in their order");
            return c;
        }
    };
    static backy::section parse(const std::string& spelling) {  // backy init pieces disk.0,disk.1
        std::vector<backy::value> files;
        for (const auto& f : backy::split(spelling, ',')) files.push_back({std::filesystem::absolute(f).string()});
        return backy::section().set("type", {std::string("pieces")}).set("files", {files});
    }

    class snapshot {
    public:
        explicit snapshot(const std::vector<std::string>& files) {
            for (const auto& name : files) {
                backy::io::file<backy::io::posix> file({}, name, O_RDONLY);
                const auto size = file.size();
                identity_ += (identity_.empty() ? "inode " : ", ") + std::to_string(file.status().st_ino);
                pieces_.push_back({std::move(file), std::exchange(size_, size_ + size), size});
            }
        }
        backy::byte_count size() const { return size_; }
        void read(backy::byte_count offset, backy::block out) const {
            for (const auto& p : pieces_) {
                if (out.empty() || offset >= p.start + p.size) continue;
                const auto part = out.first(std::min<backy::byte_count>(out.size(), p.start + p.size - offset));
                p.file.read(offset - p.start, part);
                offset += part.size(), out = out.subspan(part.size());
            }
        }
        void extents(const backy::extent_visitor& visit) const {
            for (const auto& p : pieces_) p.file.extents([&](backy::extent e) { visit({p.start + e.offset, e.length}); });
        }
        std::string identity() const { return identity_; }
        backy::consistency consistency() const { return backy::consistency::live; }
        std::vector<std::string> remarks() const { return {}; }
        void attest() const {
            for (const auto& p : pieces_)
                if (p.file.size() != p.size) throw backy::source_error(p.file.path(), "it was resized while it was read");
        }

    private:
        std::vector<piece> pieces_;
        backy::byte_count size_ = 0;
        std::string identity_;
    };

    pieces(config c, backy::journal&) : config_(std::move(c)) {}
    std::string name() const { return backy::join(config_.files, ","); }
    snapshot freeze(const backy::revision_id&) const { return snapshot(config_.files); }
    std::vector<backy::revision_id> snapshots() const { return {}; }  // nothing outlives the process
    void release(const backy::revision_id&) const {}

private:
    config config_;
};
static_assert(backy::Snapshot<pieces::snapshot> && backy::Source<pieces>);

}  // namespace my
