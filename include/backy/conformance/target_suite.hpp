// SPDX-License-Identifier: GPL-3.0-or-later
// The laws of Target: `target_suite(make, read)`; make() opens the same target, read() says what a reader finds there. A device
// (`exact` false) may have more behind.
#pragma once

#include <backy/concepts/target.hpp>
#include <backy/conformance/image_suite.hpp>

#include <functional>

namespace backy::conformance {

template <class Make>
    requires Target<std::remove_reference_t<std::invoke_result_t<Make>>>
void target_suite(Make make, std::function<content()> read, bool exact = true) {
    using T = std::remove_reference_t<std::invoke_result_t<Make>>;
    randomness random;
    for (const std::size_t size : {5'000'001ul, 4'000'000ul, 0ul, 1ul, 65537ul}) {  // the second over what the first left: zeroes have to be written too
        INFO(size);
        const auto truth = some_volume(random, size);
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
        const auto found = read();
        CHECK((exact || found.size() > truth.size() ? found.substr(0, exact ? found.npos : truth.size()) == truth : found == truth));
    }
}

}  // namespace backy::conformance
