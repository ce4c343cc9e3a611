#pragma once

#include <string_view>
#include <variant>

#include "actors/domain/subscription/state.hpp"

namespace social::domain::subscription {

struct device_subscribed {
  std::uint64_t user = 0;
  device subscribed;
  std::uint64_t previous_user = 0;      ///< whose device this endpoint was; 0: nobody's, or the same user's
  std::vector<std::uint64_t> replaced;  ///< devices that leave with this: the old endpoint, the stalest over the limit
  std::vector<std::string> replaced_endpoints;  ///< hashes of those endpoints whose rows named this user: they go too
  // Since version 2: what the common table has to be told, and what the endpoint's row knew of it.
  std::vector<withdrawn_version> withdrawn{};  ///< of this endpoint and of those replaced
  std::vector<std::uint64_t> replaces{};       ///< as in endpoint_row
  std::uint64_t place = 0;                     ///< likewise
  static constexpr std::uint16_t type = 1;
  static constexpr std::string_view name = "device-subscribed";
  static constexpr std::uint8_t version = 2;
  template <class V>
  void fields(V& v) {
    v(user, subscribed, previous_user, replaced, replaced_endpoints, withdrawn, replaces, place);
  }
};
struct device_removed {
  std::uint64_t user = 0;
  std::uint64_t seq = 0;
  bool owned_endpoint = false;                 ///< the endpoint row named this device: it goes too
  std::string endpoint_hash;                   ///< of that row; empty when it is not owned
  std::vector<withdrawn_version> withdrawn{};  ///< since version 2; empty when the common table knows, or never did
  static constexpr std::uint16_t type = 2;
  static constexpr std::string_view name = "device-removed";
  static constexpr std::uint8_t version = 2;
  template <class V>
  void fields(V& v) {
    v(user, seq, owned_endpoint, endpoint_hash, withdrawn);
  }
};
struct delivery_recorded {
  std::uint64_t user = 0;
  std::uint64_t seq = 0;
  bool accepted = false;
  std::int64_t at = 0;
  static constexpr std::uint16_t type = 3;
  static constexpr std::string_view name = "delivery-recorded";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(user, seq, accepted, at);
  }
};

/// The common table said so: another process' device, or one of ours that has come back from there.
struct device_replicated {
  std::uint64_t user = 0;
  device replicated;
  std::uint64_t previous_user = 0;      ///< as in device_subscribed
  std::vector<std::uint64_t> replaced;  ///< the stalest over the limit
  std::vector<withdrawn_version> withdrawn{};
  std::vector<std::uint64_t> replaces{};
  std::uint64_t place = 0;
  static constexpr std::uint16_t type = 4;
  static constexpr std::string_view name = "device-replicated";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(user, replicated, previous_user, replaced, withdrawn, replaces, place);
  }
};
/// A version that had been replaced came late into the common table: whoever reads it there shall forget it.
struct version_withdrawn {
  std::uint64_t user = 0;
  std::vector<withdrawn_version> withdrawn{};
  static constexpr std::uint16_t type = 5;
  static constexpr std::string_view name = "version-withdrawn";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(user, withdrawn);
  }
};

using event = std::variant<device_subscribed, device_removed, delivery_recorded, device_replicated, version_withdrawn>;

}  // namespace social::domain::subscription
