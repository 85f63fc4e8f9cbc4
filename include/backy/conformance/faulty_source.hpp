// SPDX-License-Identifier: GPL-3.0-or-later
// A Source over any other, of which one call fails: what a storage that stumbles, goes away, or answers too late looks like to the engine.
#pragma once

#include <backy/concepts/source.hpp>

namespace backy::conformance {

struct source_plan {
    enum class kind {
        once,          ///< the n-th call does nothing and fails
        from_then_on,  ///< so do all that follow
        too_late,      ///< the n-th call does what it should, and fails all the same
    };
    kind what = kind::once;
    long at = 0;
    long calls = 0;

    decltype(auto) strike(auto call) {
        ++calls;
        if (calls < at || at == 0 || (calls > at && what != kind::from_then_on)) return call();
        if (what == kind::too_late) call();
        throw source_error("source", "no answer", true);
    }
};

template <Source S>
class faulty_source {
    using inner = snapshot_of<S>;

public:
    static constexpr auto type = S::type;
    using config = typename S::config;
    static section parse(const std::string& spelling) { return S::parse(spelling); }

    class snapshot {
    public:
        snapshot(inner s, source_plan& plan) : inner_(std::move(s)), plan_(&plan) {}
        byte_count size() const { return inner_.size(); }
        void read(byte_count at, block out) const {
            plan_->strike([&] { inner_.read(at, out); });
        }
        void extents(const extent_visitor& visit) const {
            plan_->strike([&] { inner_.extents(visit); });
        }
        std::string identity() const { return inner_.identity(); }
        backy::consistency consistency() const { return inner_.consistency(); }
        std::vector<std::string> remarks() const { return inner_.remarks(); }
        void attest() const {
            plan_->strike([&] { inner_.attest(); });
        }
        std::optional<std::string> changed_since(const revision_id& base, const extent_visitor& visit) const
            requires DeltaSnapshot<inner>
        {
            return plan_->strike([&] { return inner_.changed_since(base, visit); });
        }

        std::string mark_of(const revision_id& id) const
            requires MarkedSnapshot<inner>
        {
            return plan_->strike([&] { return inner_.mark_of(id); });
        }

    private:
        inner inner_;
        source_plan* plan_;
    };

    faulty_source(config c, journal& journal) : source_(std::move(c), journal) {}
    faulty_source(auto make, source_plan& plan) : source_(make()), plan_(&plan) {}

    std::string name() const { return source_.name(); }
    snapshot freeze(const revision_id& id) {
        return plan_->strike([&] { return snapshot(source_.freeze(id), *plan_); });
    }
    std::vector<revision_id> snapshots() {
        return plan_->strike([&] { return source_.snapshots(); });
    }
    void release(const revision_id& id) {
        plan_->strike([&] { source_.release(id); });
    }
    tracking tracked()
        requires TrackedSource<S>
    {
        return source_.tracked();
    }

private:
    S source_;
    source_plan* plan_ = nullptr;
};

}  // namespace backy::conformance
