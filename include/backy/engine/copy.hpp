// SPDX-License-Identifier: GPL-3.0-or-later
// copy: the one loop in which bytes move. Backup, read-back, restore and verify are it with another image and another sink.
#pragma once

#include <backy/concepts/image.hpp>
#include <backy/core/interruption.hpp>
#include <backy/core/journal.hpp>
#include <backy/core/parallel.hpp>

namespace backy {

/// How many windows are worked on at once: one per processor and two that wait for a disk or the network, at most five. Each holds
/// 4 MiB, and another 4 MiB in an in-place restore.
inline unsigned default_workers() { return std::clamp(std::thread::hardware_concurrency() + 2, 2u, 5u); }

struct fail_if_unreadable {
    void operator()(extent, const error&) const { throw; }  // called where the error was caught
};

struct never {
    bool operator()() const { return false; }
};

/// Reads the blocks of `which`, a window at a time, and calls sink(offset, data) for each run of them, in any order, from several
/// threads. One worker: ascending, in the caller's thread. Returns how many bytes were read: all, unless enough() was true before.
/// A run that cannot be read is read again block by block; unreadable(extent, error) is called for those that cannot be, and without it
/// the first of them ends the copy. Throws the first exception of any worker, or halted when the process was asked to end; the others
/// stop at their next window.
template <Image From, std::invocable<byte_count, const_block> Sink, std::invocable<extent, const error&> Unreadable = fail_if_unreadable,
          std::predicate Enough = never>
byte_count copy(const From& from, const block_map& which, unsigned workers, journal& journal, const Sink& sink, const Unreadable& unreadable = {},
                const Enough& enough = {}) {
    std::atomic<byte_count> done = 0;
    const auto total = which.count() * block_size;

    const auto read_or = [&](extent e, block buffer, auto otherwise) {
        try {
            from.read(e.offset, buffer.first(e.length));
        } catch (const halted&) {
            throw;
        } catch (const error& why) {
            otherwise(why);
            return;
        }
        sink(e.offset, const_block(buffer.first(e.length)));
    };
    const auto take = [&](extent run, block buffer) {
        read_or(run, buffer, [&](const error&) {
            for (byte_count at = 0; at < run.length; at += block_size) {
                const extent one{run.offset + at, std::min(block_size, run.length - at)};
                read_or(one, buffer, [&](const error& why) { unreadable(one, why); });
            }
        });
    };
    share_out(which.windows(), workers, [&](auto next) {
        const aligned_buffer buffer(window_size);
        for (std::size_t window = 0; (window = next()) < which.windows();) {
            interruption::point();
            if (enough()) return;
            which.runs(window, [&](extent run) {
                take(run, buffer.first(window_size));
                journal.progress(done += run.length, total);
            });
        }
    });
    return done;
}

}  // namespace backy
