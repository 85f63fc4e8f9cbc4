// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-256 of a stream of bytes, as `sha256sum` prints it: the seal of metadata and of digests files.
#pragma once

#include <backy/core/bytes.hpp>
#include <backy/core/error.hpp>

#include <openssl/evp.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

namespace backy {

class sha256_stream {
public:
    sha256_stream() : context_(EVP_MD_CTX_new()) { must(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1); }
    void add(const_block b) { must(EVP_DigestUpdate(context_.get(), b.data(), b.size()) == 1); }
    /// 64 hexadecimal digits; the stream ends with it.
    std::string hex() {
        std::array<unsigned char, 32> sum{};
        must(EVP_DigestFinal_ex(context_.get(), sum.data(), nullptr) == 1);
        std::string text;
        for (const auto c : sum) {
            char digits[4];
            std::snprintf(digits, sizeof digits, "%02x", c);
            text += digits;
        }
        return text;
    }

private:
    static void must(bool done) {
        if (!done) throw error("OpenSSL", "SHA-256: failed");
    }
    struct free_context {
        void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
    };
    std::unique_ptr<EVP_MD_CTX, free_context> context_;
};

inline std::string sha256_of(std::string_view text) {
    sha256_stream sum;
    sum.add(bytes_of(text));
    return sum.hex();
}

}  // namespace backy
