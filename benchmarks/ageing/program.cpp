// SPDX-License-Identifier: GPL-3.0-or-later
// backy as it is, on any day (AGEING_SECONDS are added to the clock) and for a volume that takes no space: of each block a file tells
// the day it was written on, and the bytes follow from that. So a year passes in minutes, and who ages a repository knows what is in it.
#include <backy/backy.hpp>

#include <bit>
#include <cstdlib>
#include <fstream>

namespace {

struct shifted_clock {
    backy::timestamp now() const {
        const char* const seconds = std::getenv("AGEING_SECONDS");
        return backy::clocks::system{}.now() + std::chrono::seconds(seconds ? std::atol(seconds) : 0);
    }
    std::chrono::nanoseconds steady() const { return backy::clocks::system{}.steady(); }
};

/// A Source that tells its changes. Its file has 32 bits for each block of 64 KiB: 0 for a hole, else the day.
class diary {
public:
    static constexpr auto type = backy::name<"diary">;
    using days = std::vector<std::uint32_t>;
    struct config {
        std::filesystem::path filename;
        static config from(const backy::section& table) { return {table.get<std::string>("filename")}; }
    };
    static backy::section parse(const std::string& spelling) {
        return backy::section().set("type", {std::string(type.c_str())}).set("filename", {std::filesystem::absolute(spelling).string()});
    }

    class snapshot {
    public:
        snapshot(std::string of, days written) : of_(std::move(of)), written_(std::move(written)) {}
        backy::byte_count size() const { return written_.size() * backy::block_size; }
        void read(backy::byte_count at, backy::block out) const {
            for (std::size_t i = 0; i * backy::block_size < out.size(); ++i) {
                const auto place = at / backy::block_size + i;
                const auto b = out.subspan(i * backy::block_size).first(backy::block_size);
                std::uint64_t n = (std::uint64_t{written_.at(place)} << 32 | place) * 0x9e3779b97f4a7c15;
                for (std::size_t w = 0; w < b.size(); w += sizeof n) {
                    const auto value = written_[place] == 0 ? 0 : std::rotl(n += 0x9e3779b97f4a7c15, 29) * 0xbf58476d1ce4e5b9;
                    std::memcpy(b.data() + w, &value, sizeof value);
                }
            }
        }
        void extents(const backy::extent_visitor& visit) const { visit_blocks(visit, [&](std::size_t i) { return written_[i] != 0; }); }
        std::string identity() const { return of_; }
        backy::consistency consistency() const { return backy::consistency::crash; }
        std::vector<std::string> remarks() const { return {}; }
        void attest() const {}
        std::optional<std::string> changed_since(const backy::revision_id& base, const backy::extent_visitor& visit) const {
            const auto before = load(of_ + "." + base);
            if (before.size() != written_.size()) return "its parent's snapshot is gone";
            visit_blocks(visit, [&](std::size_t i) { return written_[i] != before[i]; });
            return std::nullopt;
        }

    private:
        void visit_blocks(const backy::extent_visitor& visit, auto which) const {
            for (std::size_t i = 0; i < written_.size(); ++i)
                if (which(i)) visit({i * backy::block_size, backy::block_size});
        }
        std::string of_;
        days written_;
    };

    diary(config c, backy::journal&) : filename_(std::move(c.filename)) {}
    std::string name() const { return filename_.string(); }
    backy::tracking tracked() const { return {}; }
    snapshot freeze(const backy::revision_id& id) {
        std::filesystem::copy_file(filename_, name() + "." + id);
        return {name(), load(filename_)};
    }
    std::vector<backy::revision_id> snapshots() {
        std::vector<backy::revision_id> ids;
        for (const auto& entry : std::filesystem::directory_iterator(filename_.parent_path()))
            if (const auto id = entry.path().extension().string(); !id.empty() && backy::is_revision_id(id.substr(1))) ids.push_back(id.substr(1));
        return ids;
    }
    void release(const backy::revision_id& id) { std::filesystem::remove(name() + "." + id); }

private:
    static days load(const std::filesystem::path& path) {
        std::ifstream in(path, std::ios::binary | std::ios::ate);
        days all(in ? static_cast<std::size_t>(in.tellg()) / sizeof(days::value_type) : 0);
        in.seekg(0).read(reinterpret_cast<char*>(all.data()), static_cast<std::streamsize>(all.size() * sizeof(days::value_type)));
        return all;
    }
    std::filesystem::path filename_;
};

using aged = backy::composition<backy::sources_of<diary>, backy::stores_of<backy::stores::image<>>, backy::hashes::gmac, backy::schedules::interval,
                                backy::targets_of<backy::targets::stream<>, backy::targets::file<>>, backy::catalogs::files<>, shifted_clock>;
static_assert(backy::TrackedSource<diary>);

}  // namespace

int main(int argc, char** argv) { return backy::cli::main<aged>(argc, argv); }
