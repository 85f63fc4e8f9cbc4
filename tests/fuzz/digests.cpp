// SPDX-License-Identifier: GPL-3.0-or-later
// A digests file, of either hash.
#include "target.hpp"

#include <backy/engine/digests.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/hashes/sha256.hpp>

using namespace backy;
using fuzz::must;

namespace {

/// The input as an Image with holes where pages are zero.
class memory_image {
public:
    explicit memory_image(std::string_view bytes) : bytes_(bytes) {}
    byte_count size() const { return bytes_.size(); }
    void read(byte_count at, block out) const {
        must(at <= size() && out.size() <= size() - at, "a read lies within the size");
        std::memcpy(out.data(), bytes_.data() + at, out.size());
    }
    void extents(const extent_visitor& visit) const {
        for (byte_count at = 0; at < size(); at += 4_KiB)
            if (const auto page = bytes_.substr(at, 4_KiB); !is_zero(bytes_of(page))) visit({at, page.size()});
    }

private:
    std::string_view bytes_;
};
static_assert(Image<memory_image>);

/// A volume like the corpus's: zeroes, A, B, and a short block of C.
const_block volume() {
    constexpr byte_count size = 3 * block_size + 100;
    static const aligned_buffer buffer(size);
    static const auto filled = [] {
        std::memset(buffer.first(size).data(), 0, size);
        for (const unsigned block : {1u, 2u, 3u})
            for (auto& byte : buffer.first(size).subspan(block * block_size, block < 3 ? block_size : 100)) byte = static_cast<std::byte>('A' + block - 1);
        return buffer.first(size);
    }();
    return filled;
}

template <Hash H>
void look_at(std::string_view bytes) {
    using digest = typename H::digest;
    using layout = digests_layout<H>;
    const memory_image image(bytes);
    std::optional<digest_table<H, memory_image>> table;
    try {
        table.emplace(image);
    } catch (const store_error&) {
        return;
    }
    const auto header = layout::header_for(table->key());
    must(std::memcmp(&header, bytes.data(), sizeof header) == 0, "a table that is taken has the header that we would write");

    const auto known = [&](byte_count block) {  // what is behind the end is zeroes
        digest d{};
        const auto at = layout::start + block * layout::width;
        if (at < bytes.size()) std::memcpy(&d, bytes.data() + at, std::min<std::size_t>(sizeof d, bytes.size() - at));
        return d;
    };
    const H hash(table->key());
    for (const byte_count window : {0u, 1u, 1'000'000u}) {
        const auto c = table->compare(window * window_size, volume());
        for (byte_count i = 0; i < blocks_of(volume().size()); ++i) {
            const auto b = blocks_in(volume(), i, 1);
            const auto right = is_zero(b) ? digest{} : hash(b);
            const auto bit = std::uint64_t{1} << i;
            must(c.digests[i] == right && ((c.zero & bit) != 0) == is_zero(b), "digests are those of the data");
            must(((c.differing & bit) != 0) == (right != known(window * window_blocks + i)), "what differs is what has another digest");
        }
        must(c.differing >> blocks_of(volume().size()) == 0, "nothing is said of blocks that were not asked for");
    }
    for (const byte_count size : {byte_count{0}, byte_count{1}, block_size, window_size + 1, 40 * window_size}) {
        const auto map = table->allocated(size);
        for (byte_count block = 0; block < blocks_of(size); ++block)
            must(known(block) == digest{} || map.has(block * block_size), "every block with a digest is allocated");
    }
    must(seal_of_digests(image) == sha256_of(bytes), "the seal is of the whole file");
}

}  // namespace

void fuzz::one(std::string_view input) {
    look_at<hashes::gmac>(input);
    look_at<hashes::sha256>(input);
}
