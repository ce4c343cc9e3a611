// Cryptographically strong randomness through OpenSSL.
#pragma once

#include <cstdint>
#include <string>

namespace social {

/// Throws std::runtime_error when the system gives none: nothing can go on without.
std::string random_bytes(std::size_t count);
std::uint64_t random_64_bits();

}  // namespace social
