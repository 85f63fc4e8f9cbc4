// SPDX-License-Identifier: GPL-3.0-or-later
// mismatches: which blocks of an image are not what their digests say. The read-back and verify.
#pragma once

#include <backy/engine/copy.hpp>
#include <backy/engine/digests.hpp>

namespace backy {

struct bad_extent {
    extent where;
    std::string why;
};

/// Collects bad extents from several threads.
class bad_extents {
public:
    void add(extent e, const std::string& why) {
        const std::lock_guard lock(guard_);
        if (found_.size() < most) found_.push_back({e, why});
        else more_ += e.length;
    }
    /// What could not be read; without the offset, which every block has another of.
    void add(extent e, const error& why) {
        const std::string text = why.what();
        add(e, "cannot be read: " + text.substr(text.rfind(": ") == text.npos ? 0 : text.rfind(": ") + 2));
    }
    /// For each run of bits a bad extent of the data at `offset`.
    void add(std::uint64_t bits, byte_count offset, const_block data) {
        for_each_run(bits, [&](unsigned first, unsigned count) {
            add({offset + first * block_size, blocks_in(data, first, count).size()}, "does not match its digest");
        });
    }
    /// Ascending; neighbours that are bad for one reason become one.
    /// Of a dead disk the first 100,000; the last one says how much more there is.
    std::vector<bad_extent> all() {
        std::ranges::sort(found_, {}, [](const bad_extent& b) { return b.where.offset; });
        std::vector<bad_extent> joined;
        for (auto& b : found_) {
            if (!joined.empty() && joined.back().why == b.why && joined.back().where.offset + joined.back().where.length == b.where.offset)
                joined.back().where.length += b.where.length;
            else joined.push_back(std::move(b));
        }
        if (more_ > 0) joined.push_back({joined.back().where, "and " + std::to_string(more_) + " more bytes"});
        return joined;
    }

private:
    static constexpr std::size_t most = 100'000;
    byte_count more_ = 0;
    std::mutex guard_;
    std::vector<bad_extent> found_;
};

/// One for each run of bad or unreadable blocks of `which`, ascending.
template <Hash H, Image D>
std::vector<bad_extent> mismatches(const Image auto& image, const digest_table<H, D>& table, const block_map& which, unsigned workers, journal& journal) {
    bad_extents bad;
    copy(
        image, which, workers, journal, [&](byte_count offset, const_block data) { bad.add(table.compare(offset, data).differing, offset, data); },
        [&](extent e, const error& why) { bad.add(e, why); });
    return bad.all();
}

}  // namespace backy
