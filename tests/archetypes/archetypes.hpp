// SPDX-License-Identifier: GPL-3.0-or-later
// Archetypes: for each concept the least that models it. A template that asks for more than its concept promises does not compile
// over these. The bodies never run.
#pragma once

#include <backy/composition.hpp>

namespace archetype {
using namespace backy;

struct pinned {
    pinned() = default;
    pinned(const pinned&) = delete;
    pinned& operator=(const pinned&) = delete;
};
struct movable {
    movable(movable&&) noexcept = default;
    movable& operator=(movable&&) noexcept = default;
};

struct image : movable {
    byte_count size() const { throw 0; }
    void read(byte_count, block) const { throw 0; }
    void extents(const extent_visitor&) const { throw 0; }
};
struct sealed_image : image {
    bool was_uncached() const { throw 0; }
};
struct snapshot : image {
    std::string identity() const { throw 0; }
    backy::consistency consistency() const { throw 0; }
    std::vector<std::string> remarks() const { throw 0; }
    void attest() const { throw 0; }
};
struct delta_snapshot : snapshot {
    std::optional<std::string> changed_since(const revision_id&, const extent_visitor&) const { throw 0; }
};

struct config {
    static config from(const section&) { throw 0; }
};
template <class Frozen>
struct source : pinned {
    static constexpr auto type = name<"archetype">;
    using config = archetype::config;
    static section parse(const std::string&) { throw 0; }
    source(config, journal&) { throw 0; }
    std::string name() { throw 0; }
    Frozen freeze(const revision_id&) { throw 0; }
    std::vector<revision_id> snapshots() { throw 0; }
    void release(const revision_id&) { throw 0; }
};

struct tracked_source : source<delta_snapshot> {
    using source::source;
    backy::tracking tracked() { throw 0; }
};

struct writer : movable {
    void write(byte_count, const_block) { throw 0; }
    void zero(extent) { throw 0; }
    byte_count copied() { throw 0; }
    sealed_image seal() { throw 0; }
    void commit() { throw 0; }
};
struct space : pinned {
    writer begin(const revision_id&, byte_count, const std::optional<revision_id>&) { throw 0; }
    image open(const revision_id&) { throw 0; }
    sealed_image examine(const revision_id&) { throw 0; }
    void remove(const revision_id&) { throw 0; }
};
struct store : space {
    static constexpr auto type = name<"archetype">;
    using config = archetype::config;
    store(config, const std::filesystem::path&, journal&) { throw 0; }
};
struct file_store : store {
    using store::store;
    std::filesystem::path path(const revision_id&) const { throw 0; }
};
struct ageing_store : file_store {
    using file_store::file_store;
    std::optional<layout> layout_of(const std::vector<revision_id>&) const { throw 0; }
    byte_count relayout(const std::vector<revision_id>&) const { throw 0; }
};
struct catalog : pinned {
    explicit catalog(const std::filesystem::path&) { throw 0; }
    movable lock(bool) { throw 0; }
    history read() { throw 0; }
    std::string fingerprint(bool) { throw 0; }
    void put(const revision&) { throw 0; }
    void remove(const revision_id&) { throw 0; }
    void announce(const announcement&) { throw 0; }
    bool retire(const revision_id&) { throw 0; }
    std::optional<announcement> announced() { throw 0; }
    void at_rest() { throw 0; }
    void point(const std::optional<revision_id>&, const std::optional<std::filesystem::path>&) { throw 0; }
    space& digests() { throw 0; }
};

struct target : pinned {
    static constexpr auto type = name<"archetype">;
    static bool claims(const std::string&) { throw 0; }
    explicit target(const target_request&) { throw 0; }
    void resize(byte_count) { throw 0; }
    void write(byte_count, const_block) { throw 0; }
    void zero(extent) { throw 0; }
    void sync() { throw 0; }
};
struct in_place_target : image {
    static constexpr auto type = name<"in-place">;
    static bool claims(const std::string&) { throw 0; }
    explicit in_place_target(const target_request&) : image(no_image()) {}
    void resize(byte_count) { throw 0; }
    void write(byte_count, const_block) { throw 0; }
    void zero(extent) { throw 0; }
    void sync() { throw 0; }

private:
    static image no_image() { throw 0; }
};

struct hash {
    static constexpr auto type = name<"archetype">;
    struct key {};
    struct digest {
        std::uint32_t v;
        bool operator==(const digest&) const = default;
    };
    static key fresh_key() { throw 0; }
    explicit hash(key) { throw 0; }
    digest operator()(const_block) const { throw 0; }
};
struct schedule : pinned {
    static constexpr auto type = name<"archetype">;
    using config = archetype::config;
    explicit schedule(config) { throw 0; }
    std::vector<std::string> tags() const { throw 0; }
    std::optional<std::chrono::seconds> interval_of(const std::string&) const { throw 0; }
    proof_limits proofs() const { throw 0; }
    std::optional<timestamp> next_run(const std::string&, const standing&, timestamp) const { throw 0; }
    std::vector<std::string> tags_due(const std::string&, const standing&, timestamp, timestamp) const { throw 0; }
    expiry expired(const history&, timestamp) const { throw 0; }
};
struct clock : pinned {
    timestamp now() const { throw 0; }
    std::chrono::nanoseconds steady() const { throw 0; }
};

using build = composition<sources_of<source<snapshot>>, stores_of<store>, hash, schedule, targets_of<target, in_place_target>, catalog, clock>;

}  // namespace archetype
