// SPDX-License-Identifier: GPL-3.0-or-later
// The laws of Image, of whatever can be read: used by the suites of sources, stores and targets.
#pragma once

#include <backy/concepts/image.hpp>
#include <backy/conformance/volume.hpp>

namespace backy::conformance {

inline std::string read_whole(const Image auto& image) {
    std::string all(image.size(), '?');
    const aligned_buffer buffer(window_size);
    for (byte_count at = 0; at < all.size(); at += window_size) {
        const auto part = buffer.first(std::min<byte_count>(window_size, all.size() - at));
        image.read(at, part);
        std::memcpy(all.data() + at, part.data(), part.size());
    }
    return all;
}

inline void image_suite(const Image auto& image, const content& truth) {
    REQUIRE(image.size() == truth.size());
    CHECK((read_whole(image) == truth));

    std::string covered(truth.size(), '\0');
    byte_count end = 0;
    image.extents([&](extent e) {
        CHECK(e.offset >= end);
        CHECK(e.length > 0);
        end = e.offset + e.length;
        for (auto at = e.offset; at < std::min<byte_count>(end, truth.size()); ++at) covered[at] = truth[at];
    });
    CHECK((covered == truth));  // outside of its extents everything is zero
    if (truth.size() >= block_size) {
        aligned_buffer last(block_size);
        const auto offset = (truth.size() - 1) / block_size * block_size, n = truth.size() - offset;
        image.read(offset, last.first(n));
        CHECK(is_equal(last.first(n), bytes_of(std::string_view(truth).substr(offset))));
    }
}

}  // namespace backy::conformance
