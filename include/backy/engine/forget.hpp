// SPDX-License-Identifier: GPL-3.0-or-later
// forget: revisions go, metadata first, and everything that belongs to them.
#pragma once

#include <backy/engine/repository.hpp>

namespace backy {

namespace detail {

/// Where there is no space for an announcement or a link.
template <Store T, Catalog C, Hash H, Clock K>
void forget_on_full_disk(const repository<T, C, H, K>& repository, Source auto& source, const std::vector<revision_id>& ids) {
    repository.catalog().point(std::nullopt, std::nullopt);  // settle() points again, when there is space
    for (const auto& id : ids) {
        if (repository.catalog().retire(id)) continue;
        repository.store().remove(id);  // now or never, since nothing names it any more
        repository.catalog().digests().remove(id);
        try {
            source.release(id);
        } catch (const error& e) {
            repository.journal().warning(std::string(e.what()) + " (the snapshot stays; remove it by hand)");
        }
    }
    repository.settle(source, links::if_there_is_space);
}

}  // namespace detail

/// select(history) names the revisions; a damaged one may be among them. Space that only they held is free afterwards; on a full
/// filesystem this works too. The source is not needed: a snapshot that cannot be released now stays in .run. Throws lock_busy, error.
template <Store T, Catalog C, Hash H, Clock K>
std::vector<revision_id> forget(const repository<T, C, H, K>& repository, Source auto& source, auto select) {
    [[maybe_unused]] const auto lock = repository.catalog().lock(false);
    auto snapshots = repository.settle(source, links::if_there_is_space);
    const auto h = repository.catalog().read();
    const std::vector<revision_id> ids = select(h);
    if (ids.empty()) return ids;
    snapshots.insert(snapshots.end(), ids.begin(), ids.end());
    try {
        repository.catalog().announce({ids, snapshots, source.name()});
    } catch (const no_space&) {
        detail::forget_on_full_disk(repository, source, ids);
        return ids;
    }
    try {
        repository.point(h.without(ids));
    } catch (const no_space&) {
        repository.catalog().point(std::nullopt, std::nullopt);
    }
    for (const auto& id : ids) repository.catalog().remove(id);
    repository.settle(source, links::if_there_is_space);
    return ids;
}

}  // namespace backy
