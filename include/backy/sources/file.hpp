// SPDX-License-Identifier: GPL-3.0-or-later
// sources::file models Source: a regular file or a block device.
#pragma once

#include <backy/concepts/confinable.hpp>
#include <backy/concepts/source.hpp>
#include <backy/core/name.hpp>
#include <backy/io/extent_map.hpp>
#include <backy/io/filesystem.hpp>
#include <backy/io/passing.hpp>
#include <backy/io/posix.hpp>
#include <backy/io/sysfs.hpp>
#include <backy/sources/frozen_guest.hpp>

namespace backy::sources {

/// By default it is read in use, which is `live`. With `freeze = "reflink"` a reflink beside it is read, which is of one moment
/// (`crash`), and with commands around that `application`. Cloning a file of 100,000 extents stalled its writer for 0.4 s on btrfs
/// and 0.8 s on XFS, so it has to be asked for. With `changes = "extents"` the reflink stays until the next run, which reads only what
/// does not lie where it lay then: cost by extents, not by bytes. It holds what the volume has overwritten since.
template <Io I = io::posix>
class file {
public:
    static constexpr auto type = name<"file">;

    struct config {
        std::filesystem::path filename;
        bool reflink = false;
        std::string freeze_command, thaw_command;
        tracking how{.has_map = false};
        bool operator==(const config&) const = default;

        static config from(const section& table) {
            table.allow_only({"type", "filename", "freeze", "freeze-command", "thaw-command", "changes", tracking::keys[0], tracking::keys[1], tracking::keys[2]});
            config c{table.get<std::string>("filename"), false, table.get<std::string>("freeze-command", ""),
                     table.get<std::string>("thaw-command", "")};
            if (!c.filename.is_absolute() || !c.filename.has_filename())
                table.refuse("filename", "must be the absolute path of a file: \"" + c.filename.string() + "\"");
            const auto freeze = table.get<std::string>("freeze", "none");
            if (freeze != "none" && freeze != "reflink") table.refuse("freeze", "unknown: \"" + freeze + "\"; known here: none, reflink");
            c.reflink = freeze == "reflink";
            const auto changes = table.get<std::string>("changes", "none");
            if (changes != "none" && changes != "extents") table.refuse("changes", "unknown: \"" + changes + "\"; known here: none, extents");
            if (changes == "extents") c.how = tracking::from(table);
            for (const auto key : tracking::keys)
                if (!c.how.has_map && table.has(std::string(key))) table.refuse(std::string(key), "needs changes = \"extents\"");
            if (c.how.has_map && !c.reflink) table.refuse("changes", "extents are those of a frozen volume: it needs freeze = \"reflink\"");
            if (c.freeze_command.empty() != c.thaw_command.empty())
                table.refuse(c.thaw_command.empty() ? "freeze-command" : "thaw-command", "one needs the other: freeze-command and thaw-command");
            if (!c.freeze_command.empty() && !c.reflink)
                table.refuse("freeze-command", "needs freeze = \"reflink\" (a guest cannot stand still while a whole volume is read)");
            return c;
        }
    };
    /// A path; a relative one is made absolute now, so that later runs do not depend on where they are started.
    static section parse(const std::string& spelling) {
        if (spelling.empty()) throw config_error("source", "file: needs the path of a file or block device");
        return section().set("type", {std::string(type.c_str())}).set("filename", {std::filesystem::absolute(spelling).lexically_normal().string()});
    }

    class snapshot {
    public:
        snapshot(const file& of, io::file<I> f, std::string identity, backy::consistency c, std::vector<std::string> remarks)
            : source_(of), file_(std::move(f)), size_(file_.size()), identity_(std::move(identity)), consistency_(c), remarks_(std::move(remarks)) {}
        byte_count size() const { return size_; }  // as it was at the start: a volume in use may grow
        void read(byte_count at, block out) const { file_.read(at, out); }
        void extents(const extent_visitor& visit) const { file_.extents(visit); }
        std::string identity() const { return identity_; }
        backy::consistency consistency() const { return consistency_; }
        std::vector<std::string> remarks() const { return remarks_; }
        void attest() const {}  // an open file stays what it is
        const io::file<I>* frozen_file() const { return consistency_ == consistency::live ? nullptr : &file_.handle(); }

        std::optional<std::string> changed_since(const revision_id& base, const extent_visitor& visit) const {
            if (!source_.config_.how.has_map) return "changes are not looked for";
            if (source_.config_.how.full_always) return "full-always is set";
            std::optional<block_map> same;
            try {
                const auto before = source_.clone_of(base);
                if (!before) return "its parent's snapshot is gone";
                same = io::shared_blocks(*before, file_.handle(), size_);
            } catch (const error& e) {
                return e.what();  // a full read is right whatever is wrong with the base, and the next one has another
            }
            if (!same) return "this filesystem does not tell where its bytes lie";
            block_map changed(size_);
            changed.add({0, size_});
            changed.remove(*same);
            for (std::size_t w = 0; w < changed.windows(); ++w) changed.runs(w, visit);
            return std::nullopt;
        }
        std::string mark_of(const revision_id& id) const {
            try {
                const auto clone = source_.clone_of(id);
                if (!clone) return "";
                const auto st = clone->status();
                return io::filesystem_identity(*clone) + " " + source_.identity_of(*clone, st) + " changed " + std::to_string(st.st_ctim.tv_sec) + "." +
                       std::to_string(st.st_ctim.tv_nsec);
            } catch (const error&) {
                return "";  // of one that cannot be read: it is no base
            }
        }

    private:
        file source_;
        io::passing_file<I> file_;
        byte_count size_;
        std::string identity_;
        backy::consistency consistency_;
        std::vector<std::string> remarks_;
    };

    file(config c, journal&, I io = {}) : config_(std::move(c)), io_(std::move(io)) {}

    std::string name() const { return config_.filename.string(); }
    std::filesystem::path path() const { return config_.filename; }
    bool needs_only_files() const { return config_.freeze_command.empty(); }
    backy::tracking tracked() const { return config_.how; }

    snapshot freeze(const revision_id& id) {
        io::file<I> volume(io_, name(), O_RDONLY | O_NONBLOCK);  // a FIFO must not block
        const auto st = volume.status();
        if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) throw source_error(name(), "neither a regular file nor a block device");
        const auto identity = identity_of(volume, st);
        if (!config_.reflink) return {*this, std::move(volume), identity, consistency::live, {}};

        std::optional<frozen_guest> guest;
        if (!config_.freeze_command.empty()) guest.emplace(config_.freeze_command, config_.thaw_command);
        const auto clone = [&] {
            auto frozen = folder().open(name_of(id), O_RDWR | O_CREAT | O_EXCL);
            frozen.store_like(volume);
            if (!frozen.clone(volume))
                throw source_error(name(), "freeze: it cannot be reflinked here (set freeze to \"none\"; for a symlink name the file itself)");
            return frozen;
        };
        auto frozen = clone();
        auto consistency = consistency::crash;
        std::vector<std::string> remarks;
        if (guest) {
            auto thawed = guest->thaw();
            if (thawed.in_time) consistency = consistency::application;
            remarks = std::move(thawed.remarks);
        }
        if (config_.how.has_map) frozen.sync();  // half a clone after a power loss would be a base that lies
        return {*this, std::move(frozen), identity, consistency, std::move(remarks)};
    }
    /// Also of a time when `freeze` was set otherwise.
    std::vector<revision_id> snapshots() {
        std::vector<revision_id> ids;
        struct ::stat st {};
        if (io_.fstatat(AT_FDCWD, config_.filename.parent_path().string(), st, 0) == -ENOENT) return ids;
        for (const auto& entry : folder().names()) {
            if (!entry.starts_with(name_of("")) || entry.size() <= name_of("").size()) continue;
            if (const auto id = entry.substr(name_of("").size()); is_revision_id(id)) ids.push_back(id);
        }
        return ids;
    }
    /// Durable: a clone that came back after a power loss would belong to nobody once its revision is gone.
    void release(const revision_id& id) {
        auto in = folder();
        if (in.remove(name_of(id))) in.sync();
    }

private:
    io::directory<I> folder() const { return io::directory<I>(config_.filename.parent_path(), io_); }
    std::string name_of(const revision_id& id) const { return "." + config_.filename.filename().string() + ".backy-" + id; }

    /// Nothing: there is none.
    std::optional<io::file<I>> clone_of(const revision_id& id) const {
        const auto in = folder();
        const auto st = in.status_of(name_of(id));
        if (!st || !S_ISREG(st->st_mode)) return std::nullopt;
        return in.open(name_of(id), O_RDONLY | O_NONBLOCK);
    }

    /// A file made anew under the same name has another inode or another generation of it; copying it elsewhere makes another volume.
    std::string identity_of(const io::file<I>& volume, const struct ::stat& st) const {
        if (S_ISBLK(st.st_mode)) return io::identity_of_device(io_, st.st_rdev);
        long generation = 0;
        const auto rc = io_.ioctl(volume.descriptor(), FS_IOC_GETVERSION, reinterpret_cast<std::uintptr_t>(&generation));
        if (!io::is_unsupported(rc)) io::check(rc, name(), "generation");
        return "inode " + std::to_string(st.st_ino) + (rc < 0 ? "" : " generation " + std::to_string(generation & 0xffffffff));
    }

    config config_;
    I io_;
};
static_assert(FileSource<file<>> && TrackedSource<file<>> && MarkedSnapshot<snapshot_of<file<>>> && Confinable<file<>>);

}  // namespace backy::sources
