#include "http/auth/fingerprint.hpp"

#include <cassert>
#include <cstdlib>
#include <limits>
#include <utility>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace social::http::auth {

fingerprinter::fingerprinter(std::string key) : key_(std::move(key)) {
  assert(key_.size() >= fingerprint_key_bytes_min && key_.size() <= std::numeric_limits<int>::max());
}

std::string fingerprinter::of(std::initializer_list<std::string_view> parts) const {
  std::string told;
  for (const auto part : parts) told.append(std::to_string(part.size())).append(":").append(part);
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  const auto* made = HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
                          reinterpret_cast<const unsigned char*>(told.data()), told.size(),
                          reinterpret_cast<unsigned char*>(out.data()), &size);
  // Only without memory; a call must not go on under a fingerprint that others share.
  if (made == nullptr) std::abort();
  out.resize(size);
  return out;
}

}  // namespace social::http::auth
