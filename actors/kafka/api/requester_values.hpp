// Values of requests to the push role and of its replies, as the api role writes and reads them (docs/events.md). Pure
// functions. Replies may come from a push service that is not ours.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "actors/base/result.hpp"
#include "actors/domain/aggregate.hpp"
#include "actors/domain/subscription/commands.hpp"
#include "actors/protocol/push.hpp"

namespace social::kafka {

/// `once`: the caller's idempotency key, if there is one; a push service that is not ours may leave it alone.
std::string subscribe_value(const protocol::subscribe_request& request, const domain::idempotency_mark& once = {});
std::string remove_value(const protocol::remove_device_request& request, const domain::idempotency_mark& once = {});
std::string ask_key_value();

// Of replies that carry no error. Errors: malformed_json names what is missing or wrong.

/// What a foreign service leaves out is as it was asked for; the number of the device and its time have to be there.
result<domain::subscription::device_view> read_subscription(const nlohmann::json& reply,
                                                            const protocol::subscribe_request& asked);
/// subscription_not_found when it says that nothing was removed.
result<protocol::device_removed> read_removed(const nlohmann::json& reply);
/// The key of a point of P-256 in 65 bytes, base64 or base64url.
result<protocol::push_key> read_push_key(const nlohmann::json& reply);

}  // namespace social::kafka
