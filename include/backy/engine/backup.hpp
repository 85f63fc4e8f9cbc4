// SPDX-License-Identifier: GPL-3.0-or-later
// backup: one new revision, from the frozen volume to the durable metadata.
#pragma once

#include <backy/engine/changes.hpp>
#include <backy/engine/mismatches.hpp>
#include <backy/engine/space.hpp>

namespace backy {

struct backup_report {
    revision made;
    std::vector<std::string> attention;  ///< the revision is good, but somebody should look: exit code 3
};

/// The newest revision that counts and whose bytes are there; nothing if there is none. Calls tell(text) for each that is passed over.
template <Store T, Catalog C, Hash H, Clock K>
const revision* usable_parent(const repository<T, C, H, K>& repository, const history& past, auto tell) {
    for (const auto& r : past.counting()) {
        const auto way_out = " (not built upon; backy verify -r " + r.id + ")";
        try {
            if (repository.store().open(r.id).size() == r.size || !r.size_is_known()) return &r;
            tell("revision " + r.id + ": its image has another size than its metadata say" + way_out);
        } catch (const error& e) {
            tell("revision " + r.id + ": " + e.what() + way_out);
        }
    }
    return nullptr;
}

namespace detail {

template <class Repository, Source S>
class backup_run {
    using H = typename Repository::hash;
    using layout = typename Repository::layout;

public:
    backup_run(const Repository& repository, S& source, revision_id id, std::vector<std::string> tags, unsigned workers)
        : repository_(repository), source_(source), journal_(repository.journal()), workers_(workers) {
        report_.made.id = std::move(id);
        report_.made.tags = std::move(tags);
    }

    backup_report make() {
        const auto started = repository_.clock().steady();
        const auto past = repository_.catalog().read();
        const auto snapshot = source_.freeze(made().id);
        frozen_ = true;
        made().made_at = repository_.clock().now();
        made().sequence = past.next_sequence();
        made().consistency = snapshot.consistency();
        made().size = snapshot.size();
        made().source = {S::type.c_str(), source_.name(), snapshot.identity(), mark_of(snapshot)};
        for (const auto& remark : snapshot.remarks()) attention(remark);

        const auto* const parent = usable_parent(repository_, past, [&](const std::string& text) { attention(text); });
        const bool straight = parent == (past.revisions.empty() ? nullptr : &past.revisions.back());
        if (parent) {
            made().parent = parent->id;
            const auto &before = parent->source.identity, &now = made().source.identity;
            if (!before.empty() && !now.empty() && before != now) {
                no_map_ = "it is another volume than before";
                attention(source_.name() + ": the source became another volume since revision " + parent->id + " (" + before + ", now " + now +
                          "): a full backup");
            }
            if (!parent->source.snapshot.empty() && parent->source.name != source_.name())
                attention(source_.name() + ": the snapshot that revision " + parent->id + " left of " + parent->source.name + " stays (remove it by hand)");
        } else {
            no_map_ = "there is no revision to build upon";
        }
        with_digests_of(parent, straight,
                        [&](const auto& before, bool stored) { copy_commit(snapshot, before, stored, no_map_.empty() ? parent : nullptr); });
        made().stats.duration = repository_.clock().steady() - started;
        repository_.catalog().put(made());
        return std::move(report_);
    }

    /// A snapshot of this ID exists. If not, one that was asked for may still come.
    bool frozen() const { return frozen_; }

private:
    revision& made() { return report_.made; }
    void attention(const std::string& text) {
        journal_.warning(text);
        report_.attention.push_back(text);
    }

    std::string mark_of(const auto& snapshot) const {
        if constexpr (MarkedSnapshot<snapshot_of<S>>)
            if (tracking_of(source_).has_map) return snapshot.mark_of(report_.made.id);
        return "";
    }

    /// What the new revision is compared with: the parent's digests, and where they cannot be used the parent itself. After newer
    /// revisions were passed over they cannot: what was wrong with those may lie in extents that the parent shares with them.
    void with_digests_of(const revision* parent, bool straight, auto use) {
        using table = typename Repository::table;
        if (!parent) return use(table(H::fresh_key()), false);
        std::optional<table> stored;
        try {
            if (straight) stored.emplace(repository_.digests_of(*parent));
            else journal_.info("revision " + parent->id + ": its image is read, since newer ones do not count");
        } catch (const error& e) {
            journal_.warning(std::string(e.what()) + " (the parent's image is read instead)");
        }
        if (stored) return use(*stored, true);
        if (no_map_.empty()) no_map_ = straight ? "its parent has no digests to go by" : "newer revisions than its parent do not count";
        use(computed_digests<H, decltype(repository_.store().open(parent->id))>(H::fresh_key(), repository_.store().open(parent->id)), false);
    }

    void copy_commit(const auto& snapshot, const auto& before, bool stored, const revision* base) {
        auto image = repository_.store().begin(made().id, made().size, made().parent);
        auto digests = repository_.catalog().digests().begin(made().id, layout::size_for(made().size), stored ? made().parent : std::nullopt);
        if (!stored) digests.write(0, header_buffer(before.key()).first(layout::start));

        block_map written(made().size);
        std::atomic<byte_count> bytes_written = 0, bytes_read = 0;
        const auto take = [&](byte_count offset, const_block data) {
            const auto c = before.compare(offset, data);
            bytes_read += data.size();
            for_each_run(c.differing & ~c.zero, [&](unsigned first, unsigned count) {
                const auto run = blocks_in(data, first, count);
                if (adopt(image, snapshot, {offset + first * block_size, run.size()})) return;
                image.write(offset + first * block_size, run);
                bytes_written += run.size();
            });
            for_each_run(c.differing & c.zero, [&](unsigned first, unsigned count) {
                image.zero({offset + first * block_size, blocks_in(data, first, count).size()});
            });
            for_each_run(c.differing, [&](unsigned first, unsigned count) { written.add({offset + first * block_size, count * block_size}); });
            for_each_run(stored ? c.differing : first_blocks(blocks_of(data.size())) & ~c.zero, [&](unsigned first, unsigned count) {
                digests.write(layout::place_of(offset + first * block_size), std::as_bytes(std::span(c.digests).subspan(first, count)));
            });
        };

        const auto all = [&] { return everything(snapshot, before.allocated(made().size)); };
        const auto changes = tracking_of(source_).has_map ? changes_of(snapshot, base, no_map_) : change_map{};
        std::string compared;
        if (changes.blocks) {
            journal_.info("revision " + made().id + ": reading the " + counted(changes.blocks->count(), "block") + " of the change map");
            auto always = *changes.blocks;
            if (made().size > 0) always.add({made().size - 1, 1});
            copy(snapshot, always, workers_, journal_, take);
            compared = compare_beside(snapshot, always, all(), take);
            if (written.exceeds(*changes.blocks)) {
                attention(source_.name() + ": the change map was wrong: the revision was mended and everything compared");
                block_map rest(made().size);  // where the source sees nothing, too
                rest.add({0, made().size});
                rest.remove(always), rest.remove(written);
                copy(snapshot, rest, workers_, journal_, take);
                compared = "every block, since the change map was wrong";
            }
        } else {
            compared = "every allocated block" + (changes.why_none.empty() ? "" : " (" + changes.why_none + ")");
            journal_.info("revision " + made().id + ": reading " + compared);
            copy(snapshot, all(), workers_, journal_, take);
        }
        snapshot.attest();
        made().compared = proof{repository_.clock().now(), compared};
        made().stats.bytes_written = bytes_written;
        made().stats.bytes_read = bytes_read;

        const auto copied = image.copied();
        made().stats.bytes_written += copied;
        const auto sealed = image.seal();
        const auto sealed_digests = digests.seal();
        made().durable = proof{repository_.clock().now(), "image and digests"};
        const auto ours = written;
        if (copied > 0) written.add(allocated(sealed, made().size));
        read_back(sealed, sealed_digests, written, ours);
        image.commit();
        digests.commit();
    }

    /// True: the store shares these bytes with the snapshot, and need not write them.
    static bool adopt(auto& image, const auto& snapshot, extent e) {
        if constexpr (requires { { image.adopt(*snapshot.frozen_file(), e) } -> std::same_as<bool>; })
            if (const auto* const file = snapshot.frozen_file()) return image.adopt(*file, e);
        return false;
    }

    /// Reads a part of what the change map leaves out, as far as there is time for it. Returns what was compared, for the proof.
    std::string compare_beside(const auto& snapshot, const block_map& always, block_map used, const auto& take) {
        const auto how = tracking_of(source_);
        const auto beside = beside_the_map(always, std::move(used), *made().sequence, how.compared_within);
        journal_.info("revision " + made().id + ": comparing " + counted(beside.count(), "block") + " beside the change map");
        const auto deadline = repository_.clock().steady() + how.compare_limit;
        const auto enough = [&] { return how.compare_limit.count() > 0 && repository_.clock().steady() >= deadline; };
        byte_count done = 0;
        for (const auto& half : from_anywhere(beside))
            done += blocks_of(copy(snapshot, half, workers_, journal_, take, fail_if_unreadable{}, enough));
        auto compared = "the change map's blocks; beside it up to " + std::to_string(sample_size) +
                        " drawn from the others that are allocated and as many from those that are not, in turn 1 of " +
                        std::to_string(how.compared_within) + " parts of the allocated ones, the last one";
        if (done == beside.count()) return compared;
        compared = "partially compared (the time limit): " + std::to_string(done) + " of " + std::to_string(beside.count()) +
                   " blocks beside the change map";
        journal_.warning("revision " + made().id + ": " + compared);
        return compared;
    }

    static aligned_buffer header_buffer(const typename H::key& key) {
        aligned_buffer buffer(layout::start);
        const auto header = layout::header_for(key);
        std::ranges::fill(buffer.first(layout::start), std::byte{});
        std::memcpy(buffer.first(sizeof header).data(), &header, sizeof header);
        return buffer;
    }

    /// What was written is read from the disk, and held against digests that come from the disk as well. `ours`: what was not copied from the
    /// parent by a store that cannot share.
    template <class Sealed, class SealedDigests>
    void read_back(const Sealed& sealed, const SealedDigests& sealed_digests, const block_map& written, const block_map& ours) {
        journal_.info("revision " + made().id + ": reading back " + counted(written.count(), "block"));
        const image_view digests_view(sealed_digests);
        const digest_table<H, image_view<SealedDigests>> table(digests_view);
        if (const auto bad = mismatches(sealed, table, written, workers_, journal_); !bad.empty())
            throw corrupt_block("revision " + made().id,
                                "read-back at offset " + std::to_string(bad[0].where.offset) + ": " + bad[0].why +
                                    (ours.has(bad[0].where.offset) ? "" : ", as it was copied from its parent (backy verify -r " + *made().parent + ")"));
        made().digests = {H::type.c_str(), block_size, seal_of_digests(sealed_digests)};
        made().read_back = proof{repository_.clock().now(), counted(written.count(), "block") + ", all that were written, " + origin_of(sealed)};
    }

    const Repository& repository_;
    S& source_;
    backy::journal& journal_;
    unsigned workers_;
    std::string no_map_;  ///< why the source's change map cannot be used; empty: nothing speaks against it yet
    bool frozen_ = false;
    backup_report report_;
};

}  // namespace detail

/// Adds a revision to the repository. Throws lock_busy when another process is at it, and error; then nothing of the revision is left,
/// or, if that could not be done, .run names what the next run removes.
/// cost: a read of what may have changed, a write and a read of what did; memory is 4 MiB for each worker and 1 bit per block.
template <Store T, Catalog C, Hash H, Clock K, Source S>
backup_report backup(const repository<T, C, H, K>& repository, S& source, const std::vector<std::string>& tags,
                     unsigned workers = default_workers()) {
    [[maybe_unused]] const auto lock = repository.catalog().lock(false);
    const auto left = repository.catalog().announced();
    auto snapshots = repository.settle(source);
    require_room(repository, repository.catalog().read());
    const bool may_come_late = tracking_of(source).has_map;
    if (left && may_come_late)
        add_missing(snapshots, left->revisions);  // of a killed run, which may have asked for one: looked for again at the end
    const auto id = fresh_id();
    snapshots.push_back(id);
    repository.catalog().announce({{id}, snapshots, source.name()});
    backup_report report;
    detail::backup_run run(repository, source, id, tags, workers);
    try {
        report = run.make();
    } catch (...) {
        try {
            repository.catalog().remove(id);
            auto held = repository.settle(source);
            if (may_come_late && !run.frozen()) {
                add_missing(held, {id});
                repository.catalog().announce({{}, held, source.name()});
            }
        } catch (const std::exception& e) {
            repository.journal().warning(std::string(e.what()) + " (the next run cleans up)");
        }
        throw;
    }
    repository.settle(source);
    return report;
}

}  // namespace backy
