// Every limit that can be set, by name and unit. Each is an option `--limits.NAME` (the member's name with dashes);
// limits.cpp holds their defaults, bounds and reasons. Components define limit structs of their own; the composition
// root fills them from these.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

namespace social::config {

struct option;

struct limit_settings {
  // One request over the wire.
  std::uint64_t json_body_bytes = 0;
  std::uint64_t multipart_body_bytes = 0;
  std::uint64_t header_bytes = 0;
  std::uint64_t header_fields = 0;
  std::uint64_t target_bytes = 0;
  std::chrono::milliseconds request_timeout{};  ///< for the header, and again for the body
  std::chrono::milliseconds write_timeout{};    ///< for one answer to be taken by its reader
  std::chrono::milliseconds idle_timeout{};     ///< between two requests of one connection

  // All requests together.
  std::uint64_t connections = 0;
  std::uint64_t connections_per_address = 0;
  std::uint64_t requests_in_flight = 0;
  std::chrono::milliseconds ask_deadline{};

  // Actors.
  std::uint64_t entity_mailbox_messages = 0;
  std::uint64_t entity_queue_commands = 0;  ///< waiting behind a command that reads
  std::uint64_t shard_entities = 0;         ///< live at once in one shard
  std::uint64_t shard_mailbox_messages = 0;
  std::chrono::milliseconds entity_idle{};
  std::uint64_t commit_queue_commands = 0;
  std::uint64_t actors_listed = 0;
  std::uint64_t journal_bytes = 0;  ///< of one store's journal; beyond it readiness says degraded

  // Signing in.
  std::uint64_t logins_in_flight = 0;
  std::uint64_t hash_threads = 0;

  // Rates; 0: none. All are 0 when `limits.rates` is off.
  bool rates = true;
  std::uint64_t rate_user_per_minute = 0;
  std::uint64_t rate_address_per_minute = 0;
  std::uint64_t rate_join_address_per_minute = 0;
  std::uint64_t sign_in_failures = 0;  ///< failures before the first delay

  // Push.
  std::uint64_t fan_out_chunk_devices = 0;
  std::uint64_t push_lanes = 0;
  std::uint64_t push_lane_concurrency = 0;
  std::uint64_t push_lane_queue_deliveries = 0;  ///< in memory; what is beyond waits in the store
  std::uint64_t dead_letters = 0;
  std::uint64_t push_pending_deliveries = 0;  ///< in the store; beyond it no events are consumed from Kafka

  // Kafka.
  std::uint64_t kafka_outbox_window_records = 0;  ///< sent and not acknowledged yet
  std::uint64_t kafka_requests = 0;               ///< of the api role to the push role, under way
  std::uint64_t kafka_requests_served = 0;        ///< by the push role, under way
  std::uint64_t kafka_events_under_way = 0;       ///< consumed and not durable yet
  std::uint64_t kafka_dead_letters = 0;           ///< of the dead letter topics, remembered
};

/// The rows of the option table that belong to the limits.
std::span<const option> limit_options();

}  // namespace social::config
