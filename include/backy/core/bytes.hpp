// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes: counts of them, views of them, and the aligned buffers that direct I/O asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>

namespace backy {

using byte_count = std::uint64_t;
using block = std::span<std::byte>;
using const_block = std::span<const std::byte>;

inline constexpr byte_count operator""_KiB(unsigned long long n) { return n << 10; }
inline constexpr byte_count operator""_MiB(unsigned long long n) { return n << 20; }
inline constexpr byte_count operator""_GiB(unsigned long long n) { return n << 30; }

/// Largest logical block size of the disks that direct I/O is done on: buffers and offsets are multiples of it.
inline constexpr byte_count direct_alignment = 4_KiB;

constexpr byte_count divide_up(byte_count n, byte_count unit) { return n / unit + (n % unit != 0); }
constexpr byte_count round_up(byte_count n, byte_count unit) { return divide_up(n, unit) * unit; }

/// True for an empty block. One pass at the speed of memcmp.
inline bool is_zero(const_block b) {
    return b.empty() || (b[0] == std::byte{} && std::memcmp(b.data(), b.data() + 1, b.size() - 1) == 0);
}

inline bool is_equal(const_block a, const_block b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

template <class T>
    requires std::is_trivially_copyable_v<T>
block bytes_of(T& object) {
    return std::as_writable_bytes(std::span(&object, 1));
}

inline const_block bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline const_block bytes_of(const char* text) { return bytes_of(std::string_view(text)); }

/// Uninitialised memory on a boundary that direct I/O accepts. Throws std::bad_alloc.
class aligned_buffer {
public:
    explicit aligned_buffer(byte_count size)
        : size_(size), memory_(static_cast<std::byte*>(std::aligned_alloc(direct_alignment, round_up(size, direct_alignment)))) {
        if (!memory_) throw std::bad_alloc();
    }
    block first(byte_count n) const { return block(memory_.get(), size_).first(n); }

private:
    struct free_memory {
        void operator()(std::byte* p) const noexcept { std::free(p); }
    };
    byte_count size_;
    std::unique_ptr<std::byte, free_memory> memory_;
};

}  // namespace backy
