// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: sources/file
// A volume whose change map are its extents, from the configuration to the revision.
#include "support/program.hpp"

#include <backy/io/extent_map.hpp>
#include <backy/io/posix.hpp>

#include <regex>
#include <thread>

using namespace support;

namespace {

/// A volume of 32 MiB on one filesystem, and its repository on another or the same.
struct setting {
    setting(const fs::path& volume_on, const fs::path& repository_on) : at(volume_on), to(repository_on), backy(to / "r") {
        content bytes(32 << 20, '\0');
        random.fill(bytes, 0, bytes.size());
        spill(volume(), bytes);
        REQUIRE(backy("init file " + volume().string()).code == 0);
        auto config = slurp(backy / "config");
        config.insert(config.find("filename"), "freeze = \"reflink\"\nchanges = \"extents\"\ncompared-within-runs = 1000\n");
        spill(backy / "config", config);
    }
    fs::path volume() const { return at / "disk.img"; }
    void write(backy::byte_count offset, const content& bytes) const {
        backy::io::file<backy::io::posix>(backy::io::posix{}, volume().string(), O_RDWR).write(offset, backy::bytes_of(std::string_view(bytes)));
    }
    std::string rev() const { return slurp(backy / "last.rev"); }
    backy::byte_count number(const std::string& key) const {
        std::smatch found;
        const auto text = rev();
        REQUIRE(std::regex_search(text, found, std::regex(key + " = (\\d+)")));
        return std::stoull(found[1]);
    }
    std::vector<fs::path> clones() const {
        std::vector<fs::path> all;
        for (const auto& name : names_in(at.path()))
            if (name.starts_with(".disk.img.backy-")) all.push_back(at / name);
        return all;
    }
    bool is_whole() const { return slurp(backy / "last") == slurp(volume()); }

    randomness random;
    scratch at, to;
    repository_directory backy;
};

}  // namespace

TEST_CASE("extents: a further backup reads what changed and a sample, and holds one clone for the next") {
    for (const auto& place : copy_on_write()) {
        INFO(place);
        setting s(place, plain());
        REQUIRE(s.backy("backup daily").code == 0);
        CHECK(s.clones().size() == 1);
        CHECK(s.rev().find("part = \"every allocated block (there is no revision to build upon)\"") != std::string::npos);
        for (int i = 0; i < 3; ++i) {
            s.write((3 + i) << 20, content(10, 'y'));
            s.write((20 + i) << 20, content(100'000, 'z'));
            REQUIRE(s.backy("backup daily").code == 0);
            CHECK(s.is_whole());
            CHECK(s.clones().size() == 1);
            CHECK(s.rev().find("the change map's blocks; beside it") != std::string::npos);
            CHECK(s.backy("verify").code == 0);
        }
        CHECK(s.backy("forget -r " + fs::read_symlink(s.backy / "last").string()).code == 0);
        CHECK(s.clones().empty());  // the newest that is left has none
        REQUIRE(s.backy("backup daily").code == 0);
        CHECK(s.rev().find("part = \"every allocated block (its parent's snapshot is gone or was changed)\"") != std::string::npos);
        CHECK(s.is_whole());
    }
}

TEST_CASE("extents: of a volume that was renamed it says that its clone stays") {
    setting s(copy_on_write().front(), plain());
    REQUIRE(s.backy("backup daily").code == 0);
    const auto left = s.clones();
    REQUIRE(left.size() == 1);
    fs::rename(s.volume(), s.at / "renamed.img");
    auto config = slurp(s.backy / "config");
    config.replace(config.find("disk.img"), 8, "renamed.img");
    spill(s.backy / "config", config);
    const auto run = s.backy("backup daily");
    CHECK(run.code == 3);
    CHECK(run.err.find("the snapshot that revision " + left[0].string().substr(left[0].string().rfind('-') + 1) + " left of " + s.volume().string() + " stays (remove it by hand)") != std::string::npos);
    CHECK(s.backy("backup daily").code == 0);
}

TEST_CASE("extents: a base that was written to is not believed") {
    for (const auto& place : copy_on_write()) {
        INFO(place);
        setting s(place, plain());
        REQUIRE(s.backy("backup daily").code == 0);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        s.write(5 << 20, content(100'000, 'z'));
        const auto base = s.clones().at(0);
        fs::copy_file(s.volume(), s.at / "copy");
        REQUIRE(shell("cp --reflink=always '" + s.volume().string() + "' '" + base.string() + "'").code == 0);  // then no extent differs
        REQUIRE(s.backy("backup daily").code == 0);
        CHECK(s.rev().find("part = \"every allocated block (its parent's snapshot is gone or was changed)\"") != std::string::npos);
        CHECK(s.is_whole());
    }
}

TEST_CASE("extents: on the volume's own filesystem no byte is copied, and revisions are whole without the volume") {
    for (const auto& place : copy_on_write()) {
        INFO(place);
        setting s(place, place);
        const auto used = [&] {
            ::sync();
            return fs::space(place).capacity - fs::space(place).free;
        };
        const auto before = used();
        REQUIRE(s.backy("backup daily").code == 0);
        CHECK(s.number("bytes_written") == 0);
        CHECK(s.number("bytes_read") == 32 << 20);
        s.write(7 << 20, content(1 << 20, 'q'));
        REQUIRE(s.backy("backup daily").code == 0);
        CHECK(s.number("bytes_written") == 0);
        CHECK(used() < before + (4 << 20));
        using file = backy::io::file<backy::io::posix>;
        const auto same = backy::io::shared_blocks(file({}, (s.backy / "last").string(), O_RDONLY), file({}, s.clones().at(0).string(), O_RDONLY), 32 << 20);
        CHECK(same.value().count() == 512);
        const auto truth = slurp(s.volume());
        s.write(0, content(32 << 20, 'n'));
        fs::remove(s.clones().at(0));
        CHECK((slurp(s.backy / "last") == truth));
        CHECK(s.backy("verify --all").code == 0);
    }
}
