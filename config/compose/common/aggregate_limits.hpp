// Limits of entities and shards, filled from the options.
#pragma once

#include "actors/aggregates/environment.hpp"
#include "config/limits.hpp"

namespace social::compose {

inline aggregates::aggregate_limits aggregate_limits_of(const config::limit_settings& from) {
  aggregates::aggregate_limits to;
  to.entity_mailbox_max = static_cast<std::int64_t>(from.entity_mailbox_messages);
  to.entity_queue_max = from.entity_queue_commands;
  to.shard_mailbox_max = static_cast<std::int64_t>(from.shard_mailbox_messages);
  to.shard_entities_max = from.shard_entities;
  to.entity_idle_ms = from.entity_idle.count();
  return to;
}

}  // namespace social::compose
