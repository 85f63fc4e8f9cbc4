// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: ceph/cluster ceph/image
#include "support/cluster.hpp"

#include <backy/config/document.hpp>
#include <backy/conformance/source_suite.hpp>
#include <backy/sources/ceph_rbd.hpp>

#include <list>
#include <thread>

using namespace backy;
using namespace support;
using sources::ceph_rbd;

namespace {

ceph_rbd::config config_from(const std::string& text) { return ceph_rbd::config::from(config::parse(text, "f")); }
ceph_rbd::config config_of(const std::string& image, const std::string& more = "") {
    return config_from("pool = \"rbd\"\nimage = \"" + image + "\"\n" + more);
}

struct rbd_volume {
    explicit rbd_volume(const std::string& options) : image(options.find("--size") == options.npos ? options + " --size 0" : options) {}
    void set(const content& c) { image.set(c); }
    ceph_rbd make() { return ceph_rbd(config_of(image.name()), journal); }
    std::string spelling() { return image.spec(); }
    rbd_image image;
    silent_journal journal;
};

/// A clone of a parent with something in it.
struct cloned_volume : rbd_volume {
    cloned_volume() : rbd_volume("") {
        randomness random;
        set(some_volume(random, 3'000'000));
        ceph_says("rbd snap create --no-progress " + image.spec() + "@base");
        ceph_says("rbd snap protect " + image.spec() + "@base");
        ceph_says("rbd clone " + image.spec() + "@base " + clone.text());
    }
    ~cloned_volume() {
        shell("rbd snap purge --no-progress " + clone.text() + "; rbd rm --no-progress " + clone.text() + "; rbd snap unprotect " + image.spec() +
              "@base");
    }
    ceph::location clone{"rbd", "", image.name() + "-clone"};
};

std::vector<extent> extents_of(const auto& visits) {
    std::vector<extent> all;
    visits([&](extent e) { all.push_back(e); });
    return all;
}

}  // namespace

TEST_CASE("ceph-rbd source: conforms, whatever the layout of the image") {
    for (const auto* const options : {"", "--object-size 64K --image-feature layering", "--object-size 32M --stripe-unit 65536 --stripe-count 3"})
        DYNAMIC_SECTION("options: " << options) {
            rbd_volume volume(options);
            conformance::source_suite(volume);
        }
}

TEST_CASE("ceph-rbd source: a clone has the bytes of its parent too, before it is flattened and after") {
    randomness random;
    cloned_volume volume;
    const auto truth = volume.image.exported();
    silent_journal journal;
    ceph_rbd source(config_of(volume.clone.image), journal);
    const auto first = fresh_id(), second = fresh_id(), third = fresh_id();
    conformance::image_suite(source.freeze(first), truth);
    const auto differ = [&](const auto& snapshot, const revision_id& base, const content& before) {
        auto mended = before;
        const auto now = ceph_says("rbd export --no-progress " + volume.clone.text() + " -");
        CHECK(!snapshot.changed_since(base, [&](extent e) { mended.replace(e.offset, e.length, now, e.offset, e.length); }));
        CHECK((mended == now));
        return now;
    };
    {
        auto image =
            ceph::image::open(std::make_shared<const ceph::pool>(ceph::access{}, volume.clone), volume.clone, "", ceph::image::access::writable);
        image.write(1'000'000, bytes_of(std::string_view("written to the clone")));
        image.zero({2'000'000, 500'000});
    }
    const auto written = differ(source.freeze(second), first, truth);
    CHECK((written != truth));
    ceph_says("rbd flatten --no-progress " + volume.clone.text());
    const auto flattened = source.freeze(third);
    conformance::image_suite(flattened, written);
    CHECK((differ(flattened, second, written) == written));
}

TEST_CASE("ceph-rbd source: one made anew under the same name is another volume, one that was resized, renamed to and fro or written to is not") {
    rbd_volume volume("--image-feature layering");
    const auto identity = [&] {
        auto source = volume.make();
        const auto id = fresh_id();
        const auto is = source.freeze(id).identity();
        source.release(id);
        return is;
    };
    const auto before = identity();
    volume.set(content(100'000, 'x'));
    CHECK(identity() == before);
    ceph_says("rbd rm --no-progress " + volume.image.spec());
    ceph_says("rbd create --size 1M " + volume.image.spec());
    CHECK(identity() != before);
}

TEST_CASE("ceph-rbd source: with fast-diff only the part of an object that changed is told, and where nothing is allocated nobody is asked") {
    rbd_volume volume("--size 1T");
    auto source = volume.make();
    const auto first = fresh_id(), second = fresh_id();
    { auto frozen = source.freeze(first); }
    volume.image.opened().write(700_GiB + 1_MiB, bytes_of(content(65536, 'x')));
    volume.image.opened().write(700_GiB + 3_MiB, bytes_of(content(65536, 'x')));
    { auto frozen = source.freeze(second); }
    volume.image.opened().write(700_GiB + 1_MiB, bytes_of(content(4096, 'y')));
    const auto third = fresh_id();
    const auto snapshot = source.freeze(third);
    CHECK(extents_of([&](auto visit) { snapshot.extents(visit); }) == std::vector<extent>{{700_GiB, 4_MiB}});
    CHECK(extents_of([&](auto visit) { CHECK(!snapshot.changed_since(second, visit)); }) == std::vector<extent>{{700_GiB + 1_MiB, 4096}});
    byte_count changed = 0;
    CHECK(!snapshot.changed_since(first, [&](extent e) { changed += e.length; }));
    CHECK((changed >= 2 * 65536 && changed <= 4_MiB));
}

TEST_CASE("ceph-rbd source: why a change map cannot be told") {
    rbd_volume volume("");
    volume.set(content(100'000, 'x'));
    silent_journal journal;
    auto source = volume.make();
    const auto first = fresh_id(), second = fresh_id();
    { auto frozen = source.freeze(first); }
    const auto ignore = [](extent) {};
    CHECK(source.freeze(second).changed_since(fresh_id(), ignore) == "its parent's snapshot is gone");
    ceph_rbd always(config_of(volume.image.name(), "full-always = true"), journal);
    CHECK(always.find(second, consistency::crash)->changed_since(first, ignore) == "full-always is set");
    CHECK((always.tracked().full_always && !source.tracked().full_always));
    const auto snapshot = source.find(second, consistency::crash);
    REQUIRE(snapshot);
    CHECK(!snapshot->changed_since(first, ignore));
    source.release(first);
    CHECK(snapshot->changed_since(first, ignore) == "its parent's snapshot is gone");
    CHECK(!source.find(first, consistency::crash));
    CHECK_NOTHROW(source.require());
}

TEST_CASE("ceph-rbd source: a snapshot that is removed while it is read is noticed, though Ceph reads on without a word") {
    rbd_volume volume("");
    volume.set(content(100'000, 'x'));
    auto source = volume.make();
    const auto id = fresh_id();
    const auto snapshot = source.freeze(id);
    CHECK_NOTHROW(snapshot.attest());
    ceph_says("rbd snap rm --no-progress " + volume.image.spec() + "@backy-" + id);
    CHECK_THROWS_WITH(snapshot.attest(), volume.image.spec() + ": open: it has no snapshot backy-" + id);
}

TEST_CASE("ceph-rbd source: images that are opened and closed in quick succession, on processors that are busy") {
    // librbd's threads may still look at an image that they say is open (see ceph::pool): this aborted or hung within seconds.
    std::list<rbd_volume> volumes;
    std::vector<std::jthread> all;
    for (int i = 0; i < 4; ++i)
        all.emplace_back([&volume = volumes.emplace_back("--size 4M")] {
            std::optional<revision_id> before;
            for (int n = 0; n < 40; ++n) {
                auto source = volume.make();
                const auto id = fresh_id();
                const auto snapshot = source.freeze(id);
                snapshot.attest();
                if (before) snapshot.changed_since(*before, [](extent) {});
                if (before) source.release(*before);
                before = id;
            }
        });
}

TEST_CASE("ceph-rbd source: only snapshots named by an ID are listed, and of an image that is gone none") {
    rbd_volume volume("");
    auto source = volume.make();
    const auto id = fresh_id();
    { auto frozen = source.freeze(id); }
    for (const auto* const other : {"somebody-else", "backy-", "backy-x", "ba"})
        ceph_says("rbd snap create --no-progress " + volume.image.spec() + "@" + other);
    CHECK(source.snapshots() == std::vector{id});
    silent_journal journal;
    ceph_rbd gone(config_of("none"), journal);
    CHECK(gone.snapshots().empty());
    CHECK_THROWS_WITH(gone.release(id), "rbd/none: open: there is no such image");  // it may come back from the trash
    CHECK_THROWS_WITH(gone.require(), "rbd/none: open: there is no such image");
    CHECK_THROWS_WITH(gone.freeze(id), "rbd/none: open: there is no such image");
}

TEST_CASE("ceph-rbd source: what cannot be done is said with its reason") {
    rbd_volume volume("");
    silent_journal journal;
    const auto freeze = [&](const std::string& more) {
        ceph_rbd source(config_of(volume.image.name(), more), journal);
        (void)source.freeze(fresh_id());
    };
    CHECK_THROWS_WITH(ceph_rbd(config_from("pool = \"none\"\nimage = \"x\""), journal).snapshots(), "ceph: pool \"none\": No such file or directory");
    CHECK_THROWS_WITH(freeze("namespace = \"none\""), "rbd/none/" + volume.image.name() + ": open: there is no such image");
    CHECK_THROWS_WITH(freeze("conf = \"/none\""), "/none: read: No such file or directory");
    CHECK_THROWS_WITH(freeze("user = \"nobody\""), "ceph as client.nobody: connect: Permission denied");
    const scratch dir(plain());
    std::ofstream(dir / "ceph.conf") << slurp(ceph_lab() / "ceph.conf") << "keyring = /none\n";
    CHECK_THROWS_WITH(freeze("conf = \"" + (dir / "ceph.conf").string() + "\""),
                      "ceph as client.admin: connect: no keyring for it (key `keyring` of ceph.conf; key `user` of the source)");
    CHECK_THROWS_WITH(freeze("user = \"reader\""), Catch::StartsWith(volume.image.spec()) && Catch::EndsWith("Operation not permitted"));
    CHECK(volume.image.snapshots() == "");
    ceph_says("rbd snap create --no-progress " + volume.image.spec() + "@one");
    ceph_says("rbd snap limit set --limit 1 " + volume.image.spec());
    CHECK_THROWS_WITH(freeze(""), Catch::EndsWith("make snapshot: a quota is full (of the pool, or the image's limit of snapshots)"));
    CHECK(volume.image.snapshots() == "one\n");
}

TEST_CASE("ceph-rbd source: a protected snapshot cannot be released, and that is said") {
    rbd_volume volume("");
    auto source = volume.make();
    const auto id = fresh_id();
    { auto frozen = source.freeze(id); }
    ceph_says("rbd snap protect " + volume.image.spec() + "@backy-" + id);
    CHECK_THROWS_WITH(source.release(id), volume.image.spec() + "@backy-" + id + ": remove snapshot: it is protected or has clones");
    ceph_says("rbd snap unprotect " + volume.image.spec() + "@backy-" + id);
    CHECK_NOTHROW(source.release(id));
}

TEST_CASE("ceph: a cluster that does not answer is an error within the time-out, and a transient one") {
    const scratch dir(plain());
    std::ofstream(dir / "ceph.conf") << "[global]\nmon host = 127.0.0.1:1\nkeyring = " << (ceph_lab() / "keyring").string() << "\n";
    silent_journal journal;
    ceph_rbd source(config_of("x", "timeout = \"1s\"\nconf = \"" + (dir / "ceph.conf").string() + "\""), journal);
    const auto started = std::chrono::steady_clock::now();
    try {
        source.snapshots();
        FAIL("it answered");
    } catch (const source_error& e) {
        CHECK(e.what() == std::string("ceph as client.admin: connect: Connection timed out (try again later)"));
        CHECK(e.transient());
    }
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(10));
}

TEST_CASE("ceph: CEPH_ARGS names the user, the cluster and the configuration, and what the source's own settings say goes before") {
    use_ceph();
    const auto with = [](const std::string& arguments, const ceph::access& a) {
        ::setenv("CEPH_ARGS", arguments.c_str(), 1);
        const auto all = a.with_environment();
        ::unsetenv("CEPH_ARGS");
        return all.cluster + " " + all.conf + " " + all.user;
    };
    CHECK(with("", {}) == "  ");
    CHECK(with("--id backup --cluster=east -c /x", {}) == "east /x backup");
    CHECK(with("--name client.backup --conf=/y", {}) == " /y backup");
    CHECK(with("-n client.a  --user b --id", {}) == "  ");  // the last one holds, as for Ceph's own programs
    CHECK(with("-n client.a  --user  b", {}) == "  b");
    CHECK(with("--id backup --cluster east", {.cluster = "west", .conf = {}, .user = "mine"}) == "west  mine");
    CHECK(with("--id", {}) == "  ");
    ::setenv("CEPH_ARGS", "--id nobody", 1);
    CHECK_THROWS_WITH(ceph::pool(ceph::access{}, {"rbd", "", "x"}), Catch::StartsWith("ceph as client.nobody"));
    ::unsetenv("CEPH_ARGS");
    CHECK_NOTHROW(ceph::pool(ceph::access{}, {"rbd", "", "x"}));
}

TEST_CASE("ceph: what a result means") {
    CHECK(ceph::check(7, "where", "what") == 7);
    const auto message = [](int code) {
        try {
            ceph::check(-code, "where", "what");
        } catch (const source_error& e) {
            return std::string(e.what()) + (e.transient() ? " transient" : "");
        }
        return std::string();
    };
    CHECK(message(EIO) == "where: what: Input/output error");
    CHECK(message(ETIMEDOUT) == "where: what: Connection timed out (try again later) transient");
    CHECK(message(ESHUTDOWN) == "where: what: the cluster has shut this client out (blocklisted; try again later) transient");
}

TEST_CASE("ceph-rbd source: in a namespace") {
    ceph_says("rbd namespace create rbd/tests || true");
    ceph_says("rbd create --size 1M rbd/tests/in-it");
    silent_journal journal;
    ceph_rbd source(ceph_rbd::config::from(ceph_rbd::parse("rbd/tests/in-it")), journal);
    const auto id = fresh_id();
    CHECK(source.freeze(id).size() == 1_MiB);
    CHECK(source.name() == "rbd/tests/in-it");
    CHECK(source.snapshots() == std::vector{id});
    source.release(id);
    ceph_says("rbd rm --no-progress rbd/tests/in-it");
}

TEST_CASE("ceph-rbd source: its settings are checked") {
    const auto c = config_from(
        "pool = \"p\"\nimage = \"i\"\nnamespace = \"n\"\nuser = \"u\"\ntimeout = \"2m\"\nfull-always = true\ncompared-within-runs = "
        "7\ncompare-time-limit = \"1h\"");
    CHECK(c.where.text() == "p/n/i");
    CHECK((c.access.user == "u" && c.access.timeout == std::chrono::minutes(2)));
    CHECK((c.how.full_always && c.how.compared_within == 7 && c.how.compare_limit == std::chrono::hours(1)));
    CHECK(config_of("i").how.compare_limit == std::chrono::seconds(0));
    CHECK(config_of("i", "compare-time-limit = \"0s\"").how.compare_limit == std::chrono::seconds(0));
    CHECK_THROWS_WITH(config_from("pool = \"p\""), "f:1:1: image: missing");
    CHECK_THROWS_WITH(config_of("i", "monitor = 1"),
                      "f:3:1: monitor: unknown key; known here: type, pool, namespace, image, cluster, conf, user, timeout, full-always, "
                      "compared-within-runs, compare-time-limit");
    CHECK_THROWS_WITH(config_of("i", "timeout = \"x\""), "f:3:1: timeout: must be a number with s, m, h, d or w: \"x\"");
    CHECK_THROWS_WITH(config_of("i", "compare-time-limit = \"x\""),
                      "f:3:1: compare-time-limit: must be a number with s, m, h, d or w, or \"0s\" for none: \"x\"");
    CHECK_THROWS_WITH(config_of("i", "compared-within-runs = 0"), "f:3:1: compared-within-runs: must be 1 to 10000");
    CHECK_THROWS_WITH(config_of("a/b"), "f:2:1: image: must be a name without / and @: \"a/b\"");
    CHECK_THROWS_WITH(config_of(""), "f:2:1: image: must be a name without / and @: \"\"");
    CHECK_THROWS_WITH(ceph_rbd::parse("rbd/x,vm,secret"), "source: ceph-rbd: needs POOL/IMAGE, and no comma in it");
    for (const auto* const wrong : {"", "x", "rbd/", "/x", "a/b/c/d", "rbd/x@y"})
        CHECK_THROWS_WITH(ceph_rbd::parse(wrong), "source: ceph-rbd: needs POOL/IMAGE or POOL/NAMESPACE/IMAGE: \"" + std::string(wrong) + "\"");
}
