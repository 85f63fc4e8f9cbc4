// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: lvm/thin_pool lvm/volumes sources/lvm targets/lvm
// What needs no device-mapper. The rest is in *.guest.cpp, which run in a virtual machine.
#include "support/journals.hpp"

#include <backy/config/document.hpp>
#include <backy/sources/lvm.hpp>
#include <backy/targets/lvm.hpp>

#include <catch2/catch.hpp>

using namespace backy;
using Catch::Contains;

namespace {

// As lvs 2.03.16 prints them with the options that we give it, shortened by us to two rows.
const std::string report = R"({ "report": [ { "lv": [
  {"lv_name":"pool", "lv_uuid":"w5JWxO-YE4d", "lv_size":"4294967296", "segtype":"thin-pool", "pool_lv":"", "origin":"", "lv_tags":"", "lv_role":"private", "thin_id":"",
   "lv_active":"active", "lv_device_open":"1", "lv_snapshot_invalid":"-1", "data_percent":"1.56", "metadata_percent":"11.33", "chunk_size":"65536", "zero":"1"},
  {"lv_name":"vm", "lv_uuid":"jLZAbo-sJut", "lv_size":"67108864", "segtype":"thin", "pool_lv":"pool", "origin":"base", "lv_tags":"a,backy", "lv_role":"public,origin,thinorigin", "thin_id":"1",
   "lv_active":"", "lv_device_open":"0", "lv_snapshot_invalid":"1", "data_percent":"0.00", "metadata_percent":"", "chunk_size":"0", "zero":"0"}
 ] } ] })";

std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != text.npos);
    return text.replace(at, from.size(), to);
}

// As thin_delta 0.9 prints it.
const std::string delta = R"(<superblock uuid="" time="2" transaction="4" data_block_size="128" nr_data_blocks="0">
  <diff left="1" right="2">
    <same begin="0" length="80"/>
    <different begin="100" length="3"/>
    <left_only begin="103" length="1"/>
    <right_only begin="200" length="24"/>
  </diff>
</superblock>
)";

std::vector<std::pair<extent, lvm::difference>> read(const std::string& text, byte_count size, std::size_t at_once = 1000) {
    std::vector<std::pair<extent, lvm::difference>> all;
    lvm::delta_reader reader(size, [&](extent e, lvm::difference what) { all.push_back({e, what}); });
    for (std::size_t at = 0; at < text.size(); at += at_once) reader.take(std::string_view(text).substr(at, at_once));
    reader.finish();
    return all;
}

sources::lvm<>::config config_of(const std::string& more) {
    return sources::lvm<>::config::from(config::parse("volume-group = \"vg\"\nlogical-volume = \"vm\"\n" + more, "f"));
}

}  // namespace

TEST_CASE("lvm: names that lvm(8) allows, and what device-mapper makes of them") {
    const auto where = lvm::location::parse("vg-1/a.b-c");
    REQUIRE(where);
    CHECK(where->device() == "/dev/mapper/vg--1-a.b--c");
    CHECK(where->mapped("tpool") == "vg--1-a.b--c-tpool");
    for (const auto* const bad : {"", "vg", "vg/", "/lv", "vg/lv/x", "-y/lv", "vg/-y", "vg/..", "vg/a b", "../x", "vg/lv;"})
        CHECK(!lvm::location::parse(bad));
}

TEST_CASE("lvs: its report is taken as a whole or not at all") {
    const auto all = lvm::volumes_from(report);
    REQUIRE(all.size() == 2);
    const auto& pool = all[0];
    CHECK((pool.name == "pool" && pool.kind == "thin-pool" && pool.size == 4_GiB && pool.data_use == 1.56 && pool.metadata_use == 11.33));
    CHECK((pool.chunk == 64_KiB && pool.zeroes && pool.active && pool.open && pool.overflowed == std::nullopt && !pool.thin_id && !pool.is_thin()));
    const auto& vm = all[1];
    CHECK((vm.is_thin() && vm.thin_id == 1u && vm.pool == "pool" && vm.origin == "base" && vm.uuid == "jLZAbo-sJut" && vm.has_tag("backy")));
    CHECK((!vm.active && !vm.open && vm.overflowed == true && vm.is_a("thinorigin") && !vm.is_a("thickorigin") && !vm.metadata_use && !vm.zeroes &&
           !vm.has_tag("back")));
    CHECK((lvm::find(all, "vm") == &vm && lvm::find(all, "v") == nullptr));

    const auto refused = [](const std::string& text) { CHECK_THROWS_WITH(lvm::volumes_from(text), Contains("lvs: its report is not understood")); };
    refused("");
    refused(report.substr(0, report.size() / 2));
    refused(R"({"report": []})");
    refused(with(report, "\"thin_id\":\"\"", "\"thin\":\"\""));
    refused(with(report, "4294967296", "4.00g"));
    refused(with(report, "4294967296", ""));
    refused(with(report, "11.33", "11,33"));
    refused(with(report, "\"thin_id\":\"1\"", "\"thin_id\":\"-1\""));
    refused(with(report, "jLZAbo-sJut", ""));
    refused(with(report, "\"67108864\"", "67108864"));
    CHECK(lvm::volumes_from(with(report, "jLZAbo-sJut", "w5JWxO-YE4d")).size() == 1);  // a second segment
}

TEST_CASE("thin_delta: its output is understood however it comes, and to its end") {
    const std::vector<std::pair<extent, lvm::difference>> expected{{{0, 80 * 64_KiB}, lvm::difference::none},
                                                                   {{100 * 64_KiB, 3 * 64_KiB}, lvm::difference::different},
                                                                   {{103 * 64_KiB, 64_KiB}, lvm::difference::left_only},
                                                                   {{200 * 64_KiB, 24 * 64_KiB}, lvm::difference::right_only}};
    for (const std::size_t at_once : {1, 7, 1000}) CHECK((read(delta, 224 * 64_KiB, at_once) == expected));
    CHECK(read(delta, 224 * 64_KiB - 512).back().first.length == 24 * 64_KiB - 512);
    CHECK(read(delta, 1).size() == 1);
    for (std::size_t n = 0; n + 1 < delta.size(); ++n) CHECK_THROWS_AS(read(delta.substr(0, n), 16_MiB), error);

    const auto refused = [](const std::string& text) { CHECK_THROWS_WITH(read(text, 224 * 64_KiB), Contains("thin_delta: its output")); };
    refused("");
    refused("</superblock>\n");
    refused(with(delta, "<same", "<equal"));
    refused(with(delta, "\"128\"", "\"0\""));
    refused(with(delta, "data_block_size", "block_size"));
    refused(with(delta, "begin=\"100\"", "begin=\"79\""));  // not ascending
    CHECK((read(delta, 210 * 64_KiB).back() == std::pair(extent{200 * 64_KiB, 10 * 64_KiB}, lvm::difference::right_only)));
    CHECK(read(delta, 200 * 64_KiB).size() == 3);
    refused(with(delta, "length=\"24\"", "length=\"0\""));
    refused(with(delta, "begin=\"200\"", "begin=\"18446744073709551615\""));
    refused(with(delta, "length=\"3\"/>", "length=\"3\">"));
    refused(with(delta, "begin=\"100\" length=\"3\"", "begin=\"100\""));
    refused(delta + "more\n");
    refused(delta + "more");
    refused(std::string(2000, 'x'));
}

TEST_CASE("lvm source: its configuration") {
    const auto c = config_of("");
    CHECK((c.where.text() == "vg/vm" && c.snapshot_size == "10%" && c.pool_limit == 90 && c.tools.limit == std::chrono::seconds(60) &&
           !c.how.full_always));
    CHECK(config_of("snapshot-size = \"2G\"\npool-limit = 75.5\ntimeout = \"5m\"\nfull-always = true").pool_limit == 75.5);
    for (const auto* const bad : {"", "G", "10", "0G", "10%5", "-1G", "10 G", "10K"})
        CHECK_THROWS_WITH(config_of("snapshot-size = \"" + std::string(bad) + "\""), Contains("snapshot-size: must be a number with %, M, G or T"));
    for (const auto* const bad : {"0", "100.5", "-3", "nan"})
        CHECK_THROWS_WITH(config_of("pool-limit = " + std::string(bad)), Contains("pool-limit: must be above 0 and at most 100"));
    CHECK_THROWS_WITH(config_of("size = 3"), Contains("unknown key"));
    CHECK_THROWS_WITH(sources::lvm<>::config::from(config::parse("volume-group = \"-y\"\nlogical-volume = \"vm\"", "f")),
                      Contains("must be a name as LVM has them"));
    CHECK_THROWS_WITH(sources::lvm<>::parse("vm"), Contains("lvm: needs VG/LV: \"vm\""));
    CHECK(sources::lvm<>::config::from(sources::lvm<>::parse("a/b")).where.text() == "a/b");
}

TEST_CASE("lvm target: it is claimed by its scheme") {
    CHECK((targets::lvm<>::claims("lvm:a/b") && !targets::lvm<>::claims("/lvm:a/b") && !targets::file<>::claims("lvm:a/b")));
    CHECK_THROWS_WITH(targets::lvm<>({"lvm:a", {}, false}), "restore \"lvm:a\": needs lvm:VG/LV");
}
