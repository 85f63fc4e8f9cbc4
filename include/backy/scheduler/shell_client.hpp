// SPDX-License-Identifier: GPL-3.0-or-later
// The other end of the shell's Unix socket: a terminal, or a pipe with commands.
#pragma once

#include <backy/io/directory.hpp>
#include <backy/io/posix.hpp>
#include <backy/scheduler/shell.hpp>

#include <iostream>

#include <boost/asio/io_context.hpp>

#include <poll.h>

namespace backy::scheduler {

/// Standard input to the daemon of that base directory and its answers to standard output, until either side ends. Throws error when
/// no daemon listens there.
inline void talk(const std::filesystem::path& base) {
    const io::directory<io::posix> directory(base);
    asio::io_context loop;
    asio::local::stream_protocol::socket socket(loop);
    try {
        socket.connect("/proc/self/fd/" + std::to_string(directory.descriptor()) + "/" + socket_name);
    } catch (const boost::system::system_error& e) {
        throw error((base / socket_name).string(), "connect: " + message_of(e.code().value()) + " (is the scheduler running?)");
    }
    std::array<char, 4096> bytes;
    std::array<::pollfd, 2> ready{{{STDIN_FILENO, POLLIN, 0}, {socket.native_handle(), POLLIN, 0}}};
    for (boost::system::error_code code; !code;) {
        if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) throw error("poll", message_of(errno));
        if (ready[0].revents != 0) {
            const auto n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
            if (n > 0) asio::write(socket, asio::buffer(bytes.data(), static_cast<std::size_t>(n)), code);
            else socket.shutdown(socket.shutdown_send, code), ready[0].fd = -1;
        }
        if (ready[1].revents != 0) {
            const auto n = socket.read_some(asio::buffer(bytes), code);
            std::cout.write(bytes.data(), static_cast<std::streamsize>(n)).flush();
        }
    }
}

}  // namespace backy::scheduler
