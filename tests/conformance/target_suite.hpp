// SPDX-License-Identifier: GPL-3.0-or-later
// The laws of Target: `target_suite(make, content)`; make() opens the same target, content() says what a reader finds there. A device
// (`exact` false) may have more behind.
#pragma once

#include "image_suite.hpp"

#include <backy/concepts/target.hpp>

namespace conformance {

template <class Make>
    requires backy::Target<std::remove_reference_t<std::invoke_result_t<Make>>>
void target_suite(Make make, std::function<support::content()> content, bool exact = true) {
    using namespace backy;
    using T = std::remove_reference_t<std::invoke_result_t<Make>>;
    support::randomness random;
    for (const std::size_t size : {5'000'001ul, 0ul, 1ul, 65537ul}) {
        INFO(size);
        const auto truth = support::some_volume(random, size);
        {
            auto target = make();
            target.resize(size);
            for (std::size_t at = 0; at < size; at += block_size) {
                const auto part = std::string_view(truth).substr(at, block_size);
                if (is_zero(bytes_of(part))) target.zero({at, part.size()});
                else target.write(at, bytes_of(part));
            }
            target.sync();
            if constexpr (InPlaceTarget<T>)
                if (exact) image_suite(target, truth);
        }
        const auto found = content();
        CHECK((exact || found.size() > truth.size() ? found.substr(0, exact ? found.npos : truth.size()) == truth : found == truth));
    }
}

}  // namespace conformance
