// Values of requests to the push role and of its replies (docs/events.md). Pure functions.
#pragma once

#include <string>
#include <variant>

#include <nlohmann/json_fwd.hpp>

#include "actors/base/result.hpp"
#include "actors/domain/aggregate.hpp"
#include "actors/domain/subscription/commands.hpp"
#include "actors/protocol/push.hpp"

namespace social::kafka {

/// Which of the two forms a subscription came in: ours, or PushSubscription.toJSON() of a browser.
enum class subscription_words : std::uint8_t { ours, browsers };
subscription_words words_of(const nlohmann::json& request);

/// Errors: invalid_input names every field that is missing or of a wrong type, in the request's words. The content of
/// the texts is judged by the push role.
result<protocol::subscribe_request> read_subscribe_request(const nlohmann::json& request);
/// The push role names fields as we do; whoever asked hears the names that they used.
error in_words(subscription_words words, error why);

/// The caller's idempotency key; none when it is missing, or not as an api process of ours would send it.
domain::idempotency_mark read_mark(const nlohmann::json& request);

struct public_key_request {};
using push_request = std::variant<public_key_request, protocol::remove_device_request>;
/// Errors: invalid_input names `kind` when it is none that is served, else the fields of that kind.
result<push_request> read_push_request(const nlohmann::json& request);

/// `{seq, userId, notificationEndPoint, locale, createAt}`, and `replayed` when it is a stored outcome
std::string subscription_value(const domain::subscription::device_view& saved);
/// `{publicKey, keyId}`
std::string public_key_value(const protocol::push_key& key);
/// `{kind, userId, id, removed}`, and `replayed` likewise
std::string removed_value(const protocol::remove_device_request& request, const protocol::device_removed& outcome);

}  // namespace social::kafka
