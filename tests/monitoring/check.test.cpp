// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: monitoring/check monitoring/report monitoring/json monitoring/jobs_table
#include <backy/config/document.hpp>
#include <backy/monitoring/check.hpp>
#include <backy/monitoring/jobs_table.hpp>
#include <backy/schedules/interval.hpp>

#include <catch2/catch.hpp>

using namespace backy;
using namespace backy::monitoring;
using namespace std::chrono_literals;

namespace {

const timestamp now = timestamp(std::chrono::sys_days(std::chrono::year(2015) / 9 / 1)) + 7h + 6min + 47s;

standing stands(timestamp made, const std::vector<std::string>& tags = {"daily", "weekly"}) {
    standing s;
    s.newest = {"2345678923456789234567", made, 50.7s, tags, 1000};
    s.revisions = 3;
    for (const auto& tag : tags) s.tags.push_back({tag, made, 2, 2000});
    return s;
}
job_report job(const std::string& name, const standing& known, const char* schedule = "daily = { interval = \"24h\", keep = 1 }\nweekly = { interval = \"7d\", keep = 1 }") {
    job_report j;
    j.job = name;
    j.state = "waiting";
    const schedules::interval s(schedules::interval::config::from(config::parse(schedule, "f")));
    judge(j, known, s, s.proofs());
    return j;
}
report of(std::vector<job_report> jobs) {
    report r;
    r.written = now;
    r.jobs = std::move(jobs);
    return r;
}
std::string first_words(const verdict& v) { return v.text.substr(0, v.text.find(" | ")); }

}  // namespace

TEST_CASE("check: healthy jobs") {
    const auto v = check(of({job("a", stands(now - 1h)), job("b", stands(now - 2h))}), now);
    CHECK(v.level == level::ok);
    CHECK(v.text == "OK: 2 jobs within SLA | jobs=2 late=0;;0 failing=0;0 warnings=0;0 oldest=7200s\n");
    CHECK(first_words(check(of({job("a", stands(now - 1h))}), now)) == "OK: 1 job within SLA");
    CHECK(first_words(check(of({}), now)) == "OK: 0 jobs within SLA");
}

TEST_CASE("check: a job is late from 1.5 times its shortest interval on, and when it has no revision that counts") {
    for (const auto age : {6h, 24h, 32h, 36h}) CHECK(check(of({job("a", stands(now - age))}), now).level == level::ok);
    const auto v = check(of({job("a", stands(now - 36h - 1us)), job("b", stands(now)), job("c", {})}), now);
    CHECK(v.level == level::critical);
    CHECK(v.text == "CRITICAL: 2 jobs not within SLA | jobs=3 late=2;;0 failing=0;0 warnings=0;0 oldest=129600s\n"
                    "a (last time: 2015-08-30 19:06:46 UTC)\nc (last time: -)\n");
    auto broken = job("a", stands(now - 37h));
    broken.failures = 1, broken.trouble = "exit status 1";
    CHECK(check(of({broken}), now).text.ends_with("a (last time: 2015-08-30 18:06:47 UTC), last run: exit status 1\n"));
    CHECK(check(of({job("a", stands(now - 1h), "")}), now).level == level::critical);  // a schedule that promises nothing
}

TEST_CASE("check: what becomes critical if nobody looks is a warning") {
    const auto warning = [&](const report& r, const std::string& text) {
        const auto v = check(r, now);
        CHECK(v.level == level::warning);
        CHECK(first_words(v) == "WARNING: " + text);
    };
    auto weekly_late = stands(now - 1h);
    weekly_late.tags[1].newest = now - 24h * 11;
    warning(of({job("a", weekly_late)}), "a: tag weekly is late (last time: 2015-08-21 07:06:47 UTC)");
    weekly_late.tags[1].newest = now - 24h * 10 - 12h;
    CHECK(check(of({job("a", weekly_late)}), now).level == level::ok);
    warning(of({job("a", stands(now - 1h, {"daily"}))}), "a: tag weekly is late (last time: -)");

    auto failing = job("a", stands(now - 1h));
    failing.failures = 1, failing.trouble = "exit status 1";
    CHECK(check(of({failing}), now).level == level::ok);
    failing.failures = 2;
    warning(of({failing}), "a: 2 failures in a row: exit status 1 (its backy.log has more)");
    failing.failures = 0, failing.trouble = "look at it";
    warning(of({failing}), "a: look at it");

    auto known = stands(now - 1h);
    known.distrusted = 2;
    warning(of({job("a", known)}), "a: 2 revisions are distrusted (backy verify --distrusted, or forget)");
    known = stands(now - 1h);
    known.damaged = {"x.rev: broken | or\nworse"};
    warning(of({job("a", known)}), "a: x.rev: broken / or\\nworse");
    warning(of({job("a", stands(now + 1h))}), "a: its last backup is dated in the future, 2015-09-01 08:06:47 UTC (was the clock wrong?)");

    auto r = of({job("a", stands(now - 1h))});
    r.orphans = {{"old", 3 * 1_GiB}};
    warning(r, "old: no job owns this directory, 3.00 GiB");
    r.orphans.clear();
    r.space = {{"data", 10_GiB, 10_GiB}, {"metadata", 1_MiB, 2_MiB}};
    warning(r, "space for metadata: 1.00 MiB free, the next runs need 2.00 MiB");
    r.trouble = {"the clock jumped"};
    const auto both = check(r, now);
    CHECK(both.text == "WARNING: 2 warnings, 1 job within SLA | jobs=1 late=0;;0 failing=0;0 warnings=2;0 oldest=3600s data_free=10737418240B;10737418240: metadata_free=1048576B;2097152:\n"
                       "warning: space for metadata: 1.00 MiB free, the next runs need 2.00 MiB\nwarning: the clock jumped\n");
    r.space.back().kind = "x|\n";
    CHECK(check(r, now).text.find(" x/\\n_free=1048576B;2097152:\nwarning: ") != std::string::npos);
    job_report unknown;
    unknown.job = "u", unknown.state = "scanning";
    warning(of({unknown}), "1 job has not been looked at yet");
}

TEST_CASE("check: a schedule can promise how old the proofs may be") {
    constexpr auto* promise = "daily = { interval = \"24h\", keep = 1 }\nproof = { read_back = \"2d\", compared = \"2d\", verified = \"30d\" }";
    auto known = stands(now - 1h, {"daily"});
    known.proofs = {now - 1h, now - 1h, now - 24h * 30};
    CHECK(check(of({job("a", known, promise)}), now).text.starts_with("OK: 1 job within SLA"));
    CHECK(first_words(check(of({job("a", known, promise)}), now + 1s)) == "WARNING: a: proof verified is late (last time: 2015-08-02 07:06:47 UTC)");
    known.proofs = {};
    CHECK(check(of({job("a", known, promise)}), now).text.find("\nwarning: a: proof compared is late (last time: -)\n") != std::string::npos);
    CHECK(check(of({job("a", known, "daily = { interval = \"24h\", keep = 1 }")}), now).level == level::ok);  // nobody asked for them
    CHECK(job("a", {}, promise).proofs.empty());
}

TEST_CASE("check: remarks are further lines and no warning") {
    auto known = stands(now - 1h);
    known.tags.push_back({"before-upgrade", now, 1, 5_GiB});
    known.strangers = {"notes.txt: belongs to no revision"};
    auto j = job("a", known);
    j.beside_volume = true;
    const auto v = check(of({j}), now);
    CHECK(v.level == level::ok);
    CHECK(first_words(v) == "OK: 1 job within SLA");
    CHECK(v.text.ends_with("remark: a: notes.txt: belongs to no revision\n"
                           "remark: a: tag before-upgrade is not in the schedule and never expires: 1 revision, 5.00 GiB\n"
                           "remark: 1 volume is on the filesystem of the backups, so that one fault takes both: a\n"));
}

TEST_CASE("check: a long list is cut short") {
    std::vector<job_report> many;
    for (int i = 0; i < 30; ++i) many.push_back(job("vm" + std::to_string(i), stands(now - 1h))), many.back().beside_volume = true;
    CHECK(check(of(many), now).text.ends_with("remark: 30 volumes are on the filesystem of the backups, so that one fault takes both: vm0, vm1, vm2, vm3, vm4, vm5, vm6, vm7, vm8, vm9, …\n"));
}

TEST_CASE("check: the status file comes back as it was written, and its age is looked at before its content") {
    auto r = of({job("a", stands(now - 1h)), job("b", {})});
    r.jobs[0].next = now, r.jobs[0].next_tags = {"daily"}, r.jobs[0].trouble = "\xff not UTF-8";
    r.orphans = {{"o", 7}}, r.space = {{"data", 1, 2}}, r.trouble = {"t"};
    const auto text = print_json(r);
    CHECK(text.find("\"format\":1,\"written\":\"2015-09-01T07:06:47.000000Z\"") != text.npos);
    const auto again = parse_json<report>(text, "f");
    CHECK(print_json(again) == text);
    CHECK((again.jobs[0].last == now - 1h && !again.jobs[1].last && again.jobs[1].known));

    const auto file = [&](std::chrono::seconds age, const std::string& content) { return check_file("/f", now - age, now, [&] { return content; }); };
    CHECK(check_file("/f", std::nullopt, now, [] { return ""; }).text == "UNKNOWN: No status file found at /f\n");
    CHECK(check_file("/f", std::nullopt, now, [] { return ""; }).level == level::unknown);
    CHECK(file(300s, text).text.starts_with("CRITICAL: 1 job not within SLA"));
    CHECK(file(301s, "nonsense").text == "CRITICAL: Status file is older than 5 minutes\n");
    CHECK_THROWS_WITH(file(1s, "nonsense"), Catch::StartsWith("/f: cannot be understood: "));
    CHECK_THROWS_WITH(file(1s, "{\"format\":2}"), "/f: format 2; this backy knows 1");
    CHECK_THROWS_AS(file(1s, "{\"format\":1,\"jobs\":7}"), error);
    CHECK_THROWS_AS(file(1s, "{\"format\":1,\"jobs\":[{\"last\":\"yesterday\"}]}"), error);
    CHECK_THROWS_AS(file(1s, "{\"format\":1,\"jobs\":[{\"job\":null}]}"), error);
    CHECK_THROWS_WITH(file(1s, "{\"format\":1e300}"), "JSON: no whole number: number");
    CHECK_THROWS_WITH(file(1s, "{\"format\":1,\"orphans\":[{\"bytes\":1e300}]}"), "JSON: no whole number: number");
    CHECK_THROWS_WITH(file(1s, "{\"format\":1,\"trouble\":{}}"), "JSON: no array: object");
    CHECK(file(1s, "{\"format\":1,\"later\":{}}").level == level::ok);
}

TEST_CASE("jobs: the table of the contract") {
    auto r = of({job("test01", stands(now - 1h, {"daily"})), job("test02", {})});
    r.jobs[0].next = now + 23h, r.jobs[0].next_tags = {"daily", "weekly"};
    r.jobs.emplace_back().job = "test03";
    r.jobs[2].state = "scanning";
    CHECK(jobs_table(r, now, [](const std::string&) { return true; }) ==
          "+--------+---------+----------+---------------------+-----------+----------+---------------------+--------------+\n"
          "| Job    | SLA     | Status   | Last Backup (UTC)   | Last Tags | Last Dur | Next Backup (UTC)   | Next Tags    |\n"
          "+--------+---------+----------+---------------------+-----------+----------+---------------------+--------------+\n"
          "| test01 | OK      | waiting  | 2015-09-01 06:06:47 | daily     |   50.7 s | 2015-09-02 06:06:47 | daily,weekly |\n"
          "| test02 | TOO OLD | waiting  | -                   | -         |        - | -                   | -            |\n"
          "| test03 | -       | scanning | -                   | -         |        - | -                   | -            |\n"
          "+--------+---------+----------+---------------------+-----------+----------+---------------------+--------------+\n"
          "3 jobs shown\n");
    CHECK(jobs_table(r, now, [](const std::string& name) { return name == "test02"; }).ends_with("1 job shown\n"));
}

TEST_CASE("time: RFC 3339 is read as it is written") {
    for (const auto t : {now, now + 1us, timestamp(std::chrono::sys_days(std::chrono::year(2024) / 2 / 29)) + 23h + 59min + 59s + 999999us}) CHECK(parse_rfc3339(to_rfc3339(t)) == t);
    for (const auto* text : {"", "2015-09-01", "2015-09-01T07:06:47Z", "2015-09-31T07:06:47.000000Z", "2015-09-01T24:06:47.000000Z", "2015-09-01T07:06:47.00000xZ", "2015-09-01 07:06:47.000000Z"})
        CHECK(!parse_rfc3339(text));
}
