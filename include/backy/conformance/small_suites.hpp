// SPDX-License-Identifier: GPL-3.0-or-later
// The laws of Io, Hash, Schedule and Clock.
#pragma once

#include <backy/concepts/clock.hpp>
#include <backy/concepts/hash.hpp>
#include <backy/concepts/io.hpp>
#include <backy/concepts/schedule.hpp>
#include <backy/conformance/volume.hpp>

#include <set>

namespace backy::conformance {

/// Results are those of the kernel: a count or -errno.
template <Io I>
void io_suite(const I& io) {
    const scratch dir;
    const auto folder = static_cast<int>(io.openat(AT_FDCWD, dir.path().string(), O_RDONLY | O_DIRECTORY, 0));
    REQUIRE(folder >= 0);
    CHECK(io.openat(folder, "none", O_RDONLY, 0) == -ENOENT);
    const auto fd = static_cast<int>(io.openat(folder, "file", O_RDWR | O_CREAT, 0640));
    REQUIRE(fd >= 0);
    CHECK(io.pwrite(fd, bytes_of("hello"), 3) == 5);
    std::string text(16, '?');
    CHECK(io.pread(fd, std::as_writable_bytes(std::span(text)), 0) == 8);
    CHECK(text.substr(0, 8) == std::string("\0\0\0hello", 8));
    CHECK(io.lseek(fd, 0, SEEK_END) == 8);
    CHECK(io.ftruncate(fd, 5) == 0);
    CHECK(io.fsync(fd) == 0);
    CHECK(io.fchmod(fd, 0440) == 0);
    struct ::stat st {};
    CHECK((io.fstat(fd, st) == 0 && st.st_size == 5 && (st.st_mode & 0777) == 0440));
    CHECK(io.renameat(folder, "file", "other") == 0);
    CHECK(io.renameat(folder, "file", "other") == -ENOENT);
    CHECK(io.symlinkat("other", folder, "link") == 0);
    CHECK(io.symlinkat("other", folder, "link") == -EEXIST);
    CHECK((io.readlinkat(folder, "link", text = "") == 5 && text == "other"));
    CHECK((io.fstatat(folder, "link", st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)));
    CHECK(io.mkdirat(folder, "sub", 0750) == 0);
    CHECK(io.unlinkat(folder, "sub") == -EISDIR);
    std::vector<std::string> names;
    CHECK(io.list(folder, names) == 0);
    CHECK(std::set(names.begin(), names.end()) == std::set<std::string>{"link", "other", "sub"});
    struct ::statfs fs {};
    CHECK((io.fstatfs(fd, fs) == 0 && fs.f_type != 0));
    CHECK(io.unlinkat(folder, "other") == 0);
    CHECK(io.unlinkat(folder, "other") == -ENOENT);
    CHECK(io.close(fd) == 0);
    CHECK(io.close(fd) == -EBADF);
    CHECK(io.pread(fd, {}, 0) == -EBADF);
    io.close(folder);
}

template <Hash H>
void hash_suite() {
    randomness random;
    const H hash(H::fresh_key()), other(H::fresh_key());
    std::set<std::string> seen;
    const auto digest = [&](const_block b) {
        const auto d = hash(b);
        CHECK(d == hash(b));
        CHECK(d != typename H::digest{});  // that is the digest of zeroes, which nobody computes
        return std::string(reinterpret_cast<const char*>(&d), sizeof d);
    };
    std::string data(block_size, '\0');
    random.fill(data, 0, data.size());
    for (const std::size_t n : {1ul, 15ul, 16ul, 17ul, 4096ul, 65535ul, 65536ul}) seen.insert(digest(bytes_of(std::string_view(data).substr(0, n))));
    for (const std::size_t n : {1ul, 16ul, 65536ul}) seen.insert(digest(bytes_of(std::string(n, '\0'))));  // the length counts
    CHECK(seen.size() == 10);
    for (std::size_t bit = 0; bit < block_size * 8; bit += 4099) {
        auto flipped = data;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        CHECK(seen.insert(digest(bytes_of(flipped))).second);
    }
    if constexpr (!std::is_empty_v<typename H::key>) CHECK(other(bytes_of(data)) != hash(bytes_of(data)));
    CHECK(std::string(H::type.c_str()).size() <= 16);
}

/// `table`: a [schedule] with the tags daily (1d) and weekly (1w) that keeps less than 100 of each.
template <Schedule S>
void schedule_suite(const section& table) {
    const S schedule(S::config::from(table)), nothing(S::config::from(section()));
    CHECK(schedule.interval_of("daily") == std::chrono::days(1));
    CHECK(schedule.interval_of("weekly") == std::chrono::weeks(1));
    CHECK(!schedule.interval_of("other"));
    CHECK(schedule.tags() == std::vector<std::string>{"daily", "weekly"});
    CHECK((!nothing.interval_of("daily") && nothing.tags().empty() && !nothing.next_run("job", {}, timestamp())));

    const timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
    history h;
    auto now = start;
    for (int run = 0; run < 500; ++run) {
        const auto known = standing_of(h);
        const auto at = schedule.next_run("job", known, now);
        REQUIRE(at);
        now = std::max(now, *at);
        const auto tags = schedule.tags_due("job", known, *at - std::chrono::microseconds(1), now);
        REQUIRE(!tags.empty());
        revision r;
        r.id = std::to_string(run);
        r.sequence = run + 1;
        r.made_at = now;
        r.tags = tags;
        if (run % 7 == 3) r.trust = trust::distrusted;
        if (run % 11 == 0) r.tags.push_back("by-hand");
        h.revisions.push_back(r);
        now += std::chrono::minutes(run % 50);
        const auto last = h.newest() ? h.newest()->id : "";
        const auto out = schedule.expired(h, now);
        for (const auto& id : out.removed) CHECK((id != last && !h.find(id)->has_tag("by-hand")));
        for (const auto& change : out.retagged) {
            auto changed = *h.find(change.id);
            CHECK(std::ranges::includes(std::set(changed.tags.begin(), changed.tags.end()), std::set(change.tags.begin(), change.tags.end())));
            CHECK(changed.has_tag("by-hand") == (std::ranges::count(change.tags, "by-hand") == 1));
            changed.tags = change.tags;
            h = h.with(changed);
        }
        h = h.without(out.removed);
        const auto again = schedule.expired(h, now);
        CHECK((again.removed.empty() && again.retagged.empty()));
        CHECK(nothing.expired(h, now).retagged.empty());
    }
    CHECK(h.revisions.size() < 300);
    CHECK(now > start + std::chrono::days(300));
}

template <Clock C>
void clock_suite(const C& clock) {
    const auto before = clock.steady();
    CHECK(clock.now() > timestamp());
    CHECK(clock.steady() >= before);
}

}  // namespace backy::conformance
