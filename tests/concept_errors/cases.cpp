// SPDX-License-Identifier: GPL-3.0-or-later
// Types that lack one thing, each asked to model a concept. This does not compile: `run` looks whether the error of each line that has a
// comment names what stands there.
#include "../archetypes/archetypes.hpp"

#include <backy/hashes/gmac.hpp>
#include <backy/io/posix.hpp>
#include <backy/stores/image.hpp>

namespace {
using namespace backy;

struct source_without_type : archetype::source<archetype::snapshot> { using source::source; static constexpr int type = 0; };
struct source_without_parse : archetype::source<archetype::snapshot> { using source::source; void parse() = delete; };
struct source_without_config : archetype::source<archetype::snapshot> { using source::source; struct config {}; };
struct source_without_name : archetype::source<archetype::snapshot> { using source::source; void name() = delete; };
struct source_without_freeze : archetype::source<archetype::snapshot> { using source::source; void freeze() = delete; };
struct source_without_snapshots : archetype::source<archetype::snapshot> { using source::source; void snapshots() = delete; };
struct source_without_release : archetype::source<archetype::snapshot> { using source::source; void release() = delete; };
struct source_without_a_journal : archetype::source<archetype::snapshot> { source_without_a_journal(config); };
static_assert(Source<source_without_type>);  // S::type.c_str()
static_assert(Source<source_without_parse>);  // S::parse(spelling)
static_assert(Source<source_without_config>);  // S::config::from(table)
static_assert(Source<source_without_name>);  // s.name()
static_assert(Source<source_without_freeze>);  // s.freeze(id)
static_assert(Source<source_without_snapshots>);  // s.snapshots()
static_assert(Source<source_without_release>);  // s.release(id)
static_assert(Source<source_without_a_journal>);  // is_constructible
static_assert(Source<archetype::source<archetype::image>>);  // s.identity()
using a_build_of_it = decltype(sources_of<source_without_freeze>::registry);  // s.freeze(id)

struct snapshot_without_size : archetype::snapshot { void size() = delete; };
struct snapshot_without_read : archetype::snapshot { void read() = delete; };
struct snapshot_without_extents : archetype::snapshot { void extents() = delete; };
struct snapshot_without_identity : archetype::snapshot { void identity() = delete; };
struct snapshot_without_consistency : archetype::snapshot { void consistency() = delete; };
struct snapshot_without_remarks : archetype::snapshot { void remarks() = delete; };
struct snapshot_without_attest : archetype::snapshot { void attest(int) const; };
struct snapshot_without_changes : archetype::snapshot {};
static_assert(Snapshot<snapshot_without_size>);  // i.size()
static_assert(Snapshot<snapshot_without_read>);  // i.read(offset, out)
static_assert(Snapshot<snapshot_without_extents>);  // i.extents(visit)
static_assert(Snapshot<snapshot_without_identity>);  // s.identity()
static_assert(Snapshot<snapshot_without_consistency>);  // s.consistency()
static_assert(Snapshot<snapshot_without_remarks>);  // s.remarks()
static_assert(Snapshot<snapshot_without_attest>);  // s.attest()
static_assert(DeltaSnapshot<snapshot_without_changes>);  // s.changed_since(base, visit)

struct writer_without_write : archetype::writer { void write() = delete; };
struct writer_without_zero : archetype::writer { void zero() = delete; };
struct writer_without_copied : archetype::writer { void copied(int); };
struct writer_without_seal : archetype::writer { void seal(int); };
struct writer_without_commit : archetype::writer { void commit(int); };
static_assert(RevisionWriter<writer_without_write>);  // w.write(offset, in)
static_assert(RevisionWriter<writer_without_zero>);  // w.zero(e)
static_assert(RevisionWriter<writer_without_copied>);  // w.copied()
static_assert(RevisionWriter<writer_without_seal>);  // w.seal()
static_assert(RevisionWriter<writer_without_commit>);  // w.commit()

struct store_without_type : archetype::store { using store::store; static constexpr int type = 0; };
struct store_without_config : archetype::store { using store::store; struct config {}; };
struct store_without_begin : archetype::store { using store::store; void begin() = delete; };
struct store_without_open : archetype::store { using store::store; void open() = delete; };
struct store_without_examine : archetype::store { using store::store; void examine() = delete; };
struct store_without_remove : archetype::store { using store::store; void remove() = delete; };
struct store_without_a_journal : archetype::store { store_without_a_journal(config, const std::filesystem::path&); };
static_assert(Store<store_without_type>);  // S::type.c_str()
static_assert(Store<store_without_config>);  // S::config::from(table)
static_assert(Store<store_without_begin>);  // s.begin(id, size, parent)
static_assert(Store<store_without_open>);  // s.open(id)
static_assert(Store<store_without_examine>);  // s.examine(id)
static_assert(Store<store_without_remove>);  // s.remove(id)
static_assert(Store<store_without_a_journal>);  // is_constructible
using a_build_of_that = decltype(stores_of<store_without_begin>::registry);  // s.begin(id, size, parent)

struct target_without_claims : archetype::target { using target::target; void claims() = delete; };
struct target_without_resize : archetype::target { using target::target; void resize() = delete; };
struct target_without_write : archetype::target { using target::target; void write() = delete; };
struct target_without_zero : archetype::target { using target::target; void zero() = delete; };
struct target_without_sync : archetype::target { using target::target; void sync(int); };
struct target_without_a_request : archetype::target { target_without_a_request(); };
static_assert(Target<target_without_claims>);  // T::claims(spelling)
static_assert(Target<target_without_resize>);  // t.resize(n)
static_assert(Target<target_without_write>);  // t.write(n, in)
static_assert(Target<target_without_zero>);  // t.zero(e)
static_assert(Target<target_without_sync>);  // t.sync()
static_assert(Target<target_without_a_request>);  // is_constructible
using targets_of_it = decltype(targets_of<target_without_sync>::registry);  // t.sync()

struct hash_without_type : archetype::hash { using hash::hash; static constexpr int type = 0; };
struct hash_without_a_fresh_key : archetype::hash { using hash::hash; void fresh_key(int); };
struct hash_without_call : archetype::hash { using hash::hash; void operator()() = delete; };
struct hash_without_a_key : archetype::hash { hash_without_a_key(); };
static_assert(Hash<hash_without_type>);  // H::type.c_str()
static_assert(Hash<hash_without_a_fresh_key>);  // H::fresh_key()
static_assert(Hash<hash_without_call>);  // h(in)
static_assert(Hash<hash_without_a_key>);  // is_constructible

struct schedule_without_config : archetype::schedule { using schedule::schedule; struct config {}; };
struct schedule_without_tags : archetype::schedule { using schedule::schedule; void tags(int); };
struct schedule_without_interval_of : archetype::schedule { using schedule::schedule; void interval_of() = delete; };
struct schedule_without_proofs : archetype::schedule { using schedule::schedule; void proofs(int); };
struct schedule_without_next_run : archetype::schedule { using schedule::schedule; void next_run() = delete; };
struct schedule_without_tags_due : archetype::schedule { using schedule::schedule; void tags_due() = delete; };
struct schedule_without_expired : archetype::schedule { using schedule::schedule; void expired() = delete; };
static_assert(Schedule<schedule_without_config>);  // S::config::from(table)
static_assert(Schedule<schedule_without_tags>);  // s.tags()
static_assert(Schedule<schedule_without_interval_of>);  // s.interval_of(tag)
static_assert(Schedule<schedule_without_proofs>);  // s.proofs()
static_assert(Schedule<schedule_without_next_run>);  // s.next_run(tag, known, t)
static_assert(Schedule<schedule_without_tags_due>);  // s.tags_due(tag, known, t, t)
static_assert(Schedule<schedule_without_expired>);  // s.expired(h, t)
using build_of_it = composition<sources_of<>, stores_of<>, archetype::hash, schedule_without_expired>;  // s.expired(h, t)

struct catalog_without_lock : archetype::catalog { using catalog::catalog; void lock() = delete; };
struct catalog_without_read : archetype::catalog { using catalog::catalog; void read(int); };
struct catalog_without_fingerprint : archetype::catalog { using catalog::catalog; void fingerprint() = delete; };
struct catalog_without_put : archetype::catalog { using catalog::catalog; void put() = delete; };
struct catalog_without_remove : archetype::catalog { using catalog::catalog; void remove() = delete; };
struct catalog_without_announce : archetype::catalog { using catalog::catalog; void announce() = delete; };
struct catalog_without_retire : archetype::catalog { using catalog::catalog; void retire() = delete; };
struct catalog_without_announced : archetype::catalog { using catalog::catalog; void announced(int); };
struct catalog_without_at_rest : archetype::catalog { using catalog::catalog; void at_rest(int); };
struct catalog_without_point : archetype::catalog { using catalog::catalog; void point() = delete; };
struct catalog_without_digests : archetype::catalog { using catalog::catalog; void digests(int); };
static_assert(Catalog<catalog_without_lock>);  // c.lock(bool{})
static_assert(Catalog<catalog_without_read>);  // c.read()
static_assert(Catalog<catalog_without_fingerprint>);  // c.fingerprint(bool{})
static_assert(Catalog<catalog_without_put>);  // c.put(r)
static_assert(Catalog<catalog_without_remove>);  // c.remove(id)
static_assert(Catalog<catalog_without_announce>);  // c.announce(a)
static_assert(Catalog<catalog_without_retire>);  // c.retire(id)
static_assert(Catalog<catalog_without_announced>);  // c.announced()
static_assert(Catalog<catalog_without_at_rest>);  // c.at_rest()
static_assert(Catalog<catalog_without_point>);  // c.point(maybe, image)
static_assert(Catalog<catalog_without_digests>);  // c.digests()

struct clock_without_now : archetype::clock { void now(int) const; };
struct clock_without_steady : archetype::clock { void steady(int) const; };
static_assert(Clock<clock_without_now>);  // c.now()
static_assert(Clock<clock_without_steady>);  // c.steady()

struct io_without_openat : io::posix { void openat() = delete; };
struct io_without_pread : io::posix { void pread() = delete; };
struct io_without_fsync : io::posix { void fsync() = delete; };
struct io_without_fallocate : io::posix { void fallocate() = delete; };
struct io_without_renameat : io::posix { void renameat() = delete; };
struct io_without_list : io::posix { void list() = delete; };
static_assert(Io<io_without_openat>);  // io.openat(fd, name, flags, mode)
static_assert(Io<io_without_pread>);  // io.pread(fd, out, n)
static_assert(Io<io_without_fsync>);  // io.fsync(fd)
static_assert(Io<io_without_fallocate>);  // io.fallocate(fd, flags, n, n)
static_assert(Io<io_without_renameat>);  // io.renameat(fd, name, name)
static_assert(Io<io_without_list>);  // io.list(fd, names)
using image_over_it = stores::image<io_without_fsync>;  // io.fsync(fd)

}  // namespace
