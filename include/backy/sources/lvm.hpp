// SPDX-License-Identifier: GPL-3.0-or-later
// sources::lvm models TrackedSource: a logical volume, frozen by a snapshot `backy-ID` of it in its volume group.
#pragma once

#include <backy/concepts/source.hpp>
#include <backy/core/name.hpp>
#include <backy/io/posix.hpp>
#include <backy/lvm/thin_pool.hpp>

#include <atomic>
#include <mutex>

namespace backy::sources {

/// A thin volume gets a thin snapshot, which is kept for the next run to build upon; thin_delta tells what differs. A thick one gets a
/// classic snapshot for the time of the run and is read whole. Needs the programs lvs, lvcreate, lvchange, lvremove, dmsetup and, for thin
/// volumes, thin_delta; and root.
/// cost: some ten calls of them; the writers of a volume stand still while LVM makes a snapshot of it, and not longer.
template <Io I = io::posix>
class lvm {
public:
    static constexpr auto type = name<"lvm">;

    struct config {
        backy::lvm::location where;
        std::string snapshot_size;  ///< of a thick volume's snapshot: "10%" of the volume, or "2G"
        double pool_limit;          ///< percent of a thin pool's data or metadata: above, no snapshot is made or kept
        backy::lvm::tools tools;
        tracking how;
        bool operator==(const config&) const = default;

        static config from(const section& table) {
            std::vector<std::string_view> known{"type", "volume-group", "logical-volume", "snapshot-size", "pool-limit", "timeout"};
            known.insert(known.end(), tracking::keys.begin(), tracking::keys.end());
            table.allow_only(known);
            config c{{table.get<std::string>("volume-group"), table.get<std::string>("logical-volume")},
                     table.get<std::string>("snapshot-size", "10%"),
                     table.get<double>("pool-limit", 90),
                     {table.duration("timeout", "60s")},
                     tracking::from(table)};
            for (const auto* const key : {"volume-group", "logical-volume"})
                if (const auto text = table.get<std::string>(key); !backy::lvm::location::is_name(text))
                    table.refuse(key, "must be a name as LVM has them: \"" + text + "\"");
            const auto digits = c.snapshot_size.find_first_not_of("0123456789");
            if (digits == 0 || digits + 1 != c.snapshot_size.size() || c.snapshot_size[0] == '0' ||
                std::string_view("%MGT").find(c.snapshot_size.back()) == std::string_view::npos)
                table.refuse("snapshot-size", "must be a number with %, M, G or T: \"" + c.snapshot_size + "\"");
            if (!(c.pool_limit > 0 && c.pool_limit <= 100)) table.refuse("pool-limit", "must be above 0 and at most 100 (percent)");
            return c;
        }
        bool is_full(const backy::lvm::volume& pool) const { return backy::lvm::pool_use(pool).exceeds(pool_limit); }
        std::string use_of(const backy::lvm::volume& pool) const {
            char limit[32];
            std::snprintf(limit, sizeof limit, "%g %%", pool_limit);
            return "pool " + pool.name + " has " + backy::lvm::pool_use(pool).text() + ", above " + limit;
        }
        template <class Refusal = source_error>
        void refuse_if_full(const backy::lvm::volume& pool, const std::string& consequence) const {
            if (is_full(pool)) throw Refusal(where.text(), use_of(pool) + ": " + consequence + " (extend it, or see pool-limit)");
        }
    };
    static section parse(const std::string& spelling) {
        const auto where = backy::lvm::location::parse(spelling);
        if (!where) throw config_error("source", "lvm: needs VG/LV: \"" + spelling + "\"");
        return section().set("type", {std::string(type.c_str())}).set("volume-group", {where->group}).set("logical-volume", {where->volume});
    }

    class snapshot {
    public:
        snapshot(const config& c, const backy::lvm::volume& of, const revision_id& id, journal& j, const I& io)
            : config_(c),
              of_(of),
              where_{c.where.group, snapshot_name(id)},
              journal_(&j),
              io_(io),
              shared_(std::make_unique<shared>()),
              activation_(of.is_thin() ? std::optional(activation(c.tools, where_, j)) : std::nullopt),
              file_(io, where_.device(), O_RDONLY | O_DIRECT),
              size_(file_.size()) {}

        byte_count size() const { return size_; }
        void read(byte_count at, block out) const {
            look_at_pool();
            try {
                file_.read(at, out);
            } catch (const error&) {
                if (!of_.is_thin() && overflowed() == true) attest();
                throw;
            }
        }
        void extents(const extent_visitor& visit) const {
            if (!of_.is_thin() || !backy::lvm::unmapped_is_zero(config_.tools, where_)) return visit({0, size_});
            const std::lock_guard lock(shared_->looking);
            if (!shared_->mapped) {
                try {
                    const auto all = volumes();
                    const auto mine = thin_id(backy::lvm::find(all, where_.volume));
                    compare(mine, mine, {});
                } catch (const error& e) {
                    interruption::point();
                    journal_->warning(std::string(e.what()) + " (all of the volume counts as allocated)");
                    return visit({0, size_});
                }
            }
            for (std::size_t window = 0; window < shared_->mapped->windows(); ++window) shared_->mapped->runs(window, visit);
        }
        std::string identity() const { return "LV " + of_.uuid; }
        backy::consistency consistency() const { return consistency::crash; }
        std::vector<std::string> remarks() const { return {}; }
        /// A classic snapshot that has overflowed shows what is in the volume now, or nothing.
        void attest() const {
            if (of_.is_thin()) return;
            const auto state = overflowed();
            if (!state) throw source_error(where_.text(), "LVM cannot tell whether the snapshot overflowed while it was read");
            if (*state)
                throw source_error(where_.text(),
                                   "the snapshot overflowed while it was read (make snapshot-size larger than " + config_.snapshot_size + ")");
        }

        std::optional<std::string> changed_since(const revision_id& base, const extent_visitor& visit) const {
            if (config_.how.full_always) return "full-always is set";
            if (!of_.is_thin()) return "it is a thick volume, of which LVM does not know what changed";
            const auto all = volumes();
            const auto* const older = backy::lvm::find(all, snapshot_name(base));
            if (!older) return "its parent's snapshot is gone";
            if (!older->thin_id || older->pool != of_.pool) return "its parent's snapshot is in another pool";
            const std::lock_guard lock(shared_->looking);
            try {
                compare(*older->thin_id, thin_id(backy::lvm::find(all, where_.volume)), visit);
            } catch (const error& e) {  // a full read is right whatever is wrong here
                interruption::point();
                return e.what();
            }
            return std::nullopt;
        }

    private:
        /// Ends what lvcreate has begun: a thin snapshot that stays is not active. A classic one and its volume are active or not together.
        class activation {
        public:
            activation(backy::lvm::tools tools, backy::lvm::location where, backy::journal& j)
                : tools_(tools), where_(std::move(where)), journal_(&j) {}
            activation(activation&& other) noexcept
                : tools_(other.tools_), where_(std::move(other.where_)), journal_(std::exchange(other.journal_, nullptr)) {}
            activation& operator=(activation&& other) noexcept {
                std::swap(tools_, other.tools_), std::swap(where_, other.where_), std::swap(journal_, other.journal_);
                return *this;
            }
            ~activation() {
                if (!journal_) return;
                try {
                    tools_.run({"lvchange", "--activate", "n", where_.text()});
                } catch (const std::exception& e) {
                    journal_->warning(std::string(e.what()) + " (the snapshot stays active)");
                }
            }

        private:
            backy::lvm::tools tools_;
            backy::lvm::location where_;
            backy::journal* journal_;
        };
        struct shared {  // by threads
            std::mutex looking;
            std::optional<block_map> mapped;
            std::atomic<std::chrono::steady_clock::time_point> next_look = std::chrono::steady_clock::now() + look_every;
        };
        static constexpr std::chrono::seconds look_every{30};

        /// While it is read the VM goes on writing, and what the snapshots hold cannot be used again.
        void look_at_pool() const {
            auto due = shared_->next_look.load();
            const auto now = std::chrono::steady_clock::now();
            if (!of_.is_thin() || now < due || !shared_->next_look.compare_exchange_strong(due, now + look_every)) return;
            const auto all = volumes();
            const auto* const pool = backy::lvm::find(all, of_.pool);
            if (pool) config_.template refuse_if_full<halted>(*pool, "the backup ends before it is the reason that the pool runs full");  // no bad sector, after which the rest is read
        }
        std::optional<bool> overflowed() const {
            const auto all = volumes();
            const auto* const mine = backy::lvm::find(all, where_.volume);
            if (!mine) throw source_error(where_.text(), "the snapshot is gone");
            return mine->overflowed;
        }
        std::vector<backy::lvm::volume> volumes() const { return config_.tools.volumes(where_.group); }
        std::uint64_t thin_id(const backy::lvm::volume* mine) const {
            if (!mine || !mine->thin_id) throw source_error(where_.text(), "the snapshot is gone");
            return *mine->thin_id;
        }
        /// Tells what differs, and remembers what is mapped: a look into the metadata is six processes.
        void compare(std::uint64_t older, std::uint64_t mine, const extent_visitor& differs) const {
            block_map mapped(size_);
            backy::lvm::thin_pool<I>(config_.tools, {where_.group, of_.pool}, *journal_, io_)
                .compare(where_.volume, older, mine, size_, [&](extent e, backy::lvm::difference what) {
                    if (what != backy::lvm::difference::left_only) mapped.add(e);
                    if (what != backy::lvm::difference::none) differs(e);
                });
            shared_->mapped = std::move(mapped);
        }

        config config_;
        backy::lvm::volume of_;
        backy::lvm::location where_;
        backy::journal* journal_;
        I io_;
        std::unique_ptr<shared> shared_;
        std::optional<activation> activation_;  // ends after the file
        io::file<I> file_;
        byte_count size_;
    };

    lvm(config c, journal& j, I io = {}) : config_(std::move(c)), journal_(j), io_(std::move(io)) {}

    std::string name() const { return config_.where.text(); }
    /// Of a thick volume no snapshot is kept, and none where a pool is too full for it; as snapshots() and freeze() found it last.
    tracking tracked() const {
        auto how = config_.how;
        how.full_always |= !keeps_;
        return how;
    }

    snapshot freeze(const revision_id& id) {
        const auto all = look_and_judge_pool();
        const auto* const volume = backy::lvm::find(all, config_.where.volume);
        if (!volume) throw source_error(name(), "there is no such volume");
        const auto* const pool = pool_of(all, *volume);
        if (pool) config_.refuse_if_full(*pool, "no snapshot is made");
        if (!pool && !volume->active) throw source_error(name(), "it is not active (lvchange --activate y " + name() + ")");
        std::vector<std::string> words{
            "lvcreate", "--snapshot",          "--name", snapshot_name(id),        "--addtag", backy::lvm::tag, "--permission",
            "r",        "--setactivationskip", "y",      "--ignoreactivationskip", "--yes"};
        if (!pool) {
            const bool part = config_.snapshot_size.ends_with('%');
            words.insert(words.end(), {part ? "--extents" : "--size", config_.snapshot_size + (part ? "ORIGIN" : "")});
        }
        words.push_back(name());
        try {
            config_.tools.run(std::move(words));
        } catch (const error& e) {
            if (!e.transient()) keeps_ = false;  // LVM has a mark of its own, above which it makes none (thin_pool_autoextend_threshold)
            throw;
        }
        return snapshot(config_, *volume, id, journal_, io_);
    }

    std::vector<revision_id> snapshots() {
        std::vector<revision_id> ids;
        for (const auto& v : look_and_judge_pool())
            if (auto id = id_of_snapshot(v.name); id && v.has_tag(backy::lvm::tag)) ids.push_back(*std::move(id));
        return ids;
    }
    /// Refuses to remove one that others build upon, which LVM would remove with it.
    void release(const revision_id& id) {
        const auto all = config_.tools.volumes(config_.where.group);
        const auto* const ours = backy::lvm::find(all, snapshot_name(id));
        if (!ours) return;
        const backy::lvm::location where{config_.where.group, ours->name};
        if (!ours->has_tag(backy::lvm::tag)) throw source_error(where.text(), "remove snapshot: it has not the tag " + std::string(backy::lvm::tag));
        for (const auto* const role : {"thickorigin", "extthinorigin"})
            if (ours->is_a(role)) throw source_error(where.text(), "remove snapshot: somebody has made a snapshot of it, which would go with it");
        if (ours->has_tag(backy::lvm::thin_pool<I>::busy))
            backy::lvm::thin_pool<I>(config_.tools, {config_.where.group, ours->pool}, journal_, io_).recover();
        config_.tools.run({"lvremove", "--yes", where.text()});
    }

private:
    /// Decides as well whether a snapshot is kept for the next run.
    std::vector<backy::lvm::volume> look_and_judge_pool() {
        auto all = config_.tools.volumes(config_.where.group);
        if (const auto* const volume = backy::lvm::find(all, config_.where.volume)) {
            const auto* const pool = pool_of(all, *volume);
            if (pool && config_.is_full(*pool) && keeps_)
                journal_.warning(name() + ": " + config_.use_of(*pool) + ": no snapshot is kept for the next run");
            keeps_ = keeps_ && pool && !config_.is_full(*pool);
        }
        return all;
    }
    static const backy::lvm::volume* pool_of(const std::vector<backy::lvm::volume>& all, const backy::lvm::volume& v) {
        const auto* const pool = v.is_thin() ? backy::lvm::find(all, v.pool) : nullptr;
        if (v.is_thin() && !pool) throw source_error(v.name, "its pool " + v.pool + " is not there");
        return pool;
    }

    config config_;
    journal& journal_;
    I io_;
    bool keeps_ = true;
};
static_assert(TrackedSource<lvm<>>);

}  // namespace backy::sources
