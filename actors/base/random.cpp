#include "actors/base/random.hpp"

#include <cstring>
#include <stdexcept>

#include <openssl/rand.h>

namespace social {

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    throw std::runtime_error("the system gives no randomness");
  return bytes;
}

std::uint64_t random_64_bits() {
  std::uint64_t value = 0;
  const auto bytes = random_bytes(sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace social
