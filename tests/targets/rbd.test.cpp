// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/cluster.hpp"

#include <backy/conformance/target_suite.hpp>
#include <backy/targets/rbd.hpp>

using namespace backy;
using namespace support;

namespace {
targets::rbd opened(const std::string& spec, bool force = false) { return targets::rbd({"rbd:" + spec, {}, force}); }
}  // namespace

TEST_CASE("rbd target: conforms, new and over anything that was there, whatever the layout") {
    for (const auto* const options : {"", "--size 3M", "--size 3M --object-size 64K --image-feature layering"})
        DYNAMIC_SECTION("options: " << options) {
            rbd_image image(*options == '\0' ? "--size 1" : options);
            if (*options == '\0') ceph_says("rbd rm --no-progress " + image.spec());
            else image.set(content(3'000'000, 'o'));
            conformance::target_suite([&] { return opened(image.spec()); }, [&] { return image.exported(); });
        }
}

TEST_CASE("rbd target: an image is made when it is restored to and not before, and has space only where there is data") {
    rbd_image image("--size 1");
    ceph_says("rbd rm --no-progress " + image.spec());
    {
        auto target = opened(image.spec());
        CHECK(target.size() == 0);
        CHECK(shell("rbd info " + image.spec()).code != 0);
        target.resize(1_GiB);
        target.zero({0, 1_MiB});
        target.write(512_MiB, bytes_of("data"));
        target.sync();
    }
    CHECK(ceph_says("rbd info " + image.spec()).find("size 1 GiB in 256 objects") != std::string::npos);
    CHECK(ceph_says("rbd diff " + image.spec() + " | wc -l") == "2\n");  // its head and one line
}

TEST_CASE("rbd target: what is in use needs --force") {
    use_ceph();
    rbd_image image("--size 1M");
    {
        const auto vm = image.opened();
        CHECK_THROWS_WITH(opened(image.spec()),
                          "rbd:" + image.spec() + ": restore: somebody has it open, a VM perhaps (rbd status; stop it, or use --force)");
        auto forced = opened(image.spec(), true);
        forced.write(0, bytes_of("although"));
        forced.sync();
    }
    CHECK(image.exported().starts_with("although"));
    ceph_says("rbd lock add " + image.spec() + " mine");
    CHECK_THROWS_WITH(opened(image.spec()), "rbd:" + image.spec() + ": restore: somebody has locked it (rbd lock ls; unlock it, or use --force)");
    ceph_says("rbd lock rm " + image.spec() + " mine $(rbd lock ls " + image.spec() + " | awk 'END {print $1}')");
    CHECK_NOTHROW(opened(image.spec()));
}

TEST_CASE("rbd target: it is claimed by its scheme, and what it cannot be is said") {
    CHECK(targets::rbd::claims("rbd:a/b"));
    CHECK((!targets::rbd::claims("rbd") && !targets::rbd::claims("/rbd:a/b") && !targets::rbd::claims("-")));
    use_ceph();
    CHECK_THROWS_WITH(opened("x"), "restore \"rbd:x\": needs rbd:POOL/IMAGE or rbd:POOL/NAMESPACE/IMAGE");
    CHECK_THROWS_WITH(opened("none/x"), "ceph: pool \"none\": No such file or directory");
}
