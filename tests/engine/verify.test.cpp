// SPDX-License-Identifier: GPL-3.0-or-later
// Verify by itself: what does not pass, and what is written down of it.
#include "setup.hpp"

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
