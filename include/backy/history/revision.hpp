// SPDX-License-Identifier: GPL-3.0-or-later
// Revision: what is known of one backup. Its bytes are in a store, this is in a catalog.
#pragma once

#include <backy/core/bytes.hpp>
#include <backy/core/section.hpp>
#include <backy/history/revision_id.hpp>

#include <optional>
#include <string>
#include <vector>

namespace backy {

enum class trust { trusted, distrusted, verified };
/// How the volume stood while it was read: in use; as of one moment; frozen by its owner at one moment.
enum class consistency { live, crash, application };

/// Something that was really done to a revision's bytes, when, and to which part of them.
struct proof {
    timestamp at;
    std::string part;
};

struct revision {
    revision_id id;
    std::optional<std::uint64_t> sequence;  ///< 1, 2, …: the order of the history, whatever clocks do; absent when it came from elsewhere
    timestamp made_at;                      ///< when the volume was frozen
    std::optional<revision_id> parent;
    std::vector<std::string> tags;
    backy::trust trust = backy::trust::trusted;
    backy::consistency consistency = backy::consistency::live;
    byte_count size = 0;

    struct {
        std::string type, name, identity;  ///< identity: another volume under the same name has another one
        std::string snapshot;              ///< what MarkedSnapshot::mark_of said of the snapshot it was made of; empty: that says nothing
    } source;
    struct {
        byte_count bytes_written = 0, bytes_read = 0;
        seconds duration{};
    } stats;
    struct digests_seal {
        std::string algorithm;
        byte_count block_size;
        std::string sha256;  ///< of the whole digests file
    };
    std::optional<digests_seal> digests;
    std::optional<proof> durable, read_back, compared, verified;

    section unknown;  ///< keys of later versions or of somebody else, kept when the metadata are rewritten

    /// Metadata from elsewhere, without a seal, need not say it.
    bool size_is_known() const { return digests.has_value() || size > 0; }
    bool counts() const { return trust != backy::trust::distrusted; }
    bool has_tag(std::string_view tag) const { return std::ranges::count(tags, tag) > 0; }
};

}  // namespace backy
