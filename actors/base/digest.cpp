#include "actors/base/digest.hpp"

#include <openssl/sha.h>

namespace social {

sha256_digest sha256(std::string_view bytes) {
  sha256_digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

}  // namespace social
