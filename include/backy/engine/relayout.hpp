// SPDX-License-Identifier: GPL-3.0-or-later
// relayout: gives back the space that revisions hold and no longer use.
#pragma once

#include <backy/core/text.hpp>
#include <backy/engine/repository.hpp>

namespace backy {

/// Beside what images hold there are their metadata, and 1.3 is what all of it may take (docs/stores.md).
inline constexpr double relayout_above = 1.2;

inline std::vector<revision_id> ids_of(const history& h) {
    std::vector<revision_id> ids;
    for (const auto& r : h.revisions) ids.push_back(r.id);
    return ids;
}

/// What all revisions hold and use; nothing: this store, or its filesystem, frees what is not used by itself, or does not tell.
template <Store T, Catalog C, Hash H, Clock K>
std::optional<layout> layout_of(const repository<T, C, H, K>& repository) {
    if constexpr (AgeingStore<T>) return repository.store().layout_of(ids_of(repository.catalog().read()));
    else return std::nullopt;
}

inline bool is_worth_a_relayout(const std::optional<layout>& l) { return l && l->ratio() > relayout_above && l->to_copy > 0; }
inline std::string held_and_used(const layout& l) { return to_size(l.held) + " held for " + to_size(l.used) + " in use"; }

/// Does nothing while what is held is no more than that times what is used. Says in the journal what it costs before it begins.
/// Takes no lock. Returns how many bytes were copied. Throws error, also when the process was asked to end; what is done then stays.
template <Store T, Catalog C, Hash H, Clock K>
byte_count relayout(const repository<T, C, H, K>& repository) {
    auto& journal = repository.journal();
    const auto before = layout_of(repository);
    if constexpr (AgeingStore<T>)
        if (is_worth_a_relayout(before)) {
            journal.info("re-layout: " + held_and_used(*before) + ": " + to_size(before->to_copy) +
                         " are copied, some at a time, and shared again by all revisions that have them: no shared space is lost");
            const auto copied = repository.store().relayout(ids_of(repository.catalog().read()));
            if (const auto after = layout_of(repository)) journal.info("re-layout: " + to_size(copied) + " copied, now " + held_and_used(*after));
            return copied;
        }
    journal.info("re-layout: nothing to do: " + (before ? held_and_used(*before) : "this store frees what is not used by itself, or does not tell"));
    return 0;
}

}  // namespace backy
