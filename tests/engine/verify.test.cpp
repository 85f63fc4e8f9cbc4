// SPDX-License-Identifier: GPL-3.0-or-later
// Verify by itself: what does not pass, and what is written down of it.
#include "setup.hpp"
#include "support/small_disk.hpp"

using namespace support;

namespace {

struct torn : io::posix {
    inline static bool is_torn = false;
    long pread(int fd, block b, byte_count at) const { return is_torn && at >= 1_MiB ? -EIO : posix::pread(fd, b, at); }
};

/// Two revisions of a volume, and verify's view of the first.
void with_revision(auto use) {
    const scratch dir(plain());
    silent_journal journal;
    memory_source::named(dir.path().string()).now = std::make_shared<content>(content(2'000'000, 'x'));
    engine<memory_source, stores::image<torn>>(dir.path(), {dir.path().string()}, {}, journal, [&](auto& r, auto& s) {
        const auto made = backup(r, s, {"daily"}).made;
        backup(r, s, {"daily"});
        use(r, made, dir / made.id);
        torn::is_torn = false;
    });
}

using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("verify: an image that is longer, shorter, has a hole, cannot be read or is gone does not pass") {
    const auto faults_after = [](auto damage) {
        lines faults;
        with_revision([&](auto& r, const revision& made, const fs::path& image) {
            fs::permissions(image, fs::perms(0640));
            damage(image);
            faults = verify(r, made);
            for (auto& fault : faults)
                if (const auto at = fault.find(image.string()); at != fault.npos) fault.replace(at, image.string().size(), "IMAGE");
            torn::is_torn = false;
            CHECK(r.catalog().read().find(made.id)->trust == (faults.empty() ? trust::verified : trust::distrusted));
            CHECK(r.catalog().read().find(made.id)->verified.has_value() == faults.empty());
        });
        return faults;
    };
    CHECK(faults_after([](const fs::path&) {}).empty());
    CHECK(faults_after([](const fs::path& image) { std::ofstream(image, std::ios::app) << content(10, '\0'); }) == lines{"the image has 2000010 bytes and should have 2000000"});
    CHECK(faults_after([](const fs::path& image) { fs::resize_file(image, 1'999'999); }).at(0) == "the image has 1999999 bytes and should have 2000000");
    CHECK(faults_after([](const fs::path& image) { io::file<io::posix>({}, image.string(), O_RDWR).zero({0, 3 * block_size}); }) ==
          lines{"offset 0, 196608 bytes: does not match its digest"});
    CHECK(faults_after([](const fs::path&) { torn::is_torn = true; }) == lines{"offset 1048576, 951424 bytes: cannot be read: Input/output error"});
    CHECK(faults_after([](const fs::path& image) { fs::remove(image); }) == lines{"IMAGE: there is no such file"});
    CHECK(faults_after([](const fs::path& image) { fs::remove(image.string() + ".digests"); }) == lines{"IMAGE.digests: there is no such file"});
    CHECK(faults_after([](const fs::path& image) { rot(image.string() + ".digests", 4096); }).at(0).ends_with("its digests are damaged: their SHA-256 does not match"));
}

TEST_CASE("verify: what happens to a revision while it is read stays so") {
    with_revision([](auto& r, const revision& made, const fs::path&) {
        auto retagged = made;
        retagged.tags = {"other"};
        r.catalog().put(retagged);
        CHECK(verify(r, made).empty());
        const auto now = *r.catalog().read().find(made.id);
        CHECK((now.tags == lines{"other"} && now.trust == trust::verified));
        r.catalog().remove(made.id);
        CHECK_THROWS_WITH(verify(r, made), "revision " + made.id + ": verify: it was removed meanwhile");
        CHECK(!r.catalog().read().has(made.id));
    });
}

TEST_CASE("verify: a revision without digests is neither verified nor distrusted") {
    with_revision([](auto& r, revision made, const fs::path&) {
        made.digests.reset();
        r.catalog().put(made);
        CHECK_THROWS_WITH(verify(r, made), "revision " + made.id + ": verify: it has no digests to check it against");
        CHECK(r.catalog().read().find(made.id)->trust == trust::trusted);
    });
}

namespace {

/// Five revisions of a file on a filesystem that reflinks, each with one block more that changed, and how many bytes a verification reads.
class shared_life {
public:
    static constexpr std::size_t size = 40 * block_size + 1000;
    explicit shared_life(const fs::path& place) : dir_(place), now_(size, '\0') {
        fs::create_directory(dir_ / "repository");
        random_.fill(now_, 0, size);
        for (int i = 0; i < 5; ++i) back_up();
    }
    void back_up() {
        random_.fill(now_, ids.size() * block_size, block_size);
        spill(dir_ / "disk.img", now_);
        file_engine e(dir_.path(), io::posix{}, journal_);
        ids.push_back(backup(e.repository, e.source, {"daily"}).made.id);
        contents.push_back(now_);
    }
    revision at(std::size_t i) {
        file_engine e(dir_.path(), io::posix{}, journal_);
        return *e.catalog.read().find(ids[i]);
    }
    /// Blocks that it reads.
    byte_count verify(std::size_t i, std::optional<timestamp> believed_since) {
        file_engine e(dir_.path(), io::posix{}, journal_);
        std::atomic<byte_count> read = 0;
        faults = backy::verify(e.repository, at(i), {.believed_since = believed_since, .before_read = [&](byte_count n) { read += blocks_of(n); }});
        return read;
    }
    fs::path image(std::size_t i) const { return dir_ / "repository" / ids[i]; }

    std::vector<revision_id> ids;
    std::vector<content> contents;
    lines faults;

private:
    scratch dir_;
    silent_journal journal_;
    randomness random_;
    content now_;
};

/// On a disk that is not mounted: in the revisions, and in the volume, which is written anew before the next backup.
void rot_everywhere(const fs::path& disk, const content& block) {
    const auto bytes = slurp(disk);
    auto at = bytes.find(block);
    REQUIRE(at != bytes.npos);
    for (; at != bytes.npos; at = bytes.find(block, at + 1)) rot(disk, static_cast<std::streamoff>(at + 5));
}

}  // namespace

TEST_CASE("verify: what lies in one place with a revision that was verified is read once for both") {
    for (const auto& place : copy_on_write()) {
        shared_life life(place);
        const auto begun = clocks::system().now();
        INFO(place);
        CHECK(life.verify(0, begun) == 41);
        CHECK(life.at(0).verified->part == "the whole image, from the disk");
        CHECK(life.verify(1, begun) == 1);
        const auto one = *life.at(1).verified;
        CHECK(one.part == "the whole image, from the disk; 40 of its 41 blocks as part of revision " + life.ids[0]);
        CHECK(one.at == life.at(0).verified->at);
        CHECK(life.verify(4, begun) == 3);  // from 1, the nearest
        CHECK(life.verify(2, begun) == 1);
        CHECK(life.verify(3, begun) <= 1);
        CHECK(life.verify(3, std::nullopt) == 41);
        CHECK(life.verify(2, clocks::system().now()) == 41);
        CHECK(life.faults.empty());
    }
}

TEST_CASE("verify: what a revision does not share, or has other digests for, is read whatever its neighbour was") {
    for (const auto& place : copy_on_write()) {
        shared_life life(place);
        const auto begun = clocks::system().now();
        life.verify(1, begun);
        rot(life.image(2), 30 * block_size + 3);  // written anew, and so elsewhere
        life.verify(2, begun);
        CHECK(life.faults == lines{"offset 1966080, 65536 bytes: does not match its digest"});
        CHECK(life.at(2).trust == trust::distrusted);
        CHECK(life.at(1).trust == trust::verified);
        life.verify(3, begun);  // not from 2, which is distrusted
        CHECK(life.at(3).verified->part.ends_with("as part of revision " + life.ids[1]));
    }
}

TEST_CASE("verify: a block that rotted on the disk distrusts every revision that shares it, and the next run writes it anew") {
    if (::geteuid() != 0) return;
    for (const std::string type : {"btrfs", "xfs"}) {
        const small_disk disk(type);
        shared_life life(disk.path());
        const auto block_30 = life.contents[0].substr(30 * block_size, block_size);  // which is in all of them
        disk.unmount();
        rot_everywhere(disk.file(), block_30);
        disk.mount();
        const auto begun = clocks::system().now();
        CHECK(life.verify(4, begun) >= 41);  // more where a window cannot be read at once
        REQUIRE(life.faults.size() == 1);
        CHECK(life.faults[0].starts_with("offset 1966080, 65536 bytes: "));
        for (std::size_t i = 0; i < 5; ++i) CHECK(life.at(i).trust == trust::distrusted);
        life.back_up();
        CHECK((slurp(life.image(5)) == life.contents[5]));
        CHECK(life.verify(5, begun) == 41);
        CHECK(life.faults.empty());

        life.back_up();
        disk.unmount();
        rot_everywhere(disk.file(), life.contents[6].substr(6 * block_size, block_size));
        disk.mount();
        life.verify(6, begun);
        CHECK(life.faults.size() == 1);
        CHECK(life.at(6).trust == trust::distrusted);
        CHECK(life.at(5).trust == trust::verified);  // which has another block there
    }
}
