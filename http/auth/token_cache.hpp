// Verified tokens, so that a request costs neither an HMAC nor JSON.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "http/auth/token.hpp"

namespace social::http::auth {

/// Only tokens that were verified get in, and the caller still checks their end and their generation. Any thread: parts
/// with a lock each, held for one lookup. Each part keeps a young and an old half; when the young one is full, the old
/// one is dropped: what is used stays, with no list to maintain.
class token_cache {
 public:
  explicit token_cache(std::size_t entries_max);

  /// Null when it is not there.
  [[nodiscard]] std::shared_ptr<const claims> find(std::string_view token);
  void put(std::string_view token, std::shared_ptr<const claims> verified);
  [[nodiscard]] std::size_t size() const;

 private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  using table = std::unordered_map<std::string, std::shared_ptr<const claims>, text_hash, std::equal_to<>>;
  struct alignas(64) part {
    mutable std::mutex lock;
    table young;
    table old;
  };
  static constexpr std::size_t parts = 16;

  part& part_of(std::string_view token) noexcept;
  void put_young(part& where, std::string token, std::shared_ptr<const claims> verified);

  std::size_t half_max_;
  std::array<part, parts> parts_;
};

}  // namespace social::http::auth
