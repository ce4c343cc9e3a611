// SHA-256 and HMAC through OpenSSL, for identity and integrity.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace social {

using sha256_digest = std::array<std::uint8_t, 32>;

sha256_digest sha256(std::string_view bytes);

/// Big-endian.
constexpr std::uint64_t first_64_bits(const sha256_digest& digest) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = (value << 8) | digest[static_cast<std::size_t>(i)];
  return value;
}

}  // namespace social
