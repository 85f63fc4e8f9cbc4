// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of digests by themselves: what differs from them.
#include "support/memory_source.hpp"

#include <backy/engine/digests.hpp>
#include <backy/hashes/gmac.hpp>

using namespace backy;
using support::bytes_in_memory, support::content;
using hash = hashes::gmac;
using layout = digests_layout<hash>;

namespace {

/// The digests file of a volume, as docs/format.md has it.
digest_table<hash, bytes_in_memory> table_of(const content& volume) {
    const auto key = hash::fresh_key();
    const auto header = layout::header_for(key);
    content file(reinterpret_cast<const char*>(&header), sizeof header);
    file.resize(4096, '\0');
    for (std::size_t at = 0; at < volume.size(); at += block_size) {
        const auto part = bytes_of(std::string_view(volume).substr(at, block_size));
        const auto digest = is_zero(part) ? hash::digest{} : hash(key)(part);
        file.append(reinterpret_cast<const char*>(digest.data()), digest.size());
    }
    CHECK(layout::size_for(volume.size()) == file.size());
    return digest_table<hash, bytes_in_memory>(bytes_in_memory{std::make_shared<content>(file)});
}

/// Data, zeroes, data, and a last block that is short.
const content volume = content(block_size, 'a') + content(block_size, '\0') + content(block_size, 'b') + content(1000, 'c');

content with(std::size_t number, char c) {
    auto changed = volume;
    for (auto at = number * block_size; at < std::min(changed.size(), (number + 1) * block_size); ++at) changed[at] = c;
    return changed;
}

}  // namespace

TEST_CASE("digests: a table tells which blocks differ, and which are zeroes whatever it says") {
    const auto table = table_of(volume);
    const auto differing = [&](const content& data) { return table.compare(0, bytes_of(data)).differing; };
    CHECK(differing(volume) == 0);
    CHECK(table.compare(0, bytes_of(volume)).zero == 0b0010);
    CHECK(differing(with(0, 'x')) == 0b0001);
    CHECK(differing(with(1, 'x')) == 0b0010);
    CHECK(differing(with(2, '\0')) == 0b0100);
    CHECK(differing(with(3, '\0')) == 0b1000);
    CHECK(table.compare(0, bytes_of(with(3, '\0'))).zero == 0b1010);
    CHECK(differing(volume.substr(0, volume.size() - 1)) == 0b1000);
    CHECK(differing(volume + '\0') == 0b1000);
    CHECK(table.compare(2 * block_size, bytes_of(std::string_view(volume).substr(2 * block_size))).differing == 0);
    CHECK(table.compare(2 * block_size, bytes_of(volume)).differing == 0b1111);
}

TEST_CASE("digests: behind the end of a table are zeroes, and without a table everywhere") {
    const auto table = table_of(volume.substr(0, block_size));
    CHECK(table.compare(0, bytes_of(volume)).differing == 0b1100);
    CHECK(table.compare(window_size, bytes_of(volume)).differing == 0b1101);
    const digest_table<hash, bytes_in_memory> none(hash::fresh_key());
    CHECK(none.compare(0, bytes_of(volume)).differing == 0b1101);
}

TEST_CASE("digests: an image tells the same as its table, and what cannot be read of it differs, zeroes too") {
    struct torn : bytes_in_memory {
        bool is_torn;
        void read(byte_count at, block out) const {
            if (is_torn) throw error("torn", "read: Input/output error");
            bytes_in_memory::read(at, out);
        }
    };
    const auto image_of = [](const content& c, bool is_torn) { return computed_digests<hash, torn>(hash::fresh_key(), torn{{std::make_shared<content>(c)}, is_torn}); };
    for (std::size_t number = 0; number < 4; ++number) {
        CHECK(image_of(volume, false).compare(0, bytes_of(with(number, number == 2 ? '\0' : 'x'))).differing == std::uint64_t{1} << number);
        CHECK(image_of(volume, true).compare(0, bytes_of(with(number, '\0'))).differing == 0b1111);
    }
    CHECK(image_of(volume.substr(0, block_size), false).compare(0, bytes_of(volume)).differing == 0b1100);
    CHECK(image_of(volume, false).compare(0, bytes_of(volume)).differing == 0);
}

TEST_CASE("digests: a table has one digest for each block, and for a short last one") {
    CHECK(layout::size_for(0) == 4096);
    CHECK(layout::size_for(1) == 4096 + 16);
    CHECK(layout::size_for(65'536) == 4096 + 16);
    CHECK(layout::size_for(65'537) == 4096 + 32);
    CHECK(layout::place_of(65'535) == 4096);
    CHECK(layout::place_of(65'536) == 4096 + 16);
}
