// SPDX-License-Identifier: GPL-3.0-or-later
// my::pipe models Target: `restore 'pipe:zstd -o /mnt/vm1.zst'` feeds a command of the shell.
#pragma once

#include <backy/concepts/target.hpp>
#include <backy/core/name.hpp>
#include <backy/core/process.hpp>
#include <backy/io/file.hpp>

#include <cstdio>

namespace my {

class pipe {
public:
    static constexpr auto type = backy::name<"pipe">;
    static bool claims(const std::string& spelling) { return spelling.starts_with("pipe:"); }

    explicit pipe(const backy::target_request& request) : command_(request.spelling.substr(5)), stream_(nullptr, ::pclose) {}

    void resize(backy::byte_count) {  // not before: a command may empty a file as soon as it starts
        stream_.reset(::popen(command_.c_str(), "we"));
        if (!stream_) throw backy::error(command_, "popen: " + backy::message_of(errno));
    }
    void write(backy::byte_count offset, backy::const_block in) {
        if (std::fwrite(in.data(), 1, in.size(), stream_.get()) != in.size())
            throw backy::error(command_, "write at offset " + std::to_string(offset) + ": " + backy::message_of(errno));
    }
    void zero(backy::extent e) {
        backy::io::write_zeroes(e, [&](backy::byte_count at, backy::const_block zeroes) { write(at, zeroes); });
    }
    void sync() {  // it has read everything, and says that it is content
        const auto status = ::pclose(stream_.release());
        if (status == -1) throw backy::error(command_, "pclose: " + backy::message_of(errno));
        if (status != 0) throw backy::error(command_, backy::describe_status(status));
    }

private:
    std::string command_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream_;
};
static_assert(backy::Target<pipe>);

}  // namespace my
