// SPDX-License-Identifier: GPL-3.0-or-later
// sources::throttled<S> models Source as S does, whatever S is, and reads no faster than it may.
#pragma once

#include <backy/concepts/source.hpp>
#include <backy/core/pace.hpp>

#include <functional>
#include <memory>

namespace backy::sources {

/// Its table has one key more, `read-rate`: MiB per second, by default without a limit.
template <Source S>
class throttled : public S {
public:
    struct config : S::config {
        byte_count read_rate = 0;  ///< bytes per second; 0: no limit
        bool operator==(const config&) const = default;
        static config from(const section& table) {
            constexpr std::int64_t most = 100'000;
            const auto rate = table.get<std::int64_t>("read-rate", 0);
            if (table.has("read-rate") && (rate < 1 || rate > most)) table.refuse("read-rate", "must be from 1 to " + std::to_string(most) + " (MiB per second): " + std::to_string(rate));
            auto rest = table;
            rest.set_aside("read-rate");
            return {S::config::from(rest), static_cast<byte_count>(rate) * 1_MiB};
        }
    };
    class snapshot : public snapshot_of<S> {
    public:
        snapshot(snapshot_of<S> s, std::function<void(byte_count)> before_read) : snapshot_of<S>(std::move(s)), before_read_(std::move(before_read)) {}
        void read(byte_count at, block out) const {
            if (before_read_) before_read_(out.size());
            snapshot_of<S>::read(at, out);
        }

    private:
        std::function<void(byte_count)> before_read_;
    };

    throttled(const config& c, journal& j) : S(c, j) {
        if (c.read_rate > 0) before_each_read([pace = std::make_shared<pace>(c.read_rate)](byte_count n) { pace->take(n); });
    }

    /// Called by several threads with what a snapshot that is frozen from now on is asked to read next; may wait, may throw.
    void before_each_read(std::function<void(byte_count)> call) {
        before_read_ = before_read_ ? [first = before_read_, call](byte_count n) { first(n), call(n); } : std::move(call);
    }
    snapshot freeze(const revision_id& id) { return {S::freeze(id), before_read_}; }

private:
    std::function<void(byte_count)> before_read_;
};

}  // namespace backy::sources
