// SPDX-License-Identifier: GPL-3.0-or-later
// expire: what the schedule no longer keeps goes.
#pragma once

#include <backy/concepts/schedule.hpp>
#include <backy/engine/forget.hpp>

namespace backy {

struct expiry_report {
    std::vector<revision_id> removed;
    std::vector<std::string> kept;  ///< why a tag that has run out is still there: no space to rewrite the metadata; the next run does it
};

/// Throws lock_busy, error. Works on a full filesystem, as forget does; what it could not finish, the next one does.
template <Store T, Catalog C, Hash H, Clock K>
expiry_report expire(const repository<T, C, H, K>& repository, Source auto& source, const Schedule auto& schedule) {
    expiry_report report;
    report.removed = forget(repository, source, [&](const history& h) {
        auto out = schedule.expired(h, repository.clock().now());
        for (auto& change : out.retagged) {
            auto r = *h.find(change.id);
            r.tags = std::move(change.tags);
            try {
                repository.catalog().put(r);
            } catch (const no_space& e) {
                report.kept.push_back(e.what());
            }
        }
        return out.removed;
    });
    return report;
}

}  // namespace backy
