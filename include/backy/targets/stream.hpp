// SPDX-License-Identifier: GPL-3.0-or-later
// targets::stream models Target: standard output, the plain bytes in order.
#pragma once

#include <backy/targets/file.hpp>

namespace backy::targets {

template <Io I = io::posix>
class stream {
public:
    static constexpr auto type = name<"stream">;
    static bool claims(const std::string& spelling) { return spelling == "-"; }

    explicit stream(const target_request& request, I io = {}) : io_(std::move(io)) {
        struct ::stat st {};
        io::check(io_.fstat(STDOUT_FILENO, st), where, "stat");
        if (S_ISREG(st.st_mode)) refuse_repository_file(io_, st, request);
    }

    bool needs_only_files() const { return true; }
    void resize(byte_count) {}
    void write(byte_count offset, const_block in) {
        while (!in.empty()) {
            const auto n = io::check(io::again([&] { return io_.append(STDOUT_FILENO, in); }), where, "write at offset " + std::to_string(offset));
            offset += static_cast<byte_count>(n), in = in.subspan(static_cast<std::size_t>(n));
        }
    }
    void zero(extent e) {
        io::write_zeroes(e, [&](byte_count at, const_block zeroes) { write(at, zeroes); });
    }
    /// Pipes and terminals have no disk behind them.
    void sync() {
        const auto rc = io_.fsync(STDOUT_FILENO);
        if (rc != -EINVAL && rc != -EROFS && rc != -ENOTSUP) io::check(rc, where, "fsync");
    }

private:
    static constexpr auto* where = "standard output";
    I io_;
};
static_assert(Target<stream<>> && !InPlaceTarget<stream<>> && Confinable<stream<>>);

}  // namespace backy::targets
