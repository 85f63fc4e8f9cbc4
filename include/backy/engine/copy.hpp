// SPDX-License-Identifier: GPL-3.0-or-later
// copy: the one loop in which bytes move. Backup, read-back, restore and verify are it with another image and another sink.
#pragma once

#include <backy/concepts/image.hpp>
#include <backy/core/interruption.hpp>
#include <backy/core/journal.hpp>

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace backy {

/// How many windows are worked on at once: one per processor and one that waits for a disk, at most four. Each holds 4 MiB, and
/// another 4 MiB in an in-place restore.
inline unsigned default_workers() { return std::clamp(std::thread::hardware_concurrency() + 1, 2u, 4u); }

struct fail_if_unreadable {
    void operator()(extent, const error&) const { throw; }  // called where the error was caught
};

/// Reads the blocks of `which`, a window at a time, and calls sink(offset, data) for each run of them, in any order, from several
/// threads. One worker: ascending, in the caller's thread.
/// A run that cannot be read is read again block by block; unreadable(extent, error) is called for those that cannot be, and without it
/// the first of them ends the copy. Throws the first exception of any worker, or error when the process was asked to end; the others
/// stop at their next window.
template <Image From, std::invocable<byte_count, const_block> Sink, std::invocable<extent, const error&> Unreadable = fail_if_unreadable>
void copy(const From& from, const block_map& which, unsigned workers, journal& journal, const Sink& sink, const Unreadable& unreadable = {}) {
    std::atomic<std::size_t> next = 0;
    std::atomic<byte_count> done = 0;
    std::exception_ptr failure;
    std::mutex guard;
    const auto total = which.count() * block_size;

    const auto read_or = [&](extent e, block buffer, auto otherwise) {
        try {
            from.read(e.offset, buffer.first(e.length));
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
    const auto work = [&] {
        try {
            const aligned_buffer buffer(window_size);
            for (std::size_t window = 0; (window = next++) < which.windows();) {
                interruption::point();
                which.runs(window, [&](extent run) {
                    take(run, buffer.first(window_size));
                    journal.progress(done += run.length, total);
                });
            }
        } catch (...) {
            next = which.windows();
            const std::lock_guard lock(guard);
            if (!failure) failure = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> others;
        try {
            for (unsigned i = 1; i < std::min<std::size_t>(workers, which.windows()); ++i) others.emplace_back(work);
        } catch (const std::system_error&) {}  // fewer threads do it too
        work();
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace backy
