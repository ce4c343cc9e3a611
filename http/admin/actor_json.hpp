// How the inside of the node is written in answers of the admin API.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/protocol/inspection.hpp"

namespace social::http::admin {

/// `[{kind, id, shard, mailboxDepth, messagesHandled, failures, busyMicros, p50Micros, p99Micros, lastMessage,
/// idleMillis}]`; `lastMessage` is empty before the first message.
std::string to_json(const std::vector<protocol::actor_info>& actors);
/// The same with `state`; an actor that did not tell its state in time has `"unresponsive":true` instead.
std::string to_json(const protocol::actor_detail& actor);
/// `{status: ready|not_ready, checks: [{name, ok, degraded, reason?}]}`.
std::string to_json(const std::vector<protocol::readiness_check>& checks, bool is_ready);

std::optional<protocol::actor_order> order_from(std::string_view text) noexcept;

}  // namespace social::http::admin
