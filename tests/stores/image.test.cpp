// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/journals.hpp"
#include "support/scratch.hpp"
#include "support/stores_without_files.hpp"

#include <backy/conformance/store_suite.hpp>
#include <backy/stores/image.hpp>

#include <sys/stat.h>

using namespace backy;
using support::scratch;
namespace fs = std::filesystem;

TEST_CASE("image store: conforms on btrfs, on XFS and where nothing can be reflinked") {
    auto places = support::copy_on_write();
    places.push_back(support::plain());
    for (const auto& place : places)
        DYNAMIC_SECTION(place) {
            const scratch dir(place);
            silent_journal journal;
            conformance::store_suite([&] { return stores::image<>({}, dir.path(), journal); });
        }
}

TEST_CASE("a store of snapshots of one image conforms: no files, no links, no reflinks") {
    static int run = 0;
    const auto name = std::to_string(++run);
    silent_journal journal;
    conformance::store_suite([&] { return support::snapshot_store({name}, "", journal); });
}

TEST_CASE("a store of content-addressed chunks conforms") {
    static int run = 0;
    const auto name = std::to_string(++run);
    silent_journal journal;
    conformance::store_suite([&] { return support::chunk_store({name}, "", journal); });
}

TEST_CASE("image store: a reflink shares the parent's blocks, and holes stay holes") {
    for (const auto& place : support::copy_on_write()) {
        INFO(place);
        const scratch dir(place);
        support::noisy_journal journal;
        stores::image<> store({.require_reflink = true}, dir.path(), journal);
        const std::string data(block_size, 'x');
        const auto parent = fresh_id(), child = fresh_id();
        {
            auto writer = store.begin(parent, 1_GiB, std::nullopt);
            for (byte_count at = 0; at < 16_MiB; at += block_size) writer.write(at, bytes_of(data));
            writer.seal();
            writer.commit();
        }
        const auto allocated = [&](const revision_id& id) {
            struct ::stat st {};
            REQUIRE(::stat(store.path(id).c_str(), &st) == 0);
            return static_cast<byte_count>(st.st_blocks) * 512;
        };
        const auto free = [&] {
            ::sync();
            return fs::space(dir.path()).free;
        };
        CHECK(allocated(parent) <= 16_MiB + 64_KiB);
        const auto before = free();
        {
            auto writer = store.begin(child, 1_GiB, parent);
            writer.zero({0, 4 * block_size});
            writer.write(8_MiB, bytes_of(data));
            writer.seal();
            writer.commit();
        }
        CHECK(before - std::min(before, free()) < 1_MiB);
        CHECK(allocated(child) <= 16_MiB);
        CHECK(journal.text.empty());
    }
}

TEST_CASE("image store: where the filesystem cannot reflink it copies with a warning at every run, or refuses") {
    const scratch dir(fs::exists("/dev/shm") ? "/dev/shm" : support::plain());
    support::noisy_journal journal;
    const auto parent = fresh_id();
    stores::image<> store({}, dir.path(), journal);
    auto writer = store.begin(parent, 1_GiB, std::nullopt);
    support::content data(9'000'077, 'x');  // several windows of it
    support::randomness().fill(data, 0, data.size());
    writer.write(512_MiB, bytes_of(data));
    writer.seal();
    writer.commit();
    CHECK(journal.text.empty());
    const auto child = fresh_id();
    {
        auto copy = store.begin(child, 1_GiB, parent);
        copy.seal();
        copy.commit();
    }
    CHECK(journal.text.find("cannot reflink") != std::string::npos);
    struct ::stat st {};
    REQUIRE(::stat(store.path(child).c_str(), &st) == 0);
    CHECK(st.st_blocks * 512 < 10 << 20);  // the copy is as sparse
    support::content copied(data.size(), '\0');
    store.open(child).read(512_MiB, std::as_writable_bytes(std::span(copied)));
    CHECK((copied == data));

    stores::image<> strict({.require_reflink = true}, dir.path(), journal);
    CHECK_THROWS_WITH(strict.begin(fresh_id(), 1_GiB, parent),
                      dir.path().string() + ": this filesystem cannot reflink (put the repository on btrfs, XFS or ZFS, or set store.reflink to \"auto\")");
}

TEST_CASE("image store: finished images can be read by owner and group and written by nobody") {
    const scratch dir(support::plain());
    silent_journal journal;
    stores::image<> store({}, dir.path(), journal);
    const auto id = fresh_id();
    auto writer = store.begin(id, 1, std::nullopt);
    writer.seal();
    writer.commit();
    CHECK((fs::status(store.path(id)).permissions() & fs::perms::all) == fs::perms(0440));
}

TEST_CASE("image store: its settings are checked") {
    const auto from = [](const std::string& text) { return stores::image<>::config::from(config::parse(text, "f")); };
    CHECK(!from("type = \"image\"").require_reflink);
    CHECK(from("type = \"image\"\nreflink = \"require\"").require_reflink);
    CHECK_THROWS_WITH(from("reflink = \"never\""), "f:1:1: reflink: unknown: \"never\"; known here: auto, require");
    CHECK_THROWS_WITH(from("type = \"image\"\nreflnk = 1"), "f:2:1: reflnk: unknown key; known here: type, reflink, keep-free");
}
