// SPDX-License-Identifier: GPL-3.0-or-later
// share_out: numbered pieces of work, done by several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace backy {

/// Calls do_pieces(take) in up to `workers` threads, the caller's among them; take() hands out 0 … count - 1, each once, ascending, and
/// `count` when there is no more. One worker: only in the caller's thread. Throws the first exception of any of them, when all have ended;
/// the others are handed out nothing more.
template <class Work>
void share_out(std::size_t count, unsigned workers, Work do_pieces) {
    std::atomic<std::size_t> next = 0;
    std::exception_ptr failure;
    std::mutex guard;
    const auto work = [&] {
        try {
            do_pieces([&] { return std::min(next++, count); });
        } catch (...) {
            next = count;
            const std::lock_guard lock(guard);
            if (!failure) failure = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> others;
        try {
            for (unsigned i = 1; i < std::min<std::size_t>(workers, count); ++i) others.emplace_back(work);
        } catch (const std::system_error&) {}  // fewer threads do it too
        work();
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace backy
