// SPDX-License-Identifier: GPL-3.0-or-later
// A scheduler's configuration, and TOML as such.
#include "target.hpp"

#include <backy/clocks/system.hpp>
#include <backy/hashes/gmac.hpp>
#include <backy/scheduler/jobs.hpp>
#include <backy/schedules/interval.hpp>
#ifdef BACKY_CEPH
#include <backy/sources/flyingcircus.hpp>
#endif
#include <backy/sources/file.hpp>
#include <backy/sources/lvm.hpp>
#include <backy/stores/image.hpp>

#include <sys/mman.h>

using namespace backy;
using fuzz::must;

namespace {

#ifdef BACKY_CEPH
using all_sources = sources_of<sources::ceph_rbd, sources::file<>, sources::flyingcircus, sources::lvm<>>;
#else
using all_sources = sources_of<sources::file<>, sources::lvm<>>;
#endif
using build = composition<all_sources, stores_of<stores::image<>>, hashes::gmac, schedules::interval>;

/// A file without a disk.
class memory_file {
public:
    memory_file() : descriptor_(::memfd_create("backy.conf", 0)) { must(descriptor_ >= 0, "there is memory for a file"); }
    memory_file(const memory_file&) = delete;
    memory_file& operator=(const memory_file&) = delete;
    ~memory_file() { ::close(descriptor_); }
    std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
    void hold(std::string_view text) const {
        must(::ftruncate(descriptor_, 0) == 0 && ::pwrite(descriptor_, text.data(), text.size(), 0) == static_cast<::ssize_t>(text.size()),
             "a file in memory can be written");
    }

private:
    int descriptor_;
};

void look_at(const schedules::interval& schedule, const std::string& job) {
    const timestamp now{std::chrono::hours(500'000)};
    standing fresh;
    fresh.newest.emplace().made_at = now;
    auto shortest = std::chrono::seconds::max();
    for (const auto& tag : schedule.tags()) {
        must(is_tag(tag), "a tag of a schedule is a tag");
        const auto every = schedule.interval_of(tag);
        must(every && every->count() > 0, "an interval is positive");
        shortest = std::min(shortest, *every);
        fresh.tags.push_back({tag, now, 1, 0});
    }
    const auto next = schedule.next_run(job, fresh, now);
    must(next.has_value() == !fresh.tags.empty(), "who promises something runs some time");
    must(!next || (*next > now && *next <= now + shortest), "the next run is within the shortest interval");
    must(!next || !schedule.tags_due(job, fresh, now, *next).empty(), "a run has a reason");
}

void look_at(const scheduler::configuration<schedules::interval>& c) {
    const auto& g = c.global;
    must(g.base_dir.is_absolute() && g.status_file.is_absolute(), "paths are absolute");
    must(g.worker_limit >= 1 && g.worker_limit <= 1000 && g.status_interval.count() >= 1 && g.status_interval.count() <= 200 && g.telnet_port >= 1,
         "numbers are in their bounds");
    for (const auto& [name, job] : c.jobs) {
        must(scheduler::is_job_name(name) && std::filesystem::path(name).filename() == name, "a job's name is the name of a directory");
        look_at(*job.schedule, name);
        const auto own = config::parse(job.config, "config");
        must(scheduler::check_policies<build>(own.get<section>("source"), own.table("store")) == job.volume,
             "what a repository is given as its configuration is accepted, and the same");
        must(schedules::interval(schedules::interval::config::from(own.table("schedule"))).tags() == job.schedule->tags(), "so is its schedule");
    }
}

}  // namespace

void fuzz::one(std::string_view input) {
    try {
        const auto once = config::print(config::parse(input, "backy.conf"));
        try {
            must(config::print(config::parse(once, "printed")) == once, "what is printed is read as the same");
        } catch (const config_error& e) {
            must(false, e.what());
        }
    } catch (const config_error&) {
    }

    static const memory_file file;
    file.hold(input);
    try {
        const auto c = scheduler::read_configuration<build>(file.path());
        look_at(c);
        const auto g = config::read_global(file.path());
        must(g.base_dir == c.global.base_dir && g.telnet_port == c.global.telnet_port && g.telnet_addrs == c.global.telnet_addrs &&
                 g.status_file == c.global.status_file,
             "[global] alone is as it is in the whole");
    } catch (const config_error&) {
    }
}
