// SPDX-License-Identifier: GPL-3.0-or-later
// Bit rot: every kind of damage to every file of a revision, at its first, middle and last blocks. verify finds each, a restore
// gives the right bytes or says which it does not, and once verify has spoken the next run is right.
#include "setup.hpp"

#include "support/long.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <functional>
#include <iostream>
#include <map>

using namespace support;

namespace {

constexpr std::size_t tail = 41'234, last_block = 65 * block_size, middle_block = 31 * block_size;
constexpr std::size_t volume_size = last_block + tail;  // two windows, and a last block that is short

/// What rot makes of the bytes of a file.
struct damage {
    std::string name;
    std::function<content(content)> of;
    bool in_holes = false;  ///< zeroes that were damaged into the file are holes
};

/// Nothing but the pages that differ, so that the rest goes on being shared; whatever its mode.
void overwrite(const fs::path& path, const content& now, bool in_holes = false) {
    fs::permissions(path, fs::perms(0640));
    if (in_holes) return spill(path, now);
    const auto before = slurp(path);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    for (std::size_t at = 0; at < now.size(); at += 4096) {
        const auto page = std::string_view(now).substr(at, 4096);
        if (at < before.size() && page == std::string_view(before).substr(at, 4096)) continue;
        file.seekp(static_cast<std::streamoff>(at)).write(page.data(), static_cast<std::streamsize>(page.size()));
    }
    file.close();
    fs::resize_file(path, now.size());
    if (!file) throw std::runtime_error("cannot damage " + path.string());
}

damage flipped(std::size_t at, unsigned bit) {
    return {"bit " + std::to_string(bit) + " of byte " + std::to_string(at) + " flipped", [=](content c) {
                c.at(at) = static_cast<char>(c[at] ^ (1 << bit));
                return c;
            }};
}
damage zeroed(std::size_t at, std::size_t n, bool in_holes = false) {
    return {std::to_string(n) + " bytes at " + std::to_string(at) + (in_holes ? " became a hole" : " zeroed"),
            [=](content c) { return c.replace(at, std::min(n, c.size() - at), std::min(n, c.size() - at), '\0'); }, in_holes};
}
damage swapped(std::size_t a, std::size_t b, std::size_t n) {
    return {std::to_string(n) + " bytes at " + std::to_string(a) + " and " + std::to_string(b) + " swapped", [=](content c) {
                std::swap_ranges(c.begin() + static_cast<std::ptrdiff_t>(a),
                                 c.begin() + static_cast<std::ptrdiff_t>(std::min(a + n, c.size() - (b - a))),
                                 c.begin() + static_cast<std::ptrdiff_t>(b));
                return c;
            }};
}
damage stale(std::size_t at, std::size_t n, const content& old) {
    return {std::to_string(n) + " bytes at " + std::to_string(at) + " stale",
            [=](content c) { return c.replace(at, std::min(n, c.size() - at), old.substr(at, n)); }};
}
damage replaced(const std::string& by, const content& other) {
    return {"the file of the " + by + " in its place", [=](const content&) { return other; }};
}
damage resized(std::size_t size, char fill = '\0') {
    return {"size " + std::to_string(size) + (fill == 0 ? "" : " by other bytes than zeroes"), [=](content c) {
                c.resize(size, fill);
                return c;
            }};
}

void clone_file(const fs::path& from, const fs::path& to) {
    const int in = ::open(from.c_str(), O_RDONLY), out = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0640);
    const bool cloned = ::ioctl(out, FICLONE, in) == 0;
    ::close(in), ::close(out);
    if (!cloned) spill(to, slurp(from));
}

/// The repository with three revisions, made once and cloned for each damage. Each revision differs from its parent in the first,
/// the middle and the last block; others are shared by all three.
class setting {
public:
    explicit setting(const fs::path& place) : reflink(place != plain()), place_(place), template_(place) {
        fs::create_directory(template_ / "repository");
        content now(volume_size, '\0');
        for (const std::size_t from : {std::size_t{0}, middle_block - 2 * block_size, last_block - 3 * block_size})
            random.fill(now, from, 6 * block_size);
        for (int i = 0; i < 3; ++i) {
            for (const auto at : {std::size_t{0}, middle_block, last_block}) random.fill(now, at, block_size);
            spill(template_ / "disk.img", now);
            silent_journal journal;
            file_engine<io::posix> e(template_.path(), {}, journal, reflink ? reading::frozen : reading::live);
            ids.push_back(backup(e.repository, e.source, {"daily"}, 1).made.id);
            truth.push_back(now);
        }
        next = now;
        for (const auto at : {block_size, middle_block + block_size, last_block - block_size}) random.fill(next, at, 3000);
        spill(template_ / "disk.img", next);
    }

    /// A copy, and the volume as it is a day later.
    std::unique_ptr<scratch> copy() const {
        auto dir = std::make_unique<scratch>(place_);
        fs::create_directory(*dir / "repository");
        for (const auto& entry : fs::recursive_directory_iterator(template_.path())) {
            const auto to = dir->path() / entry.path().lexically_relative(template_.path());
            if (entry.is_symlink()) fs::copy_symlink(entry.path(), to);
            else if (entry.is_regular_file()) clone_file(entry.path(), to);
        }
        return dir;
    }
    const fs::path& place() const { return place_; }
    content file(const std::string& name) const { return slurp(template_ / "repository" / name); }

    bool reflink;
    randomness random;
    std::vector<revision_id> ids;
    std::vector<content> truth;
    content next;

private:
    fs::path place_;
    scratch template_;
};

/// Standard output: in order, and nothing is left out.
struct in_order {
    static constexpr auto type = name<"in-order">;
    static bool claims(const std::string&) { return false; }
    explicit in_order(const target_request&) {}
    void resize(byte_count) {}
    void write(byte_count, const_block b) { got.append(reinterpret_cast<const char*>(b.data()), b.size()); }
    void zero(extent e) { got.append(e.length, '\0'); }
    void sync() {}
    content got;
};
static_assert(Target<in_order> && !InPlaceTarget<in_order>);

/// Counts what was tried and what was missed.
struct tally {
    long tried = 0, missed = 0;
    void expect(bool right, const std::string& what) {
        INFO(what);
        CHECK(right);
        if (!right) ++missed;
    }
    ~tally() {
        missed += std::uncaught_exceptions() > 0;
        std::cout << of << ": " << tried << " damages tried, " << missed << " missed\n";
    }
    std::string of;
};

struct trial {
    const setting& s;
    fs::path dir;
    silent_journal journal;
    file_engine<io::posix> e{dir, {}, journal, s.reflink ? reading::frozen : reading::live};

    history read() { return e.catalog.read(); }
    fs::path in(const std::string& name) const { return dir / "repository" / name; }

    /// The volume's bytes, but for what the report lists; and of that each block is one that rotted. Where nothing could be checked,
    /// the bytes are the image's.
    bool told(content got, const restore_report& report, const content& right, const content& rotten) const {
        if (!report.unchecked.empty()) return got == rotten;
        const auto part = [](const content& c, std::size_t at) {
            return at < c.size() ? std::string_view(c).substr(at, block_size) : std::string_view();
        };
        for (const auto& b : report.bad)
            for (std::size_t at = b.where.offset; at < b.where.offset + b.where.length; at += block_size) {
                if (part(right, at) == part(rotten, at)) return false;
                got.replace(at, part(right, at).size(), part(right, at));
            }
        return got == right;
    }
    bool restores_or_tells(const revision& r, const content& right) {
        fs::remove(dir / "target");
        const auto rotten = slurp(in(r.id));
        clone_file(dir / "disk.img", dir / "target");
        bool good = true;
        try {
            targets::file<> target({(dir / "target").string(), dir / "repository", false});
            const auto report = restore(e.repository, r, target, 1);
            good = told(slurp(dir / "target"), report, right, rotten);
        } catch (const error&) {
        }
        try {
            in_order target({});
            const auto report = restore(e.repository, r, target, 1);
            good = good && told(target.got, report, right, rotten);
        } catch (const error&) {
        }
        return good;
    }
    /// It is distrusted, or if verify ended by an error it is not called verified.
    bool verify_finds(const revision_id& id) {
        try {
            return !verify(e.repository, *read().find(id), {.workers = 1}).empty() && read().find(id)->trust == trust::distrusted;
        } catch (const error&) {
            return read().find(id)->trust == trust::trusted;
        }
    }
    bool next_is_right() {
        const auto made = backup(e.repository, e.source, {"next"}, 1).made;
        return slurp(in(made.id)) == s.next && verify(e.repository, made, {.workers = 1}).empty();
    }
    bool untouched(const revision_id& id) const {
        return std::ranges::all_of(std::array{"", ".digests", ".rev"},
                                   [&](const auto* suffix) { return slurp(in(id + suffix)) == s.file(id + suffix); });
    }
};

/// In a normal run one of `n`; which ones is drawn.
std::vector<damage> in_part(std::vector<damage> all, std::size_t n) {
    if (long_run()) return all;
    std::vector<damage> some;
    for (auto i = randomness().below(n); i < all.size(); i += n) some.push_back(std::move(all[i]));
    return some;
}

enum class reach { the_newest, all_that_share };

/// The newest revision's file rots, or with it those of all that share its extents.
void try_damage(const setting& s, const std::string& suffix, const damage& d, tally& t, reach r = reach::the_newest) {
    INFO(d.name);
    const auto dir = s.copy();
    trial on{s, dir->path(), {}};
    const auto& newest = s.ids[2];
    for (const auto& id : s.ids) {
        if (id != newest && r == reach::the_newest) continue;
        const auto right = s.file(id + suffix), rotten = d.of(right);
        REQUIRE(rotten != right);
        overwrite(on.in(id + suffix), rotten, d.in_holes);
    }
    ++t.tried;
    t.expect(on.restores_or_tells(*on.read().find(newest), s.truth[2]), "restored wrong bytes silently");
    t.expect(on.verify_finds(newest), "verify");
    for (const auto& id : {s.ids[0], s.ids[1]})
        if (r == reach::the_newest) t.expect(on.untouched(id), "an older revision changed");
    t.expect(on.next_is_right(), "the next revision");
    if (r == reach::all_that_share)
        for (const auto& id : {s.ids[0], s.ids[1]}) t.expect(on.verify_finds(id), "verify of one that shares it");
}

void in_places(const std::vector<fs::path>& places, const std::function<void(const setting&)>& use) {
    fs::create_directories(plain());
    for (const auto& place : places) {
        INFO(place);
        const setting s(place);
        use(s);
    }
}
void for_each_place(const std::function<void(const setting&)>& use) {
    const auto places = copy_on_write();
    in_places(places.empty() ? std::vector{plain()} : places, use);
}

std::vector<damage> damages_of_images(const setting& s) {
    randomness random;
    std::vector<damage> all;
    for (int i = 0; i < 24; ++i) all.push_back(flipped(random.below(volume_size), static_cast<unsigned>(random.below(8))));
    for (const auto at : {std::size_t{0}, middle_block, last_block}) {
        all.push_back(flipped(at + random.below(tail), static_cast<unsigned>(random.below(8))));
        for (const auto n : {std::size_t{512}, std::size_t{4096}, std::size_t{block_size}}) all.push_back(zeroed(at, n));
        all.push_back(zeroed(at, block_size, true));
        all.push_back(stale(at, block_size, s.truth[1]));
        all.push_back(stale(at, 4096, s.truth[0]));
        all.push_back(resized(at));
        all.push_back(resized(at + 1));
    }
    for (const auto at : {std::size_t{0}, last_block + tail - 1}) all.push_back(flipped(at, 7));
    all.push_back(swapped(0, block_size, block_size));
    all.push_back(swapped(block_size, middle_block, block_size));
    all.push_back(swapped(0, 10 * block_size, block_size));        // with a hole
    all.push_back(swapped(middle_block, last_block, block_size));  // the tail is short
    all.push_back(replaced("parent", s.truth[1]));
    all.push_back(replaced("oldest", s.truth[0]));
    all.push_back(resized(volume_size - 1));
    for (const auto by : {std::size_t{1}, std::size_t{4096}, std::size_t{block_size}})
        all.push_back(resized(volume_size + by)), all.push_back(resized(volume_size + by, 'x'));
    return all;
}

enum class header { every_byte, some_bytes };

std::vector<damage> damages_of_digests(const setting& s, header h = header::some_bytes) {
    using layout = digests_layout<hashes::gmac>;
    randomness random;
    const auto size = layout::size_for(volume_size), last = layout::place_of(last_block), middle = layout::place_of(middle_block);
    const auto parents = s.file(s.ids[1] + ".digests"), oldest = s.file(s.ids[0] + ".digests");
    std::vector<damage> all;
    for (std::size_t at = 0; at < sizeof(digests_header); at += h == header::every_byte ? 1 : 9)
        all.push_back(flipped(at, static_cast<unsigned>(random.below(8))));
    for (int i = 0; i < 8; ++i) all.push_back(flipped(sizeof(digests_header) + random.below(layout::start - sizeof(digests_header)), 0));
    for (int i = 0; i < 16; ++i) all.push_back(flipped(layout::start + random.below(size - layout::start), static_cast<unsigned>(random.below(8))));
    for (const auto at : {std::size_t{layout::start}, std::size_t{middle}, std::size_t{last}}) {
        all.push_back(zeroed(at, layout::width));
        all.push_back(stale(at, layout::width, parents));
        all.push_back(stale(at, layout::width, oldest));
        all.push_back(resized(at));
    }
    for (const auto at : {std::size_t{0}, std::size_t{layout::start}})
        for (const auto n : {std::size_t{512}, std::size_t{4096}, std::size_t{block_size}})
            all.push_back(zeroed(at, n)), all.push_back(zeroed(at, n, true));
    all.push_back(swapped(layout::start, layout::start + layout::width, layout::width));
    all.push_back(swapped(middle, last, layout::width));
    all.push_back(replaced("parent", parents));
    all.push_back(replaced("oldest", oldest));
    for (const auto to : {std::size_t{0}, std::size_t{1}, std::size_t{512}, std::size_t{size - 1}}) all.push_back(resized(to));
    for (const auto by : {std::size_t{1}, std::size_t{layout::width}, std::size_t{4096}, std::size_t{block_size}})
        all.push_back(resized(size + by)), all.push_back(resized(size + by, 'x'));
    return all;
}

}  // namespace

TEST_CASE("rot: of an image is found by verify, restored by nobody unsaid, and gone with the next revision") {
    tally t{.of = "image"};
    for_each_place([&](const setting& s) {
        for (const auto& d : damages_of_images(s)) try_damage(s, "", d, t);
    });
}

TEST_CASE("rot: where neither the volume nor its digests have anything is found, too") {
    tally t{.of = "hole"};
    for (const auto& place : copy_on_write()) {
        const scratch dir(place);
        silent_journal journal;
        fs::create_directory(dir / "repository");
        const auto hole = 384 * block_size;  // a page of digests covers 256 blocks: those of this one are a hole as well
        content truth(2 * hole, '\0');
        truth.front() = truth.back() = 'x';
        spill(dir / "disk.img", truth);
        file_engine<io::posix> e(dir.path(), {}, journal);
        const auto made = backup(e.repository, e.source, {}).made;
        rot(dir / "repository" / made.id, hole);
        ++t.tried;
        targets::file<> target({(dir / "target").string(), dir / "repository", false});
        t.expect(restore(e.repository, made, target).bad.empty() && slurp(dir / "target") == truth, "restore");  // zeroes are not read
        t.expect(verify(e.repository, made) == std::vector{"offset " + std::to_string(hole) + ", 65536 bytes: does not match its digest"}, "verify");
        backup(e.repository, e.source, {});
        t.expect(slurp(dir / "repository" / "last") == truth, "the next revision");
    }
}

TEST_CASE("rot: of extents that all revisions share is found in each, and gone with the next revision") {
    tally t{.of = "shared extents"};
    for_each_place([&](const setting& s) {
        for (const auto from : {block_size, middle_block + block_size, last_block - 2 * block_size})
            for (const auto& d : {flipped(from + 1000, 3), zeroed(from + 512, 512), zeroed(from, 4096), zeroed(from, block_size),
                                  zeroed(from, block_size, true), swapped(from, from + block_size, block_size)})
                try_damage(s, "", d, t, reach::all_that_share);
    });
}

TEST_CASE("rot: of digests is found by verify, restored by nobody unsaid, and gone with the next revision") {
    tally t{.of = "digests"};
    auto h = header::every_byte;  // on one filesystem
    for_each_place([&](const setting& s) {
        for (const auto& d : damages_of_digests(s, std::exchange(h, header::some_bytes))) try_damage(s, ".digests", d, t);
    });
}

// A run notices by itself what a size or a seal tells. A block that rotted and is the same on the volume as before it inherits, together
// with the digest that gives it away: it cannot know without reading its parent, and that is what verify is for.
TEST_CASE("rot: of the parent that nobody has verified is noticed by the next run, or found in what it made") {
    tally t{.of = "an unverified parent"};
    long right = 0, refused = 0, inherited = 0;
    auto places = copy_on_write();
    places.push_back(plain());  // where the parent is copied
    in_places(places, [&](const setting& s) {
        const auto next_run = [&](const std::string& suffix, const damage& d) {
            INFO(d.name);
            const auto dir = s.copy();
            trial on{s, dir->path(), {}};
            overwrite(on.in(s.ids[2] + suffix), d.of(s.file(s.ids[2] + suffix)), d.in_holes);
            ++t.tried;
            try {
                const auto made = backup(on.e.repository, on.e.source, {"next"}, 1).made;
                if (slurp(on.in(made.id)) == s.next) return ++right;
                ++inherited;
                t.expect(suffix.empty() && slurp(on.in(s.ids[2])).size() == volume_size, "what a seal or a size tells is no parent");
                t.expect(on.restores_or_tells(made, s.next), "restored wrong bytes silently");
                t.expect(on.verify_finds(made.id), "verify of the next revision");
            } catch (const corrupt_block&) {  // a parent that is copied is read back
                ++refused;
                t.expect(!s.reflink && on.read().revisions.size() == 3, "a run failed that need not have");
                t.expect(on.verify_finds(s.ids[2]), "verify");
            }
            t.expect(on.next_is_right(), "the one after");
            return right;
        };
        for (const auto& d : in_part(damages_of_images(s), s.reflink ? 3 : 5)) next_run("", d);
        for (const auto& d : in_part(damages_of_digests(s), 10)) next_run(".digests", d);
    });
    std::cout << "of these " << right << " made no difference to the next revision, " << inherited << " were found in it by verify, and " << refused
              << " ended the run\n";
}

TEST_CASE("rot: of metadata is noticed when they are read, whichever bit it is, and never believed") {
    tally t{.of = "metadata"};
    for_each_place([&](const setting& s) {
        const auto& newest = s.ids[2];
        const auto right = s.file(newest + ".rev");
        std::vector<damage> all{replaced("parent", s.file(s.ids[1] + ".rev")),
                                zeroed(0, 512),
                                zeroed(right.size() / 2, 512),
                                zeroed(right.size() - 512, 512),
                                zeroed(0, 4096),
                                zeroed(0, 4096, true),
                                zeroed(right.size() - 1, 1),
                                swapped(0, 512, 200)},
            lengths;
        for (std::size_t size = 0; size + 1 < right.size(); size += 7) lengths.push_back(resized(size));
        for (const auto by : {std::size_t{1}, std::size_t{512}, std::size_t{4096}, std::size_t{block_size}})
            for (const auto fill : {'\0', '\n', ' ', '#', 'x'}) lengths.push_back(resized(right.size() + by, fill));
        lengths.push_back(resized(right.size() - 1));
        for (auto& d : in_part(std::move(lengths), 8)) all.push_back(std::move(d));

        const scratch alone(s.place());  // every bit, with nothing beside it that takes time to read
        catalogs::files<> catalog(alone.path());
        for (std::size_t bit = 0; bit < right.size() * 8; ++bit) {
            const auto d = flipped(bit / 8, bit % 8);
            std::ofstream(alone / (newest + ".rev")) << d.of(right);
            const auto h = catalog.read();
            ++t.tried;
            t.expect(h.has(newest) && (h.revisions.empty() || (!h.revisions[0].digests && !h.revisions[0].sequence)), d.name);
            if (bit % 499 == 0 || !h.revisions.empty()) all.push_back(d);
        }
        t.tried -= static_cast<long>(std::ranges::count_if(all, [](const damage& d) { return d.name.starts_with("bit"); }));
        for (const auto& d : all) {
            INFO(d.name);
            const auto dir = s.copy();
            trial on{s, dir->path(), {}};
            overwrite(on.in(newest + ".rev"), d.of(right), d.in_holes);
            ++t.tried;
            const auto h = on.read();
            t.expect(h.has(newest), "it is gone");
            if (const auto* const r = h.find(newest)) {  // complete, but unproven
                t.expect(!r->digests && !r->sequence && !r->verified, "it is believed");
                t.expect(on.verify_finds(newest), "verify");
                targets::file<> target({(dir->path() / "target").string(), dir->path() / "repository", false});
                t.expect(!restore(on.e.repository, *r, target, 1).unchecked.empty(), "restored, and nothing said");
                t.expect(slurp(dir->path() / "target") == s.truth[2], "restored wrong bytes");
            }
            t.expect(on.next_is_right(), "the next revision");
            t.expect(slurp(on.in(newest + ".rev")) == d.of(right), "metadata that rotted were touched");
            t.expect(slurp(on.in(newest)) == s.truth[2], "its image was touched");
            for (const auto& id : {s.ids[0], s.ids[1]}) t.expect(on.untouched(id), "an older revision changed");
        }
    });
}

TEST_CASE("rot: of .run removes nothing, and whoever would change something is told") {
    tally t{.of = ".run"};
    fs::create_directories(plain());
    const setting s(plain());
    const auto dir = s.copy();
    trial on{s, dir->path(), {}};
    const auto half = fresh_id();
    for (const auto& name : {half, half + ".digests", "." + half + ".new"}) spill(on.in(name), "half");
    on.e.catalog.announce({{half}, {half}, "disk.img"});
    const auto right = slurp(on.in(".run"));

    const auto files = [&] {
        std::map<std::string, content> all;
        for (const auto& entry : fs::directory_iterator(dir->path() / "repository"))
            if (entry.path().filename() != ".run")
                all[entry.path().filename().string()] = entry.is_symlink() ? fs::read_symlink(entry.path()).string() : slurp(entry.path());
        return all;
    };
    const auto before = files();
    const auto refuses = [](auto command) {
        try {
            command();
            return false;
        } catch (const error&) {
            return true;
        }
    };
    const auto try_it = [&](const damage& d) {
        INFO(d.name);
        overwrite(on.in(".run"), d.of(right));
        ++t.tried;
        t.expect(refuses([&] { backup(on.e.repository, on.e.source, {"next"}, 1); }), "backup");
        t.expect(refuses([&] { forget(on.e.repository, on.e.source, [&](const history&) { return std::vector{s.ids[0]}; }); }), "forget");
        const auto h = on.read();
        t.expect(h.revisions.size() == 3 && h.strangers.size() == 1, "reading goes on, and says it");
        if (t.tried % 50 == 0) t.expect(files() == before, "something was removed");
    };
    for (std::size_t bit = 0; bit < right.size() * 8; ++bit) try_it(flipped(bit / 8, bit % 8));
    for (std::size_t size = 0; size < right.size(); ++size) try_it(resized(size));
    for (const auto by : {std::size_t{1}, std::size_t{512}, std::size_t{4096}})
        for (const auto fill : {'\0', '\n', ' ', '#', 'x'}) try_it(resized(right.size() + by, fill));
    for (const auto at : {std::size_t{0}, right.size() / 2, right.size() - 10}) try_it(zeroed(at, 512));
    try_it(replaced("newest revision", s.file(s.ids[2] + ".rev")));
    t.expect(files() == before, "something was removed");
    overwrite(on.in(".run"), right);
    t.expect(on.next_is_right() && !fs::exists(on.in(half)), "what it named, when it is whole again");
}

TEST_CASE("rot: a .run of another run or repository removes no revision that exists, also one whose metadata rotted") {
    tally t{.of = "a stale .run"};
    for_each_place([&](const setting& s) {
        for (const auto& named : {s.ids[0], s.ids[2], fresh_id()})
            for (const bool rotten : {false, true}) {
                const auto dir = s.copy();
                trial on{s, dir->path(), {}};
                on.e.catalog.announce({{named}, {named}, "disk.img"});
                if (rotten) overwrite(on.in(s.ids[2] + ".rev"), flipped(20, 3).of(s.file(s.ids[2] + ".rev")));
                ++t.tried;
                t.expect(on.next_is_right(), "the next revision");
                for (const auto& id : s.ids)
                    if (!rotten || id != s.ids[2]) t.expect(on.untouched(id), "a revision changed");
                t.expect(slurp(on.in(s.ids[2])) == s.truth[2] && fs::exists(on.in(s.ids[2] + ".rev")), "one whose metadata rotted was removed");
            }
    });
}
