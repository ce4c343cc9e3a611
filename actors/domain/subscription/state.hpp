// Subscription: a person's devices. One aggregate per user; its id is the user's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/domain/row.hpp"

namespace social::domain::subscription {

struct device {
  std::uint64_t seq = 0;          ///< first 52 bits of the SHA-256 of the endpoint
  std::uint64_t row_version = 0;  ///< random, new at each upsert; a late 410 cannot touch a newer one
  std::string endpoint;
  std::string p256dh;  ///< 65 raw bytes
  std::string auth;    ///< 16 raw bytes
  std::string vapid_key_id;
  std::string locale;  ///< "ko" or "en"
  std::int64_t created_at = 0;
  std::optional<std::int64_t> last_success_at;
  std::uint32_t failures = 0;  ///< in a row
  std::optional<std::int64_t> first_failure_at;
  template <class V>
  void fields(V& v) {
    v(seq, row_version, endpoint, p256dh, auth, vapid_key_id, locale, created_at, last_success_at, failures,
      first_failure_at);
  }
  friend bool operator==(const device&, const device&) = default;
};

struct state {
  std::uint64_t user = 0;
  std::vector<device> devices;
  [[nodiscard]] bool exists() const { return user != 0; }
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(user, devices);
  }
};

/// The truth about who owns an endpoint; the last write wins.
struct endpoint_row {
  std::uint64_t user = 0;
  std::uint64_t row_version = 0;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(user, row_version);
  }
};

}  // namespace social::domain::subscription
