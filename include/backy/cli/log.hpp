// SPDX-License-Identifier: GPL-3.0-or-later
// The journal of a command: lines in a log file, warnings on standard error, and a bar where somebody is watching.
#pragma once

#include <backy/core/journal.hpp>
#include <backy/core/text.hpp>
#include <backy/core/time.hpp>
#include <backy/io/posix.hpp>
#include <backy/io/file.hpp>

#include <iostream>
#include <mutex>

namespace backy::cli {

/// "12.5 % of 8.00 GiB, 1.21 GiB/s, 5 s left"
inline std::string progress_text(byte_count done, byte_count total, seconds elapsed) {
    const auto rate = elapsed.count() > 0 ? static_cast<double>(done) / elapsed.count() : 0;
    char percent[16], left[32] = "";
    std::snprintf(percent, sizeof percent, "%.1f %%", total > 0 ? 100.0 * static_cast<double>(done) / static_cast<double>(total) : 100.0);
    if (rate > 0) std::snprintf(left, sizeof left, ", %.0f s left", static_cast<double>(total - std::min(done, total)) / rate);
    return std::string(percent) + " of " + to_size(total) + ", " + to_size(static_cast<byte_count>(rate)) + "/s" + left;
}

/// What goes to standard error beside the log.
enum class loudness {
    quiet,    ///< errors
    normal,   ///< warnings, and a bar that shows progress on a terminal
    verbose,  ///< everything
};

/// Only on a terminal, and not for who asked for none (https://no-color.org).
inline bool wants_colours(int descriptor) {
    const auto* const refused = std::getenv("NO_COLOR");
    const auto* const terminal = std::getenv("TERM");
    return ::isatty(descriptor) == 1 && !(refused && *refused) && !(terminal && std::string_view(terminal) == "dumb");
}

/// The log is opened at its first line and again when it was renamed (logrotate). Where it cannot be written: standard error.
template <Io I = io::posix>
class command_log final : public journal {
public:
    /// An empty path: no log. `first_line` is written before the first of any other. `flags`: of openat(2), for the log.
    command_log(std::string path, std::string first_line, loudness loud, int flags = 0)
        : path_(std::move(path)), first_line_(std::move(first_line)), loud_(loud), flags_(flags), watched_(::isatty(STDERR_FILENO) == 1),
          coloured_(wants_colours(STDERR_FILENO)) {}
    ~command_log() override { clear_bar(); }

    void record(severity s, std::string_view text) noexcept override {
        const std::lock_guard lock(guard_);
        try {
            const auto line = on_one_line(text);
            const bool logged = append(s, line);
            clear_bar();
            if ((is_told(s) || !logged) && !goes_to_stderr()) std::cerr << (coloured_ ? painted(s, line) : line) << std::endl;
        } catch (...) {}  // a log that cannot be written must not end a backup
    }

    void progress(byte_count done, byte_count total) noexcept override {
        const std::unique_lock lock(guard_, std::try_to_lock);
        if (!lock) return;
        try {
            const auto now = std::chrono::steady_clock::now();
            if (total != step_ || done < done_) started_ = shown_ = now, step_ = total;
            done_ = done;
            if (now - shown_ < (watched_ ? std::chrono::milliseconds(200) : std::chrono::seconds(60))) return;
            shown_ = now;
            const auto text = progress_text(done, total, now - started_);
            if (watched_ && loud_ != loudness::quiet) show_bar(text, done, total);
            else append(severity::info, text);
        } catch (...) {}
    }

private:
    bool is_told(severity s) const { return s == severity::error || loud_ == loudness::verbose || (s == severity::warning && loud_ == loudness::normal); }
    static std::string painted(severity s, const std::string& line) {
        constexpr std::array colours{"", "\x1b[33m", "\x1b[31m"};  // ECMA-48, 8.3.117: yellow, red
        return s == severity::info ? line : colours[static_cast<std::size_t>(s)] + line + "\x1b[0m";
    }
    /// False: it could not be written anywhere.
    bool append(severity s, const std::string& line) {
        if (path_.empty()) return true;
        if (!first_line_.empty()) append(severity::info, std::exchange(first_line_, ""));
        constexpr std::array names{"I", "W", "E"};
        const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
        const auto text = to_text(now) + " [" + std::to_string(::getpid()) + "] " + names[static_cast<std::size_t>(s)] + " " + line + "\n";
        try {
            struct ::stat st {};
            const bool moved = I{}.fstatat(AT_FDCWD, path_, st, 0) < 0 || (file_ && file_->status().st_ino != st.st_ino);
            if (!file_ || moved) file_.emplace(I{}, path_, O_WRONLY | O_CREAT | O_APPEND | flags_);
            file_->append(bytes_of(text));
            return true;
        } catch (const backy::error& e) {
            if (!std::exchange(complained_, true)) std::cerr << on_one_line(e.what()) << std::endl;
            return false;
        }
    }
    /// The scheduler lets standard error of its children go to their log: nothing need be there twice.
    bool goes_to_stderr() const {
        struct ::stat errors {};
        if (!file_ || I{}.fstat(STDERR_FILENO, errors) < 0) return false;
        const auto log = file_->status();
        return log.st_dev == errors.st_dev && log.st_ino == errors.st_ino;
    }
    void show_bar(const std::string& text, byte_count done, byte_count total) {
        constexpr std::size_t width = 30;
        const auto filled = total > 0 ? static_cast<std::size_t>(static_cast<double>(width) * static_cast<double>(done) / static_cast<double>(total)) : width;
        std::cerr << "\r[" << std::string(filled, '#') << std::string(width - std::min(width, filled), ' ') << "] " << text << "\x1b[K" << std::flush;
        bar_ = true;
    }
    void clear_bar() {
        if (std::exchange(bar_, false)) std::cerr << "\r\x1b[K" << std::flush;
    }

    std::string path_, first_line_;
    loudness loud_;
    int flags_;
    bool watched_, coloured_, bar_ = false, complained_ = false;
    std::mutex guard_;
    std::optional<io::file<I>> file_;
    std::chrono::steady_clock::time_point started_, shown_;
    byte_count step_ = 0, done_ = 0;
};

}  // namespace backy::cli
