// What the api role asks of the push role. The push role alone judges a subscription.
#pragma once

#include <string>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/domain/subscription/commands.hpp"

namespace social::protocol {

/// -> device_view; invalid_input names notificationEndPoint, publicKey, auth
struct subscribe_request {
  id_t user = 0;
  std::string endpoint;    ///< text as sent
  std::string public_key;  ///< base64 or base64url
  std::string auth;
  std::string old_endpoint;     ///< empty: none
  std::string locale;           ///< the field `locale`; empty: none
  std::string accept_language;  ///< the header; empty: none
};

/// Takes the user's own device away. -> device_removed; subscription_not_found
struct remove_device_request {
  id_t user = 0;
  std::uint64_t device = 0;  ///< its seq
};

struct device_removed {
  bool replayed = false;  ///< the stored outcome of an earlier call
};

/// The key that browsers subscribe with.
struct push_key {
  std::string public_key;  ///< base64url, 65 bytes
  std::string key_id;
};

}  // namespace social::protocol
