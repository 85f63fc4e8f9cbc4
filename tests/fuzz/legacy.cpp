// SPDX-License-Identifier: GPL-3.0-or-later
// What a Python backy has written: YAML as such, a .rev, a configuration.
#include "target.hpp"

#include <backy/cli/import.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/schedules/interval.hpp>
#include <backy/sources/file.hpp>
#include <backy/stores/image.hpp>

using namespace backy;
using fuzz::must;

namespace {

using build = composition<sources_of<sources::file<>>, stores_of<stores::image<>>, hashes::gmac, schedules::interval>;

void look_at_revision(const std::string& text) {
    legacy::old_revision old;
    try {
        old = legacy::parse_revision(text, "old.rev");
    } catch (const config_error&) {
        return;
    }
    must(is_revision_id(old.r.id) && (!old.r.parent || is_revision_id(*old.r.parent)), "an ID is an ID");
    must(!old.r.sequence && !old.r.digests && !old.r.verified && !old.r.read_back, "an old .rev proves nothing");
    must(old.r.stats.duration.count() >= 0, "no run takes less than no time");
    const auto once = config::print(to_section(old.r));
    try {
        const auto again = revision_of(config::parse(once, "ours"));
        must(again.id == old.r.id && again.made_at == old.r.made_at && again.tags == old.r.tags && again.trust == old.r.trust && again.parent == old.r.parent && !again.sequence && !again.digests && !again.durable,
             "what is written is read as the same");
    } catch (const config_error&) {}  // what is no UTF-8, or nested too deeply, is not adopted
}

void look_at_configuration(const std::string& text) {
    std::string printed;
    try {
        printed = cli::convert<build>(legacy::parse_yaml(text, "old.conf")).text;
    } catch (const config_error&) {
        return;
    }
    try {
        const auto all = config::parse(printed, "new.conf");
        (void)config::global::from(all.table("global"));
        const auto schedules = all.table("schedules"), jobs = all.table("jobs");
        for (const auto& e : schedules.entries())
            must(!schedules::interval::config::from(schedules.get<section>(e.key)).rules.empty(), "a schedule that is printed is accepted");
        for (const auto& e : jobs.entries()) {
            const auto job = jobs.get<section>(e.key);
            must(scheduler::is_job_name(e.key) && schedules.has(job.get<std::string>("schedule")), "a job that is printed has a name and a schedule");
            (void)scheduler::check_policies<build>(job.get<section>("source"), {});
        }
    } catch (const config_error& e) {
        must(false, e.what());
    }
}

}  // namespace

void fuzz::one(std::string_view input) {
    const std::string text(input);
    look_at_revision(text);
    look_at_configuration(text);
}
