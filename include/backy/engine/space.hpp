// SPDX-License-Identifier: GPL-3.0-or-later
// Whether the next revision fits, as far as that can be known before it is made.
#pragma once

#include <backy/engine/repository.hpp>

namespace backy {

/// The most that one of the last five took that were built upon another; nothing: there is none to go by. One that came from elsewhere
/// (without a sequence) says what others counted: the Python backy the whole volume.
inline std::optional<byte_count> expected_size(const history& h) {
    std::optional<byte_count> most;
    int seen = 0;
    for (auto r = h.revisions.rbegin(); r != h.revisions.rend() && seen < 5; ++r)
        if (r->parent && r->sequence) most = std::max(most.value_or(0), r->stats.bytes_written), ++seen;
    return most;
}

/// Throws no_space, and then nothing was done.
template <Store T, Catalog C, Hash H, Clock K>
void require_room(const repository<T, C, H, K>& repository, const history& h) {
    if constexpr (BoundedStore<T>)
        if (const auto bytes = expected_size(h)) repository.store().require_room(*bytes);
}

}  // namespace backy
