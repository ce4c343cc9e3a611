#pragma once

#include <string>
#include <variant>

#include "actors/domain/subscription/state.hpp"

namespace social::domain::subscription {

/// What a browser hands over, as text; judged by the rule. `endpoint_problem` is what the address check (an edge) found
/// wrong with the URL, empty when nothing: the rule puts it beside its own findings.
struct subscribe {
  std::string endpoint;
  std::string p256dh;  ///< base64 or base64url
  std::string auth;
  std::string locale;        ///< already chosen: "ko" or "en"
  std::string old_endpoint;  ///< of `pushsubscriptionchange`; empty: none
  std::string endpoint_problem;
  std::string key_problem;  ///< p256dh is not a point on the curve; empty: it is
  std::string vapid_key_id;
  std::uint64_t row_version = 0;  ///< random
};
/// Why a device is taken away. Numbers are not stored.
enum class removal : std::uint8_t {
  asked,       ///< by its person, or because its push service no longer knows it: all push processes shall know
  superseded,  ///< its endpoint is somebody else's, or another version's; nothing happens when it is this one's (again)
  withdrawn,   ///< the common table says that this version is gone
};
/// Takes a device away. `row_version` 0: whichever; otherwise only if the device still has it (compare and delete).
struct remove_device {
  std::uint64_t seq = 0;
  std::uint64_t row_version = 0;
  /// `endpoint_hash` of its endpoint: the endpoint row goes too, if it is still this device's. Empty: the row goes
  /// later, by a reaction.
  std::string endpoint_hash;
  removal why = removal::asked;
};
/// The common table says at `place` that this is the endpoint's device. Decided here or elsewhere; it may come again.
struct replicate_device {
  device replicated;                      ///< without what only deliveries tell
  std::vector<std::uint64_t> replaces{};  ///< versions that whoever decided it knew, and has withdrawn
  std::uint64_t place = 0;                ///< grows along the table
  std::uint64_t oldest_place = 0;         ///< rows below it rest on a table that is no more, or is read anew
};
/// Says once more to the common table what it does not have. `seq` and version must be the present ones.
struct announce_device {
  std::uint64_t seq = 0;
  std::uint64_t row_version = 0;
  std::string endpoint_hash;
  std::uint64_t oldest_place = 0;  ///< as in replicate_device
};
/// The push service took a message for this device at context.now, or refused it for good.
struct record_delivery {
  std::uint64_t seq = 0;
  std::uint64_t row_version = 0;
  bool accepted = false;
};

using command = std::variant<subscribe, remove_device, record_delivery, replicate_device, announce_device>;

struct device_view {
  std::uint64_t seq = 0;
  std::uint64_t user_id = 0;
  std::string endpoint;
  std::string locale;
  std::int64_t created_at = 0;
  bool replayed = false;  ///< the stored outcome of an earlier call; said by the shell, not stored
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(seq, user_id, endpoint, locale, created_at);
  }
};
struct removed_view {
  bool removed = false;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(removed);
  }
};
struct nothing_view {
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v();
  }
};
using reply = std::variant<device_view, removed_view, nothing_view>;

}  // namespace social::domain::subscription
