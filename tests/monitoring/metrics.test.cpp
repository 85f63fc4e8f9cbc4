// SPDX-License-Identifier: GPL-3.0-or-later
#include <backy/monitoring/metrics.hpp>

#include <catch2/catch.hpp>

using namespace backy;
using namespace backy::monitoring;

namespace {

const timestamp noon = timestamp(std::chrono::sys_days(std::chrono::year(2015) / 9 / 1)) + std::chrono::hours(12);

bool has_line(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line + "\n") != std::string::npos; }

}  // namespace

TEST_CASE("metrics: what never was is 0 for what it is late from, and has no sample otherwise") {
    report r;
    r.written = noon;
    job_report fine, none, unseen;
    fine.job = "vm1", fine.known = true, fine.last = noon - std::chrono::hours(1), fine.late_from = noon + std::chrono::hours(35), fine.last_duration = seconds(50.5);
    fine.failures = 2, fine.distrusted = 1, fine.damaged = {"why"};
    fine.tags.push_back({"weekly", std::nullopt, std::nullopt});
    fine.proofs.push_back({"verified", noon, noon + std::chrono::microseconds(1)});
    none.job = "vm\\2\"\n", none.known = true;
    unseen.job = "vm3";
    r.jobs = {fine, none, unseen};
    r.space = {{"data", byte_count{1} << 50, 7}};
    r.orphans = {{"old", 12}, {"caf\xe9", 1}};
    r.trouble = {"clock"};
    const auto text = metrics_of(r);
    INFO(text);
    CHECK(has_line(text, "backy_report_timestamp_seconds 1441108800"));
    CHECK(has_line(text, "backy_trouble 1"));
    CHECK(has_line(text, R"(backy_job_last_backup_timestamp_seconds{name="vm1"} 1441105200)"));
    CHECK(text.find(R"(backy_job_last_backup_timestamp_seconds{name="vm\\2)") == text.npos);
    CHECK(has_line(text, R"(backy_job_late_from_timestamp_seconds{name="vm1"} 1441234800)"));
    CHECK(has_line(text, R"(backy_job_late_from_timestamp_seconds{name="vm\\2\"\\n"} 0)"));
    CHECK(text.find(R"(backy_job_late_from_timestamp_seconds{name="vm3"})") == text.npos);
    CHECK(has_line(text, R"(backy_job_last_duration_seconds{name="vm1"} 50.5)"));
    CHECK(has_line(text, R"(backy_job_failures{name="vm1"} 2)"));
    CHECK(has_line(text, R"(backy_job_failures{name="vm3"} 0)"));
    CHECK(has_line(text, R"(backy_job_distrusted_revisions{name="vm1"} 1)"));
    CHECK(has_line(text, R"(backy_job_damaged_revisions{name="vm1"} 1)"));
    CHECK(has_line(text, R"(backy_job_tag_late_from_timestamp_seconds{name="vm1",tag="weekly"} 0)"));
    CHECK(has_line(text, R"(backy_job_proof_late_from_timestamp_seconds{name="vm1",proof="verified"} 1441108800.000001)"));
    CHECK(has_line(text, R"(backy_space_free_bytes{kind="data"} 1125899906842624)"));
    CHECK(has_line(text, R"(backy_space_needed_bytes{kind="data"} 7)"));
    CHECK(has_line(text, R"(backy_orphan_bytes{directory="old"} 12)"));
    CHECK(has_line(text, R"(backy_orphan_bytes{directory="caf\\xe9"} 1)"));  // what is no UTF-8 would have Prometheus take nothing of the file
    CHECK(has_line(text, "# TYPE backy_trouble gauge"));
    CHECK(has_line(text, "# UNIT backy_orphan_bytes bytes"));
    CHECK(text.ends_with("\n# EOF\n"));
}
