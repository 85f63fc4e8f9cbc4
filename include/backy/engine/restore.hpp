// SPDX-License-Identifier: GPL-3.0-or-later
// restore: a revision's bytes to a target, each block held against its digest on the way.
#pragma once

#include <backy/concepts/target.hpp>
#include <backy/engine/changes.hpp>
#include <backy/engine/mismatches.hpp>
#include <backy/engine/repository.hpp>

namespace backy {

struct restore_report {
    std::vector<bad_extent> bad;  ///< could not be read, or is not what it ought to be; was not written
    std::string unchecked;        ///< why nothing was held against digests; empty: everything was
};

namespace detail {

/// How much of the front is wiped first and written last, so that a disk that was restored by half does not boot: partition
/// tables and boot loaders lie in the first MiB.
inline constexpr byte_count boot_area = 1_MiB;

template <class Table, Image I, Target To>
class restore_run {
public:
    restore_run(const Table* table, const I& image, To& target, byte_count size, unsigned workers, journal& journal)
        : table_(table), image_(image), target_(target), size_(size), workers_(workers), journal_(journal), there_(size) {}

    std::vector<bad_extent> run() {
        target_.resize(size_);
        if constexpr (InPlaceTarget<To>) {
            const extent boot{0, std::min(size_, boot_area)};
            block_map first(size_);
            first.add(boot);
            there_ = allocated(target_, size_);
            auto rest = table_ ? differing() : everything(image_, block_map(size_));
            if (!table_) rest.add(there_);
            rest.remove(first);
            target_.zero(boot);
            target_.sync();
            there_.remove(first);
            copy_blocks(rest, workers_);
            target_.sync();
            copy_blocks(first, 1);
        } else {
            block_map all(size_);
            all.add({0, size_});
            copy_blocks(all, 1);
        }
        target_.sync();
        return bad_.all();
    }

private:
    enum class action { leave, write, zero };

    /// What the target does not hold yet, by the digests: the image is not read for what is right. (A sector that cannot be read may well be
    /// mended by writing it.)
    block_map differing() const {
        auto needed = table_->allocated(size_);
        needed.remove(there_);  // zeroes there
        copy(
            target_, there_, workers_, journal_,
            [&](byte_count offset, const_block data) {
                for_each_run(table_->compare(offset, data).differing, [&](unsigned first, unsigned count) {
                    needed.add({offset + first * block_size, count * block_size});
                });
            },
            [&](extent e, const error&) { needed.add(e); });
        return needed;
    }

    void copy_blocks(const block_map& which, unsigned workers) {
        copy(
            image_, which, workers, journal_, [&](byte_count offset, const_block data) { put(offset, data); },
            [&](extent e, const error& why) {
                bad_.add(e, why);
                if constexpr (!InPlaceTarget<To>) target_.zero(e);  // a stream has to go on at its place
            });
    }

    void put(byte_count offset, const_block data) {
        const auto count = blocks_of(data.size());
        comparison<typename Table::hash> c;
        if (table_) c = table_->compare(offset, data);
        else
            for (std::size_t i = 0; i < count; ++i) c.zero |= std::uint64_t{is_zero(blocks_in(data, i, 1))} << i;
        if (table_) bad_.add(c.differing, offset, data);
        const auto right = already_right(offset, data, c.zero);

        const auto action_of = [&](std::size_t i) {
            const auto has = [&](std::uint64_t bits) { return ((bits >> i) & 1) != 0; };
            if (table_ && has(c.differing)) return InPlaceTarget<To> ? action::leave : action::zero;
            if (has(right)) return action::leave;
            return has(c.zero) ? action::zero : action::write;
        };
        for (std::size_t first = 0, end = 0; first < count; first = end) {
            const auto what = action_of(first);
            for (end = first + 1; end < count && action_of(end) == what;) ++end;
            const auto run = blocks_in(data, first, end - first);
            if (what == action::write) target_.write(offset + first * block_size, run);
            if (what == action::zero) target_.zero({offset + first * block_size, run.size()});
        }
    }

    /// Blocks that the target has already: where it has a hole and zeroes are wanted, and what is read there if no digests have told.
    std::uint64_t already_right(byte_count offset, const_block data, std::uint64_t zero) {
        std::uint64_t right = 0;
        if constexpr (InPlaceTarget<To>) {
            std::uint64_t there = 0;
            for (std::size_t i = 0; i * block_size < data.size(); ++i) there |= std::uint64_t{there_.has(offset + i * block_size)} << i;
            right = zero & ~there;
            if (table_ || there == 0) return right;
            thread_local const aligned_buffer buffer(window_size);
            const auto now = buffer.first(data.size());
            try {
                target_.read(offset, now);
            } catch (const error&) {
                return right;  // a sector that cannot be read may well be mended by writing it
            }
            for (std::size_t i = 0; i * block_size < data.size(); ++i)
                if (is_equal(blocks_in(now, i, 1), blocks_in(data, i, 1))) right |= std::uint64_t{1} << i;
        }
        return right;
    }

    const Table* table_;
    const I& image_;
    To& target_;
    byte_count size_;
    unsigned workers_;
    journal& journal_;
    block_map there_;  ///< where the target may hold something else than zeroes
    bad_extents bad_;
};

}  // namespace detail

/// Writes a revision to the target: in place only what differs, or in order everything. What is bad is left out (a stream gets
/// zeroes in its place) after everything else was written. Takes no lock and writes nothing into the repository. Throws error.
/// cost: a read of the target where it has data, a read of the revision where that differs, a write of the same; without digests a read of
/// the whole revision.
template <Store T, Catalog C, Hash H, Clock K, Target To>
restore_report restore(const repository<T, C, H, K>& repository, const revision& r, To& target, unsigned workers = default_workers()) {
    using table = typename backy::repository<T, C, H, K>::table;
    const auto image = repository.store().open(r.id);
    if (!r.digests && r.size_is_known() && image.size() != r.size)  // with digests the bytes that are missing are found out by them
        throw corrupt_block("revision " + r.id, "restore: its image has " + std::to_string(image.size()) + " bytes and should have " + std::to_string(r.size) + ": nothing was written");
    restore_report report;
    std::optional<table> digests;
    try {
        digests.emplace(repository.digests_of(r));
    } catch (const error& e) {
        report.unchecked = e.what();
    }
    const auto size = r.digests ? r.size : image.size();
    report.bad = detail::restore_run(digests ? &*digests : nullptr, image, target, size, workers, repository.journal()).run();
    return report;
}

}  // namespace backy
