// SPDX-License-Identifier: GPL-3.0-or-later
// relayout: gives back the space that revisions hold and no longer use.
#pragma once

#include <backy/core/text.hpp>
#include <backy/engine/repository.hpp>

namespace backy {

/// Beside what images hold there are their metadata, and 1.3 is what all of it may take (docs/operations.md).
inline constexpr double relayout_above = 1.2;

/// Does nothing while what is held is no more than that times what is used. Says in the journal what it costs before it begins.
/// Takes no lock. Returns how many bytes were copied. Throws error, also when the process was asked to end; what is done then stays.
template <Store T, Catalog C, Hash H, Clock K>
byte_count relayout(const repository<T, C, H, K>& repository) {
    auto& journal = repository.journal();
    if constexpr (AgeingStore<T>) {
        std::vector<revision_id> ids;
        for (const auto& r : repository.catalog().read().revisions) ids.push_back(r.id);
        const auto before = repository.store().layout_of(ids);
        const auto held_and_used = [](const layout& l) { return to_size(l.held) + " held for " + to_size(l.used) + " in use"; };
        if (before && before->ratio() > relayout_above && before->to_copy > 0) {
            journal.info("re-layout: " + held_and_used(*before) + ": " + to_size(before->to_copy) +
                         " are copied, some at a time, and shared again by all revisions that have them: no shared space is lost");
            const auto copied = repository.store().relayout(ids);
            if (const auto after = repository.store().layout_of(ids)) journal.info("re-layout: " + to_size(copied) + " copied, now " + held_and_used(*after));
            return copied;
        }
        journal.info("re-layout: nothing to do: " + (before ? held_and_used(*before) : "this filesystem frees what is not used by itself, or does not tell"));
    } else {
        journal.info("re-layout: nothing to do in this store");
    }
    return 0;
}

}  // namespace backy
