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
  static constexpr std::uint16_t type = 1;
  static constexpr std::string_view name = "device-subscribed";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(user, subscribed, previous_user, replaced, replaced_endpoints);
  }
};
struct device_removed {
  std::uint64_t user = 0;
  std::uint64_t seq = 0;
  bool owned_endpoint = false;  ///< the endpoint row named this device: it goes too
  std::string endpoint_hash;    ///< of that row; empty when it is not owned
  static constexpr std::uint16_t type = 2;
  static constexpr std::string_view name = "device-removed";
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(user, seq, owned_endpoint, endpoint_hash);
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

using event = std::variant<device_subscribed, device_removed, delivery_recorded>;

}  // namespace social::domain::subscription
