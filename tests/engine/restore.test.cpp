// SPDX-License-Identifier: GPL-3.0-or-later
// A restore by itself: in which order it writes, and what becomes of what is bad. (That it restores: engine.test.cpp.)
#include "setup.hpp"

using namespace support;

namespace {

/// A target in memory that writes down what it is told: in place, or without reading.
struct memory_target {
    static constexpr auto type = name<"memory">;
    static bool claims(const std::string&) { return false; }

    explicit memory_target(const target_request&) {}
    explicit memory_target(content before) : bytes(std::move(before)) {}

    void resize(byte_count n) { note("resize"), bytes.resize(n, '\0'); }
    void write(byte_count offset, const_block in) {
        note(offset < 1_MiB ? "write front" : "write rest");
        std::memcpy(bytes.data() + offset, in.data(), in.size());
    }
    void zero(extent e) {
        note(e.offset < 1_MiB ? "zero front" : "zero rest");
        bytes.replace(e.offset, e.length, e.length, '\0');
    }
    void sync() { note("sync"); }

    content bytes;
    std::vector<std::string> calls;  ///< repeated ones once

private:
    void note(const std::string& call) {
        if (calls.empty() || calls.back() != call) calls.push_back(call);
    }
};
struct disk_target : memory_target {
    using memory_target::memory_target;
    byte_count size() const { return bytes.size(); }
    void read(byte_count at, block out) const {
        if (unreadable) throw error("target", "read: Input/output error");
        std::memcpy(out.data(), bytes.data() + at, out.size());
    }
    void extents(const extent_visitor& visit) const {
        for (byte_count at = 0; at < bytes.size(); at += block_size)
            if (const auto part = std::string_view(bytes).substr(at, block_size); !is_zero(bytes_of(part))) visit({at, part.size()});
    }
    bool unreadable = false;
};
static_assert(InPlaceTarget<disk_target> && Target<memory_target> && !InPlaceTarget<memory_target>);

/// A disk of which 64 KiB cannot be read.
struct torn : io::posix {
    inline static std::optional<byte_count> from;
    long pread(int fd, block b, byte_count at) const {
        if (from && at < *from + block_size && at + b.size() > *from) return -EIO;
        return posix::pread(fd, b, at);
    }
};

struct fixture {
    auto with_engine(auto use) { return engine<memory_source, stores::image<torn>>(dir.path(), {dir.path().string()}, {}, journal, use); }
    explicit fixture(content c = content(3'000'077, 'x')) : truth(std::move(c)) {
        memory_source::named(dir.path().string()).now = std::make_shared<content>(truth);
        made = with_engine([](auto& r, auto& s) { return backup(r, s, {}).made; });
    }
    ~fixture() { torn::from.reset(); }
    restore_report to(auto& target) {
        return with_engine([&](auto& r, auto&) { return restore(r, made, target, 1); });
    }
    const scratch dir{plain()};
    silent_journal journal;
    const content truth;
    revision made;
};

using calls = std::vector<std::string>;

}  // namespace

TEST_CASE("restore: a disk does not boot before everything else is durable") {
    fixture f;
    disk_target target(content(3'500'000, 'y'));
    CHECK(f.to(target).bad.empty());
    CHECK((target.bytes == f.truth));
    CHECK(target.calls == calls{"resize", "zero front", "sync", "write rest", "sync", "write front", "sync"});
    memory_target stream{content()};
    CHECK(f.to(stream).bad.empty());
    CHECK((stream.bytes == f.truth));
    CHECK(stream.calls == calls{"resize", "write front", "sync"});
}

TEST_CASE("restore: whatever was there, and whether or not it can be read, becomes the revision, and what is right is not written again") {
    randomness random;
    content truth(12'000'000, '\0');
    for (std::size_t at = 0; at < truth.size(); at += block_size)
        if (random.below(2) == 0) truth.replace(at, block_size, block_size, 'x');
    truth.resize(60'000'077, '\0');  // pages of the digests file without a digest, too
    fixture f(truth);
    for (const bool unreadable : {false, true})
        for (const std::size_t size : {0ul, 5'000'000ul, 60'000'077ul, 61'000'000ul}) {
            INFO(size);
            content before(size, '\0');
            for (std::size_t at = 0; at < size; at += block_size)
                if (random.below(2) == 0) before.replace(at, block_size, block_size, random.below(2) == 0 ? 'x' : 'y');
            before.resize(size);
            disk_target target(std::move(before));
            target.unreadable = unreadable;
            CHECK(f.to(target).bad.empty());
            CHECK((target.bytes == truth));
            target.calls.clear(), target.unreadable = false;
            CHECK(f.to(target).bad.empty());
            CHECK(target.calls == calls{"resize", "zero front", "sync", "write front", "sync"});
        }
}

TEST_CASE("restore: what the target has by the digests is not read from the image, bad or not") {
    fixture f;
    disk_target target{content(f.truth)};
    target.bytes.replace(40 * block_size, 10, 10, 'y');
    torn::from = 30 * block_size;
    CHECK(f.to(target).bad.empty());
    CHECK((target.bytes == f.truth));
    target.bytes.replace(30 * block_size, 10, 10, 'y');
    CHECK(f.to(target).bad.size() == 1);
    CHECK(target.bytes[30 * block_size] == 'y');
}

TEST_CASE("restore: what is bad is reported and not written, and everything else is") {
    fixture f;
    for (const bool readable : {true, false})
        for (const byte_count number : {2, 30}) {  // in the front and behind it
            INFO((readable ? "readable, block " : "not readable, block ") << number);
            const auto at = number * block_size;
            if (readable) rot(f.dir / f.made.id, static_cast<std::streamoff>(at + 77));
            else torn::from = at;
            disk_target target(content(f.truth.size(), 'y'));
            const auto bad = f.to(target).bad;
            REQUIRE(bad.size() == 1);
            CHECK(bad[0].where == extent{at, block_size});
            CHECK(bad[0].why == (readable ? "does not match its digest" : "cannot be read: Input/output error"));
            auto expected = f.truth;
            expected.replace(at, block_size, block_size, number == 2 ? '\0' : 'y');  // the front was wiped
            CHECK((target.bytes == expected));
            memory_target stream{content()};
            CHECK(f.to(stream).bad.size() == 1);
            expected.replace(at, block_size, block_size, '\0');
            CHECK((stream.bytes == expected));
            CHECK(std::ranges::count(stream.calls, number == 2 ? "zero front" : "zero rest") == 1);
            if (readable) rot(f.dir / f.made.id, static_cast<std::streamoff>(at + 77));
            torn::from.reset();
        }
}

TEST_CASE("restore: without digests everything is written, and it is said that nothing was checked") {
    fixture f;
    const auto digests = f.dir / (f.made.id + ".digests");
    SECTION("gone") {
        fs::remove(digests);
        disk_target target{content()};
        CHECK(f.to(target).unchecked == digests.string() + ": there is no such file");
        CHECK((target.bytes == f.truth));
    }
    SECTION("damaged") {
        rot(digests, 4096 + 5);
        disk_target target{content()};
        CHECK(f.to(target).unchecked == "revision " + f.made.id + ": its digests are damaged: their SHA-256 does not match");
        CHECK((target.bytes == f.truth));
    }
}
