// SPDX-License-Identifier: GPL-3.0-or-later
// Tests: sources/consul
#include "support/cluster.hpp"
#include "support/consul_double.hpp"
#include "support/journals.hpp"

#include <backy/cli/command.hpp>
#include <backy/config/document.hpp>
#include <backy/conformance/source_suite.hpp>
#include <backy/sources/flyingcircus.hpp>

using namespace backy;
using namespace support;
using Catch::Contains;
using sources::flyingcircus;
using mood = consul_double::mood;

namespace {

constexpr auto* secret = "b1a9c5e0-0000-4000-8000-00000000beef";

flyingcircus::config config_from(const std::string& text) { return flyingcircus::config::from(config::parse(text, "f")); }

std::string table_for(const rbd_image& image, const consul_double& consul, const std::string& more) {
    return "type = \"flyingcircus\"\npool = \"rbd\"\nimage = \"" + image.name() + "\"\nvm = \"vm1\"\nconsul-address = \"" + consul.address() +
           "\"\n" + more;
}

/// What the VM's host does: whenever it is asked to, and after the time it needs to freeze the guest, it takes the snapshot.
class vm_host {
public:
    vm_host(const rbd_image& image, const consul_double& consul, std::chrono::milliseconds needs = std::chrono::milliseconds(20))
        : watching_([&image, &consul, needs](std::stop_token over) {
              while (!over.stop_requested()) {
                  std::this_thread::sleep_for(std::chrono::milliseconds(20));
                  for (const auto& [key, value] : consul.contents()) {
                      const auto asked = nlohmann::json::parse(value, nullptr, false);
                      if (!asked.is_object() || asked.value("vm", nlohmann::json()) != "vm1") continue;
                      std::this_thread::sleep_for(needs);
                      shell("rbd snap create --no-progress " + image.spec() + "@" + asked["snapshot"].get<std::string>());
                  }
              }
          }) {}

private:
    std::jthread watching_;
};

struct guarded_volume {
    void set(const content& c) { image.set(c); }
    flyingcircus make() { return flyingcircus(config_from(table_for(image, consul, "")), journal); }
    std::string spelling() { return image.spec() + ",vm1"; }
    rbd_image image;
    consul_double consul;
    vm_host host{image, consul};
    silent_journal journal;
};

}  // namespace

TEST_CASE("flyingcircus source: conforms, with a host that takes the snapshots") {
    guarded_volume volume;
    conformance::source_suite(volume);
}

TEST_CASE("flyingcircus source: the request is as hosts know it, the snapshot is the application's, and the key is gone") {
    guarded_volume volume;
    auto source = volume.make();
    const auto id = fresh_id();
    volume.consul.set("snapshot/garbage", "{nonsense");
    volume.consul.set("snapshot/other", R"({"vm": "vm2", "snapshot": "backy-)" + fresh_id() + "\"}");
    volume.consul.set("snapshot/array", "[1]");
    volume.consul.set("snapshot/types", R"({"vm": "vm1x", "snapshot": 7})");
    const auto others = volume.consul.contents();
    const auto snapshot = source.freeze(id);
    CHECK(snapshot.consistency() == consistency::application);
    CHECK(snapshot.remarks().empty());
    CHECK(volume.consul.contents() == others);
    REQUIRE(volume.consul.history().size() == 1);
    const auto asked = volume.consul.history()[0];
    CHECK(asked.starts_with("snapshot/"));
    CHECK(asked.substr(9, 36) == uuid_text(id));
    CHECK(asked[9 + 14] == '4');  // a random UUID's version
    CHECK(nlohmann::json::parse(asked.substr(46)) == nlohmann::json{{"vm", "vm1"}, {"snapshot", "backy-" + id}});
    CHECK(source.snapshots() == std::vector{id});
    source.release(id);
    CHECK(volume.consul.contents() == others);
}

TEST_CASE("flyingcircus source: no snapshot in time: we take it, of a crash, or fail, as it is configured, and the key is gone") {
    const rbd_image image;
    consul_double consul;
    noisy_journal journal;
    const auto id = fresh_id();
    {
        flyingcircus source(config_from(table_for(image, consul, "snapshot-timeout = \"1s\"")), journal);
        const auto snapshot = source.freeze(id);
        CHECK(snapshot.consistency() == consistency::crash);
        CHECK(snapshot.remarks().empty());  // a VM that is off is nothing to look at
        CHECK(journal.text == image.spec() + ": VM vm1 has made no snapshot within 1 s: the snapshot is of a guest that is not frozen\n");
        CHECK(consul.contents().empty());
        source.release(id);
    }
    flyingcircus strict(config_from(table_for(image, consul, "snapshot-timeout = \"1s\"\non-timeout = \"fail\"")), journal);
    CHECK_THROWS_WITH(strict.freeze(id), image.spec() + ": freeze: VM vm1 has made no snapshot within 1 s");
    CHECK(consul.contents().empty());
    CHECK(image.snapshots() == "");
}

TEST_CASE("flyingcircus source: an agent that refuses, talks nonsense, hangs up or is not there: a snapshot of a crash, and somebody should look") {
    const rbd_image image;
    for (const auto& [how, why] : {std::pair(mood::refuses, "HTTP status 500"),
                                   {mood::talks_nonsense, "it did not take it"},
                                   {mood::hangs_up, "end of stream (try again later)"},
                                   {mood::says_no, "it did not take it"}}) {
        INFO(why);
        consul_double consul;
        consul.now = how;
        noisy_journal journal;
        flyingcircus source(config_from(table_for(image, consul, "")), journal);
        const auto id = fresh_id();
        const auto snapshot = source.freeze(id);
        CHECK(snapshot.consistency() == consistency::crash);
        REQUIRE(!snapshot.remarks().empty());
        CHECK_THAT(snapshot.remarks().back(), Contains("consul " + consul.address()) && Contains(why));
        CHECK(source.snapshots() == std::vector{id});
        if (how == mood::refuses || how == mood::hangs_up)
            CHECK_THROWS_AS(source.release(id), source_error);  // so that .run goes on naming what may be asked for
        consul.now = mood::works;
        CHECK_NOTHROW(source.release(id));
        CHECK(source.snapshots().empty());
        flyingcircus strict(config_from(table_for(image, consul, "on-timeout = \"fail\"")), journal);
        consul.now = how;
        CHECK_THROWS_AS(strict.freeze(id), source_error);
    }
    silent_journal journal;
    const auto id = fresh_id();
    auto nowhere = config_from("pool = \"rbd\"\nimage = \"" + image.name() + "\"\nvm = \"vm1\"\nconsul-address = \"127.0.0.1:1\"");
    const auto alone = flyingcircus(nowhere, journal).freeze(id);
    CHECK(alone.consistency() == consistency::crash);
    CHECK_THAT(alone.remarks().back(), Contains("consul 127.0.0.1:1: Connection refused"));
    const sources::consul nobody("127.0.0.1:1", "");
    CHECK_THROWS_WITH(nobody.remove("x"), "consul 127.0.0.1:1: Connection refused (try again later)");
    CHECK_THROWS_WITH(sources::consul("[::1]:1", "").remove("x"), "consul [::1]:1: Connection refused (try again later)");
    consul_double consul;
    consul.now = mood::late;
    const sources::consul hurried(consul.address(), "", std::chrono::seconds(1));
    CHECK_THROWS_WITH(hurried.remove("x"), "consul " + consul.address() + ": The socket was closed due to a timeout (try again later)");
}

TEST_CASE("flyingcircus source: a request that could not be withdrawn is something to look at, and goes with its snapshot") {
    guarded_volume volume;
    auto source = volume.make();
    const auto id = fresh_id();
    volume.consul.now = mood::keeps_keys;
    const auto snapshot = source.freeze(id);
    CHECK(snapshot.consistency() == consistency::application);
    REQUIRE(snapshot.remarks().size() == 1);
    CHECK_THAT(snapshot.remarks()[0],
               Contains("delete snapshot/" + uuid_text(id) + ": HTTP status 500 (try again later): the request for a snapshot stays"));
    volume.consul.now = mood::works;
    CHECK(volume.consul.contents().size() == 1);
    source.release(id);
    CHECK(volume.consul.contents().empty());
}

TEST_CASE("flyingcircus source: no guest is frozen for an image that is not there") {
    consul_double consul;
    silent_journal journal;
    use_ceph();
    flyingcircus source(config_from("pool = \"rbd\"\nimage = \"none\"\nvm = \"vm1\"\nconsul-address = \"" + consul.address() + "\""), journal);
    CHECK_THROWS_WITH(source.freeze(fresh_id()), "rbd/none: open: there is no such image");
    CHECK(consul.requests == 0);
}

TEST_CASE("flyingcircus: backups with a token, which is nowhere to be seen, and a host that freezes") {
    use_ceph();
    const rbd_image image("--size 4M");
    consul_double consul(secret);
    const scratch dir(copy_on_write().empty() ? plain() : copy_on_write().front());
    const repository_directory backy(dir / "r");
    REQUIRE(backy("init flyingcircus " + image.spec() + ",vm1," + secret).code == 0);
    CHECK_THAT(slurp(backy / "config"), Contains("consul_acl_token = \"" + std::string(secret) + "\""));
    const auto seen = [&] {
        return slurp(backy / "backy.log") + slurp(backy / "last.rev") + (fs::exists(backy / ".run") ? slurp(backy / ".run") : "");
    };

    spill(dir / "token", std::string(secret) + "\n");
    const auto settings = table_for(image, consul, "snapshot-timeout = \"2s\"\nconsul_acl_token_file = \"" + (dir / "token").string() + "\"\n");
    std::ofstream(backy / "config") << "[source]\n" << settings;
    {
        const vm_host host(image, consul);
        const auto r = backy("-v backup daily");
        INFO(r.err);
        CHECK(r.code == 0);
        CHECK_THAT(slurp(backy / "last.rev"), Contains("consistency = \"application\""));
        CHECK_THAT(r.err, !Contains(secret));
    }
    CHECK(backy("backup daily").code == 0);
    CHECK_THAT(slurp(backy / "last.rev"), Contains("consistency = \"crash\""));
    CHECK(image.snapshots() == "backy-" + fs::read_symlink(backy / "last").string() + "\n");

    spill(dir / "token", "wrong-and-secret\n");
    const auto refused = backy("-v backup daily");
    CHECK(refused.code == 3);
    CHECK_THAT(refused.err, Contains("HTTP status 403 (does the ACL token allow it?)") && !Contains("secret"));
    CHECK(fs::exists(backy / ".run"));
    fs::remove(dir / "token");
    CHECK(backy("backup daily").code == 1);
    spill(dir / "token", std::string(secret));
    CHECK(backy("backup daily").code == 0);
    CHECK(!fs::exists(backy / ".run"));
    CHECK(image.snapshots() == "backy-" + fs::read_symlink(backy / "last").string() + "\n");
    CHECK(consul.contents().empty());
    CHECK_THAT(seen(), !Contains(secret) && !Contains("wrong-and-secret"));
    const auto swapped = shell("\"$BACKY\" -b '" + (dir / "new").string() + "' init " + image.spec() + ",vm1," + secret + " flyingcircus");
    CHECK(swapped.code == 2);
    CHECK_THAT(swapped.err, Contains("unknown type (TYPE comes before SOURCE)") && !Contains(secret));
    CHECK(slurp(backy / "last") == image.exported());
}

TEST_CASE("flyingcircus: a run that ends while it waits leaves no request, and a snapshot that comes too late is released by the next one") {
    use_ceph();
    const rbd_image image("--size 4M");
    consul_double consul;
    const scratch dir(plain());
    const repository_directory backy(dir / "r");
    REQUIRE(backy("init flyingcircus " + image.spec() + ",vm1").code == 0);
    std::ofstream(backy / "config") << "[source]\n" << table_for(image, consul, "");
    std::size_t asked = 0;
    for (const int signal : {SIGKILL, SIGTERM}) {
        const auto pid = ::fork();
        if (pid == 0) {
            ::execl(BACKY_PROGRAM, BACKY_PROGRAM, "-b", backy.path().c_str(), "backup", "daily", static_cast<char*>(nullptr));
            ::_exit(127);
        }
        for (int i = 0; i < 2000 && consul.history().size() == asked; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        CHECK(consul.history().size() == ++asked);
        ::kill(pid, signal);
        int status = 0;
        REQUIRE(::waitpid(pid, &status, 0) == pid);
        CHECK((signal == SIGKILL ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 1));
        CHECK(consul.contents().size() == (signal == SIGKILL ? 1 : 0));
        // The host had read the request before, and takes its time.
        ceph_says("rbd snap create --no-progress " + image.spec() + "@" +
                  nlohmann::json::parse(consul.history().back().substr(46))["snapshot"].get<std::string>());
    }
    const vm_host host(image, consul);
    CHECK(backy("backup daily").code == 0);
    CHECK(consul.contents().empty());
    CHECK(image.snapshots() == "backy-" + fs::read_symlink(backy / "last").string() + "\n");
    CHECK(!fs::exists(backy / ".run"));
}

TEST_CASE("flyingcircus source: a host that needs some time is waited for, and one that is too slow does no harm") {
    const rbd_image image("--size 4M");
    consul_double consul;
    silent_journal journal;
    const auto id = fresh_id(), late = fresh_id();
    {
        const vm_host host(image, consul, std::chrono::seconds(1));
        flyingcircus source(config_from(table_for(image, consul, "snapshot-timeout = \"10s\"")), journal);
        CHECK(source.freeze(id).consistency() == consistency::application);
    }
    const vm_host host(image, consul, std::chrono::seconds(2));
    flyingcircus source(config_from(table_for(image, consul, "snapshot-timeout = \"1s\"")), journal);
    CHECK(source.freeze(late).consistency() == consistency::crash);
    std::this_thread::sleep_for(std::chrono::seconds(2));
    const auto listed = source.snapshots();
    CHECK((listed.size() == 2 && std::ranges::count(listed, late) == 1));
}

TEST_CASE("flyingcircus: init hides the token from those who list processes") {
    std::string word = "rbd/x,vm1," + std::string(secret), name = "backy";
    char* arguments[] = {name.data(), word.data()};
    cli::invocation call;
    call.arguments = arguments;
    call.words = "backy init flyingcircus " + word;
    call.hide("rbd/x,vm1," + std::string(secret));
    CHECK(call.words == "backy init flyingcircus *");
    CHECK(word == std::string(word.size(), '*'));
    CHECK(name == "backy");
}

TEST_CASE("flyingcircus source: its settings are checked, and no error repeats a token") {
    const auto base = std::string("pool = \"p\"\nimage = \"i\"\n");
    const auto c = config_from(base + "vm = \"v\"");
    CHECK((c.crash_on_timeout && c.limit == std::chrono::seconds(60) && c.consul_address == "127.0.0.1:8500" && c.token.empty()));
    CHECK(!config_from(base + "vm = \"v\"\non-timeout = \"fail\"\nsnapshot-timeout = \"2m\"").crash_on_timeout);
    const auto refused = [&](const std::string& more, const std::string& why) {
        INFO(why);
        CHECK_THROWS_WITH(config_from(base + more), why);
    };
    refused("", "f:1:1: vm: missing");
    refused("vm = \"\"", "f:3:1: vm: must be the name of a VM");
    refused("vm = \"v\"\nx = 1",
            "f:4:1: x: unknown key; known here: type, pool, namespace, image, vm, consul_acl_token, consul_acl_token_file, consul-address, "
            "snapshot-timeout, on-timeout, cluster, conf, "
            "user, timeout, full-always, compared-within-runs, compare-time-limit");
    refused("vm = \"v\"\nconsul_acl_token = \"secret\"\nconsul_acl_token_file = \"/t\"",
            "f:5:1: consul_acl_token_file: there is consul_acl_token as well; only one of them");
    refused("vm = \"v\"\nconsul_acl_token_file = \"t\"", "f:4:1: consul_acl_token_file: must be an absolute path");
    refused("vm = \"v\"\nconsul_acl_token = \"se\\ncret\"", "f:4:1: consul_acl_token: must be one line");
    refused("vm = \"v\"\nconsul-address = \"localhost\"", "f:4:1: consul-address: must be HOST:PORT: \"localhost\"");
    refused("vm = \"v\"\nsnapshot-timeout = \"x\"", "f:4:1: snapshot-timeout: must be a number with s, m, h, d or w: \"x\"");
    refused("vm = \"v\"\non-timeout = \"x\"", "f:4:1: on-timeout: unknown: \"x\"; known here: crash, fail");
    CHECK(flyingcircus::parse("a/b,v,/etc/token").get<std::string>("consul_acl_token_file") == "/etc/token");
    CHECK(!flyingcircus::parse("a/b,v").has("consul_acl_token"));
    for (const auto* const wrong : {"", "a/b", "a/b,", "a/b,v,", "b,v", "a/b,v,secret,x"})
        CHECK_THROWS_WITH(flyingcircus::parse(wrong), "source: flyingcircus: needs POOL/IMAGE,VM[,TOKEN or its file]");
}
