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

/// The truth about who owns an endpoint. In one process the last write wins; between push processes the newest record
/// of the endpoint in their common table, along which `place` grows (docs/adr/0013).
struct endpoint_row {
  std::uint64_t user = 0;
  std::uint64_t row_version = 0;
  std::uint64_t place = 0;  ///< what the table says of this endpoint is known up to here; 0: nothing yet
  bool in_table = false;    ///< this very version has been read from the table; false: decided here, on its way there
  std::vector<std::uint64_t> replaces{};  ///< versions that it replaced knowingly, newest first, a few
  static constexpr std::uint8_t version = 2;
  template <class V>
  void fields(V& v) {
    v(user, row_version, place, in_table, replaces);
  }
};

/// A version of a device that nobody shall know any more.
struct withdrawn_version {
  std::string endpoint_hash;
  std::uint64_t row_version = 0;
  template <class V>
  void fields(V& v) {
    v(endpoint_hash, row_version);
  }
  friend bool operator==(const withdrawn_version&, const withdrawn_version&) = default;
};

}  // namespace social::domain::subscription
