// SPDX-License-Identifier: GPL-3.0-or-later
// What a thin pool's metadata tell of its volumes: which parts are mapped, and which differ. The kernel lets others read them only
// in a metadata snapshot, of which a pool has one at a time (the kernel's thin-provisioning.rst).
#pragma once

#include <backy/core/block_map.hpp>
#include <backy/core/interruption.hpp>
#include <backy/core/journal.hpp>
#include <backy/io/file.hpp>
#include <backy/lvm/volumes.hpp>

namespace backy::lvm {

/// Of a range of two volumes, as thin_delta names it: mapped to the same data, to different data, or in one of them only.
enum class difference { none, different, left_only, right_only };

/// What `thin_delta` prints (its version 0.9), taken as it comes and strictly: a line that it does not know is an error, and so is an end
/// before the end. A volume that was made smaller still has what was mapped behind its end: that is left out. Units are bytes.
class delta_reader {
public:
    using visitor = std::function<void(extent, difference)>;

    /// Calls visit ascending. What is mapped in neither is not visited.
    delta_reader(byte_count size, visitor visit) : size_(size), visit_(std::move(visit)) {}

    void take(std::string_view text) {
        for (auto end = text.find('\n'); end != text.npos; text.remove_prefix(end + 1), end = text.find('\n')) {
            line_ += text.substr(0, end);
            understand();
            line_.clear();
        }
        line_ += text;
        if (line_.size() > 1000) refuse();
    }
    void finish() const {
        if (state_ != state::after || !line_.empty()) throw error("thin_delta", "its output ends too early");
    }

private:
    enum class state { before, pool, volumes, after };

    void understand() {
        const auto line = trimmed(line_);
        const auto next = [&](state from, std::string_view begin, state to) {
            if (state_ != from || !line.starts_with(begin) || !line.ends_with('>')) return false;
            state_ = to;
            return true;
        };
        if (line.empty()) return;
        if (next(state::before, "<superblock ", state::pool)) {
            chunk_ = number_of(line, "data_block_size") * 512;
            if (chunk_ == 0 || chunk_ > 1_GiB) refuse();
        } else if (next(state::pool, "<diff ", state::volumes) || next(state::volumes, "</diff>", state::pool) ||
                   (seen_ && next(state::pool, "</superblock>", state::after))) {
            seen_ = true;
        } else if (state_ == state::volumes && line.ends_with("/>")) {
            constexpr std::array names{"<same", "<different", "<left_only", "<right_only"};
            const auto name = std::ranges::find(names, line.substr(0, line.find(' ')));
            if (name == names.end()) refuse();
            const auto begin = number_of(line, "begin"), length = number_of(line, "length");
            if (begin < next_ || length == 0 || begin > most || length > most) refuse();
            next_ = begin + length;
            if (begin * chunk_ < size_)
                visit_({begin * chunk_, std::min(length * chunk_, size_ - begin * chunk_)}, static_cast<difference>(name - names.begin()));
        } else {
            refuse();
        }
    }
    byte_count number_of(const std::string& line, const std::string& key) const {
        const auto from = line.find(" " + key + "=\"");
        const auto start = from + key.size() + 3, end = line.find('"', start);
        const auto n = from == line.npos || end == line.npos ? std::nullopt : detail::number<byte_count>(line.substr(start, end - start));
        if (!n) refuse();
        return *n;
    }
    [[noreturn]] void refuse() const { throw error("thin_delta", "its output is not understood: " + on_one_line(line_.substr(0, 200))); }

    static constexpr byte_count most = byte_count{1} << 32;  // chunks: of 1 GiB it would be 4 EiB

    byte_count size_;
    visitor visit_;
    std::string line_;
    state state_ = state::before;
    bool seen_ = false;
    byte_count chunk_ = 0, next_ = 0;  // in chunks
};

/// A thin pool. Of all backy processes one at a time has its metadata snapshot: they hold a lock of its metadata's device. A snapshot
/// of ours is tagged while its run has, so that what a killed run left is known from what belongs to somebody else.
template <Io I>
class thin_pool {
public:
    thin_pool(const tools& lvm, location where, journal& j, I io) : lvm_(lvm), where_(std::move(where)), journal_(j), io_(std::move(io)) {}

    /// What differs between two thin volumes of `size` bytes, by their numbers, of which `ours` is a snapshot of ours. Throws error, also
    /// when somebody else has the metadata snapshot.
    void compare(const std::string& ours, std::uint64_t left, std::uint64_t right, byte_count size, const delta_reader::visitor& visit) const {
        const auto lock = locked();
        clear();
        const location snapshot{where_.group, ours};
        bool reserved = false;
        tag("--addtag", snapshot);
        const std::shared_ptr<void> at_the_end(nullptr, [&](void*) { give_back(snapshot, reserved); });
        reserved = true;  // if the message takes too long it may come all the same
        message("reserve_metadata_snap");
        delta_reader reader(size, visit);
        run_program({"thin_delta", "--metadata-snap", "--snap1", std::to_string(left), "--snap2", std::to_string(right), metadata()},
                    std::chrono::hours(24), [&](std::string_view text) {
                        interruption::point();
                        reader.take(text);
                    });
        reader.finish();
    }
    /// Gives back the metadata snapshot that a killed run has left.
    void recover() const {
        const auto lock = locked();
        clear();
    }

    static constexpr std::string_view busy = "backy-reads-metadata";

private:
    std::string metadata() const { return location{where_.group, where_.volume + "_tmeta"}.device(); }
    void message(const std::string& text) const { lvm_.run({"dmsetup", "message", where_.mapped("tpool"), "0", text}); }

    /// `option`: --addtag or --deltag. Without a copy of the group's metadata in /etc/lvm/archive for each.
    void tag(const std::string& option, const location& snapshot) const {
        lvm_.run({"lvchange", "--autobackup", "n", option, std::string(busy), snapshot.text()});
    }

    /// Waits as long as another backy looks into the metadata: the lock ends with its process.
    io::file<I> locked() const {
        io::file<I> device(io_, metadata(), O_RDONLY);
        for (bool told = false;; told = true) {
            const auto rc = io::again([&] { return io_.flock(device.descriptor(), LOCK_EX | LOCK_NB); });
            if (rc != -EWOULDBLOCK) {
                io::check(rc, device.path(), "lock");
                return device;
            }
            if (!told) journal_.info(where_.text() + ": waiting for another backy that looks into the pool's metadata");
            interruption::point();
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    }
    bool is_reserved() const {  // 0 SIZE thin-pool TRANSACTION METADATA DATA HELD-ROOT …
        const auto words = lvm_.device_line("status", where_.mapped("tpool"));
        if (words.size() < 7 || words[2] != "thin-pool")
            throw error("dmsetup", where_.text() + ": its status is not understood: " + on_one_line(join(words, " ")));
        return words[6] != "-";
    }
    /// Whoever holds the lock knows that no tag is of a run that goes on.
    void clear() const {
        std::vector<location> left;
        for (const auto& v : lvm_.volumes(where_.group))
            if (v.pool == where_.volume && v.has_tag(busy)) left.push_back({where_.group, v.name});
        if (is_reserved()) {
            if (left.empty())
                throw error(where_.text(),
                            "metadata snapshot: somebody else has it (if nobody does: dmsetup message " + where_.mapped("tpool") +
                                " 0 release_metadata_snap)",
                            true);
            message("release_metadata_snap");
        }
        for (const auto& snapshot : left) tag("--deltag", snapshot);
    }
    /// The tag stays if the metadata snapshot does.
    void give_back(const location& snapshot, bool reserved) const noexcept {
        try {
            if (reserved && is_reserved()) message("release_metadata_snap");
            tag("--deltag", snapshot);
        } catch (const std::exception& e) {
            journal_.warning(where_.text() + ": metadata snapshot: " + e.what() + " (the next run gives it back)");
        }
    }

    tools lvm_;
    location where_;
    journal& journal_;
    I io_;
};

}  // namespace backy::lvm
