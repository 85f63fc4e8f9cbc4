// SPDX-License-Identifier: GPL-3.0-or-later
// verify, distrust: what is believed of a revision, and why.
#pragma once

#include <backy/engine/changes.hpp>
#include <backy/engine/mismatches.hpp>
#include <backy/engine/repository.hpp>

namespace backy {

namespace detail {

/// Everything that is wrong with a revision's bytes, in lines for people, and how they were read. Reads all of them.
struct verdict {
    std::vector<std::string> faults;
    std::string origin;
};

template <Store T, Catalog C, Hash H, Clock K>
verdict examine(const repository<T, C, H, K>& repository, const revision& r, unsigned workers) {
    verdict v;
    auto& faults = v.faults;
    try {
        const auto image = repository.store().examine(r.id);
        const auto table = repository.digests_of(r);
        if (image.size() != r.size)
            faults.push_back("the image has " + std::to_string(image.size()) + " bytes and should have " + std::to_string(r.size));
        for (const auto& bad : mismatches(image, table, everything(image, table.allocated(r.size)), workers, repository.journal()))
            faults.push_back("offset " + std::to_string(bad.where.offset) + ", " + std::to_string(bad.where.length) + " bytes: " + bad.why);
        v.origin = origin_of(image);
    } catch (const missing_revision& e) {
        faults.push_back(e.what());
    } catch (const corrupt_block& e) {
        faults.push_back(e.what());
    }
    return v;
}

}  // namespace detail

/// Holds every stored byte against its digest. A revision that passes becomes verified, one that fails distrusted. Returns what is wrong.
/// Takes no lock while it reads, and waits for it to write down the result. Throws store_error for a revision without digests.
/// cost: one read of the image.
template <Store T, Catalog C, Hash H, Clock K>
std::vector<std::string> verify(const repository<T, C, H, K>& repository, const revision& r, unsigned workers = default_workers()) {
    if (!r.digests) throw store_error("revision " + r.id, "verify: it has no digests to check it against");
    const auto [faults, origin] = detail::examine(repository, r, workers);
    for (const auto& fault : faults) repository.journal().error("revision " + r.id + ": " + fault);
    [[maybe_unused]] const auto lock = repository.catalog().lock(true);
    const auto now = repository.catalog().read();
    const auto* const still = now.find(r.id);
    if (!still) throw history_error("revision " + r.id, "verify: it was removed meanwhile");
    auto judged = *still;
    judged.trust = faults.empty() ? trust::verified : trust::distrusted;
    if (faults.empty()) judged.verified = proof{repository.clock().now(), "the whole image, " + origin};
    repository.update(judged);
    return faults;
}

/// Marks revisions as not to be built upon. Throws lock_busy, error.
template <Store T, Catalog C, Hash H, Clock K>
void distrust(const repository<T, C, H, K>& repository, auto select) {
    [[maybe_unused]] const auto lock = repository.catalog().lock(false);
    const std::vector<revision> chosen = select(repository.catalog().read());
    for (auto r : chosen) {
        r.trust = trust::distrusted;
        repository.update(r);
    }
}

}  // namespace backy
