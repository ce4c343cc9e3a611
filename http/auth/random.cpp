#include "http/auth/random.hpp"

#include <cstdlib>

#include <openssl/rand.h>

#include "actors/base/ids.hpp"

namespace social::http::auth {
namespace {

void fill(void* bytes, std::size_t count) {
  if (RAND_bytes(static_cast<unsigned char*>(bytes), static_cast<int>(count)) != 1) std::abort();
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  fill(bytes.data(), bytes.size());
  return bytes;
}

std::uint64_t random_64() {
  std::uint64_t value = 0;
  fill(&value, sizeof value);
  return value;
}

std::uint64_t random_generation() {
  for (;;) {
    if (const auto value = random_64() & (max_id >> 1); value != 0) return value;
  }
}

}  // namespace social::http::auth
