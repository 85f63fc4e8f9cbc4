// SPDX-License-Identifier: GPL-3.0-or-later
// A source in a foreign project: a volume of a size that is nothing but a pattern. Its snapshot needs no clean-up, for it keeps nothing.
#include <backy/backy.hpp>

namespace my {

class pattern {
public:
    static constexpr auto type = backy::name<"pattern">;
    struct config {
        backy::byte_count size;
        static config from(const backy::section& table) {
            table.allow_only({"type", "size"});
            const auto size = table.get<std::int64_t>("size");
            if (size < 0) table.refuse("size", "must be 0 or more bytes");
            return {static_cast<backy::byte_count>(size)};
        }
    };
    static backy::section parse(const std::string& spelling) {
        return backy::section().set("type", {std::string("pattern")}).set("size", {std::int64_t{std::stoll(spelling)}});
    }

    class snapshot {
    public:
        explicit snapshot(backy::byte_count size) : size_(size) {}
        backy::byte_count size() const { return size_; }
        void read(backy::byte_count offset, backy::block out) const {
            for (auto& byte : out) byte = static_cast<std::byte>(offset++ % 251);
        }
        void extents(const backy::extent_visitor& visit) const {
            if (size_ > 0) visit({0, size_});
        }
        std::string identity() const { return "the pattern"; }
        backy::consistency consistency() const { return backy::consistency::crash; }
        std::vector<std::string> remarks() const { return {}; }
        void attest() const {}

    private:
        backy::byte_count size_;
    };

    pattern(config c, backy::journal&) : config_(c) {}
    std::string name() const { return "pattern of " + std::to_string(config_.size) + " bytes"; }
    snapshot freeze(const backy::revision_id&) const { return snapshot(config_.size); }
    std::vector<backy::revision_id> snapshots() const { return {}; }
    void release(const backy::revision_id&) const {}

private:
    config config_;
};

}  // namespace my

using build = backy::composition<backy::sources_of<backy::sources::file<>, my::pattern>, backy::stores_of<backy::stores::image<>>, backy::hashes::sha256,
                                 backy::schedules::interval>;
int main(int argc, char** argv) { return backy::cli::main<build>(argc, argv); }
