// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: core/bytes core/error core/journal core/name core/parallel core/process core/registry core/sha256 core/text core/time core/version
// The small headers of core/: bytes, error, journal, name, process, registry, sha256, text, time, version.
#include "support/journals.hpp"
#include "support/scratch.hpp"
#include "support/volume.hpp"

#include <backy/core/bytes.hpp>
#include <backy/core/parallel.hpp>
#include <backy/core/process.hpp>
#include <backy/core/registry.hpp>
#include <backy/core/sha256.hpp>
#include <backy/core/text.hpp>
#include <backy/core/time.hpp>
#include <backy/core/version.hpp>

#include <catch2/catch.hpp>

using namespace backy;

TEST_CASE("bytes: zeroes are recognised at any length and place") {
    std::string data(5000, '\0');
    CHECK(is_zero({}));
    for (const std::size_t n : {1ul, 2ul, 63ul, 4096ul, 5000ul}) {
        CHECK(is_zero(bytes_of(std::string_view(data).substr(0, n))));
        for (const auto at : {std::size_t{0}, n / 2, n - 1}) {
            data[at] = 1;
            CHECK(!is_zero(bytes_of(std::string_view(data).substr(0, n))));
            data[at] = 0;
        }
    }
    CHECK((is_equal(bytes_of("a"), bytes_of("a")) && !is_equal(bytes_of("a"), bytes_of("ab")) && is_equal({}, {})));
    CHECK(reinterpret_cast<std::uintptr_t>(aligned_buffer(1).first(1).data()) % direct_alignment == 0);
}

TEST_CASE("text: sizes have two decimals and stop at TiB") {
    CHECK(to_size(0) == "0 Bytes");
    CHECK(to_size(1) == "1 Byte");
    CHECK(to_size(1023) == "1023 Bytes");
    CHECK(to_size(1024) == "1.00 KiB");
    CHECK(to_size(277'715'354) == "264.85 MiB");
    CHECK(to_size(60_GiB) == "60.00 GiB");
    CHECK(to_size(1024ull << 40) == "1024.00 TiB");
}

TEST_CASE("text: lists are split and joined, hostile names stay on their line") {
    CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
    CHECK(split("", ',') == std::vector<std::string>{""});
    CHECK(join({"a", "b"}, ", ") == "a, b");
    CHECK(join({}, ", ").empty());
    CHECK((counted(0, "block") == "0 blocks" && counted(1, "block") == "1 block" && counted(2, "block") == "2 blocks"));
    CHECK(trimmed(" \ta b ") == "a b");
    CHECK(trimmed("  ").empty());
    CHECK(on_one_line("a\nb\tc\x1b[2J\x7f\"é") == "a\\nb\\tc\\x1b[2J\\x7f\"é");
    for (const std::string_view shown : {"é", "ࠀ", "漢", "\xef\xbf\xbd", "𐀀", "\xf4\x8f\xbf\xbf", "\xc2\xa0", "\xed\x9f\xbf"}) CHECK(on_one_line(shown) == shown);
    for (const auto& [hidden, text] : {std::pair<std::string_view, std::string_view>("\xc2\x9b" "31m", "\\xc2\\x9b31m"), {"\xe2\x80\xae", "\\xe2\\x80\\xae"}, {"\xd8\x9c", "\\xd8\\x9c"},
                                       {"caf\xe9", "caf\\xe9"}, {"\xc0\xaf", "\\xc0\\xaf"}, {"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"}, {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
                                       {"\xe6\xbc", "\\xe6\\xbc"}, {"\x80", "\\x80"}, {"\xe2\x81\xa6", "\\xe2\\x81\\xa6"}})
        CHECK(on_one_line(hidden) == text);
}

TEST_CASE("text: a table has rules, and numbers to the right") {
    text_table table({"Name", "N"}, {1});
    CHECK(table.to_text() == "+------+---+\n| Name | N |\n+------+---+\n+------+---+\n");
    table.add({"x\n", "100"});
    CHECK(table.to_text() ==
          "+------+-----+\n"
          "| Name |   N |\n"
          "+------+-----+\n"
          "| x\\n  | 100 |\n"
          "+------+-----+\n");
}

TEST_CASE("time: moments are written in UTC, before 1970 too") {
    using namespace std::chrono;
    const timestamp t = sys_days(2015y / November / 4) + 11h + 9min + 26s + 5us;
    CHECK(to_text(t) == "2015-11-04 11:09:26");
    CHECK(to_rfc3339(t) == "2015-11-04T11:09:26.000005Z");
    CHECK(to_rfc3339(timestamp(microseconds(-1))) == "1969-12-31T23:59:59.999999Z");
}

TEST_CASE("time: dates and durations are parsed strictly") {
    using namespace std::chrono;
    CHECK(parse_date("2016-02-29") == sys_days(2016y / February / 29));
    for (const auto* bad : {"", "2015-02-29", "2015-13-01", "2015-1-1", "2015-01-01x", "15-01-01", "2015/01/01", "-015-01-01", "2015--1-01", "2015-01-+1"}) {
        INFO(bad);
        CHECK(!parse_date(bad));
    }
    CHECK(parse_duration("1s") == std::chrono::seconds(1));
    CHECK(parse_duration("10m") == minutes(10));
    CHECK(parse_duration("3h") == hours(3));
    CHECK(parse_duration("30d") == days(30));
    CHECK(parse_duration("1w") == weeks(1));
    for (const auto* bad : {"", "1", "s", "0d", "-1d", "1.5h", "1 d", "1dd", "d1", "99999999999999999999s", "9223372036854775807w", "320000000000w", "320000000001s", "+1d"}) {
        INFO(bad);
        CHECK(!parse_duration(bad));
    }
}

TEST_CASE("sha256: agrees with the examples of FIPS 180-4, in one piece and in many") {
    CHECK(sha256_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_stream sum;
    sum.add(bytes_of("a")), sum.add({}), sum.add(bytes_of("bc"));
    CHECK(sum.hex() == sha256_of("abc"));
}

namespace {
struct first_policy {
    static constexpr auto type = name<"ceph-rbd">;
};
struct second_policy {
    static constexpr auto type = name<"file">;
};
}  // namespace

TEST_CASE("registry: a name in a configuration becomes a type, and an unknown one an error that lists what there is") {
    constexpr auto registry = registry_of<first_policy, second_policy>();
    std::string found;
    visit(registry, section().set("type", {std::string("file")}), [&](auto policy) { found = decltype(policy)::type::type.c_str(); });
    CHECK(found == "file");
    CHECK(!visit(registry, "files", [](auto) {}));
    const section bad = section("/etc/backy.conf", "jobs.test02.source", {14, 8}).set("type", {std::string("ceph-rdb"), {14, 8}});
    CHECK_THROWS_WITH(visit(registry, bad, [](auto) {}),
                      "/etc/backy.conf:14:8: jobs.test02.source.type: unknown type \"ceph-rdb\"; this build has: ceph-rbd, file");
    CHECK_THROWS_WITH(visit(registry, section("f", "source", {3, 1}), [](auto) {}), "f:3:1: source.type: missing");
}

TEST_CASE("process: a command's status, and its end when the time is up") {
    using namespace std::chrono_literals;
    CHECK(run_command("exit 3", 5s).value() >> 8 == 3);
    CHECK(describe_status(run_command("exit 3", 5s).value()) == "exit status 3");
    CHECK(describe_status(run_command("kill -9 $$", 5s).value()) == "killed by signal 9");
    const auto before = std::chrono::steady_clock::now();
    CHECK(!run_command("sleep 60 & sleep 60", 100ms));  // children of the shell too
    CHECK(std::chrono::steady_clock::now() - before < 30s);
}

TEST_CASE("process: a program gets its arguments as they are, and what it says comes back") {
    using namespace std::chrono_literals;
    CHECK(output_of({"printf", "%s|", "a b", "$HOME", "*", ""}, 5s) == "a b|$HOME|*||");
    CHECK(output_of({"sh", "-c", "echo $LC_ALL; cat"}, 5s) == "C\n");
    CHECK(output_of({"sh", "-c", "head -c 3000000 /dev/zero"}, 60s).size() == 3'000'000);
    CHECK(output_of({"sh", "-c", "ls /proc/self/fd | wc -l"}, 5s) == "4\n");  // and the one that ls lists with
    CHECK_THROWS_WITH(output_of({"sh", "-c", "echo '  a'; echo '  b' >&2; printf 'c\033[m' >&2; exit 5"}, 5s), "sh: b; c\\x1b[m");
    CHECK_THROWS_WITH(output_of({"sh", "-c", "exit 5"}, 5s), "sh: exit status 5");
    CHECK_THROWS_WITH(output_of({"sh", "-c", "kill -9 $$"}, 5s), "sh: killed by signal 9");
    CHECK_THROWS_WITH(output_of({"backy-has-no-such-program"}, 5s), "backy-has-no-such-program: there is no such program here");
}

TEST_CASE("process: a program that takes too long is asked to end and waited for") {
    using namespace std::chrono_literals;
    const support::scratch dir(support::plain());
    const auto careful = "trap 'sleep 0.3; echo ended >" + (dir / "ended").string() + "; exit' TERM; while :; do sleep 0.05; done";
    CHECK_THROWS_WITH(output_of({"sh", "-c", careful}, 1s), "sh: it did not end within 1 s");
    CHECK(support::slurp(dir / "ended") == "ended\n");
    CHECK_THROWS_AS(run_program({"sh", "-c", "echo; " + careful}, 60s, [](std::string_view text) { if (!text.empty()) throw std::runtime_error("no more"); }), std::runtime_error);
    int idle = 0;
    run_program({"sleep", "0.5"}, 60s, [&](std::string_view text) { idle += text.empty(); });
    CHECK(idle > 3);
}

TEST_CASE("error: one line, and whether it may pass") {
    CHECK(std::string(error("where", "what: why").what()) == "where: what: why");
    CHECK((error("a", "b", true).transient() && !error("a", "b").transient()));
    CHECK(message_of(ENOSPC) == "No space left on device");
}

TEST_CASE("journal: levels reach the one who records") {
    support::noisy_journal journal;
    journal.info("a"), journal.warning("b"), journal.error("c");
    CHECK(journal.text == "a\nb\nc\n");
    CHECK(std::string(version).find_first_not_of("0123456789.") == std::string::npos);
}

TEST_CASE("share_out: every piece once, by one thread ascending, and the first failure is everybody's end") {
    std::vector<std::atomic<int>> done(1000);
    share_out(done.size(), 4, [&](auto next) {
        for (std::size_t i = 0; (i = next()) < done.size();) ++done[i];
    });
    CHECK(std::ranges::all_of(done, [](const auto& n) { return n == 1; }));
    std::vector<std::size_t> order;
    share_out(5, 1, [&](auto next) {
        for (std::size_t i = 0; (i = next()) < 5;) order.push_back(i);
    });
    CHECK(order == std::vector<std::size_t>{0, 1, 2, 3, 4});
    std::atomic<int> after = 0;
    const auto fails = [&] {
        share_out(1'000'000, 3, [&](auto next) {
            for (std::size_t i = 0; (i = next()) < 1'000'000; ++after)
                if (i == 10) throw std::runtime_error("the tenth");
        });
    };
    CHECK_THROWS_WITH(fails(), "the tenth");
    CHECK(after < 1'000'000 - 1);
    CHECK_NOTHROW(share_out(0, 4, [](auto next) { CHECK(next() == 0); }));
}
