#include "actors/base/digest_stream.hpp"

#include <stdexcept>

#include <openssl/evp.h>

namespace social {

struct sha256_stream::context {
  EVP_MD_CTX* inside = EVP_MD_CTX_new();
  ~context() { EVP_MD_CTX_free(inside); }
};

namespace {

void check(bool is_done) {
  if (!is_done) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

}  // namespace

sha256_stream::sha256_stream() : context_(std::make_unique<context>()) {
  check(context_->inside != nullptr && EVP_DigestInit_ex(context_->inside, EVP_sha256(), nullptr) == 1);
}
sha256_stream::~sha256_stream() = default;

void sha256_stream::update(std::string_view bytes) {
  check(EVP_DigestUpdate(context_->inside, bytes.data(), bytes.size()) == 1);
}

sha256_digest sha256_stream::finish() {
  sha256_digest digest{};
  check(EVP_DigestFinal_ex(context_->inside, digest.data(), nullptr) == 1);
  return digest;
}

std::string to_hex(const sha256_digest& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * digest.size());
  for (const auto byte : digest) {
    out.push_back(digits[byte >> 4U]);
    out.push_back(digits[byte & 15U]);
  }
  return out;
}

}  // namespace social
