// What a call asked for, as a few bytes that tell nothing about it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace social::http::auth {

inline constexpr std::size_t fingerprint_key_bytes_min = 32;

/// HMAC-SHA-256 (RFC 2104) under a secret key: who reads a store cannot try out what a small body was. Immutable: any
/// thread.
class fingerprinter {
 public:
  /// `key`: at least fingerprint_key_bytes_min.
  explicit fingerprinter(std::string key);
  /// 32 raw bytes. Parts are told apart: ("ab", "c") is not ("a", "bc").
  [[nodiscard]] std::string of(std::initializer_list<std::string_view> parts) const;

 private:
  std::string key_;
};

}  // namespace social::http::auth
