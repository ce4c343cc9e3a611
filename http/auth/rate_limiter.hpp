// How many requests somebody may make: a token bucket per key.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "actors/base/ids.hpp"

namespace social::http::auth {

/// What one request is told: allowed or not, and the numbers of `X-RateLimit-*`.
struct rate_decision {
  bool allowed = true;
  std::uint64_t limit = 0;  ///< requests at once; as many come back per minute
  std::uint64_t remaining = 0;
  std::uint64_t reset_s = 0;  ///< until all of them are back
  std::uint64_t retry_s = 0;  ///< until one is back; only when refused
};

struct rate_options {
  std::uint64_t per_minute = 0;      ///< at least 1
  std::size_t entries_max = 65'536;  ///< keys remembered at once
};

/// Fixed memory: sets of eight buckets; a new key takes the place of the one in its set that was used longest ago. Keys
/// are hashed with a random seed, so that nobody can choose whose place to take. Any thread; a lock per group of sets.
class rate_limiter {
 public:
  explicit rate_limiter(rate_options options);

  rate_decision take(std::uint64_t key, timestamp_t now);
  /// Of a user's id, or of an address: an IPv6 address counts by its /64, which is what one customer gets.
  [[nodiscard]] std::uint64_t key_of_user(id_t user) const noexcept;
  [[nodiscard]] std::uint64_t key_of_address(std::string_view address) const noexcept;

 private:
  static constexpr std::size_t ways = 8;
  static constexpr std::size_t locks = 64;
  struct bucket {
    std::uint64_t key = 0;  ///< 0: free
    double tokens = 0;
    timestamp_t touched = 0;
  };
  struct alignas(64) padded_lock {
    std::mutex lock;
  };
  bucket& find(std::size_t set, std::uint64_t key, timestamp_t now);

  double capacity_;
  double per_ms_;
  std::uint64_t seed_;
  std::size_t sets_;
  std::vector<bucket> buckets_;
  std::unique_ptr<padded_lock[]> locks_;
};

}  // namespace social::http::auth
