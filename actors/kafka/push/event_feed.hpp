// Feeds the push role from Kafka: consumes events and requests as a member of the group, hands events over in batches,
// commits offsets only after their effects are durable, sends poison to its dead letter topic, and waits (paused)
// where the failure is ours. The push role does not know where its events come from.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/kafka/group_consumer.hpp"
#include "actors/kafka/sender.hpp"
#include "actors/ports/clock.hpp"
#include "actors/protocol/public_event.hpp"

namespace social::kafka {

struct feed_options {
  group_options group;  ///< topics are filled in: events and requests
  std::vector<std::string> event_topics;
  std::vector<std::string> request_topics;
  std::size_t events_under_way_max = 4'000;  ///< beyond it the event partitions are paused
  std::size_t requests_under_way_max = 1'000;
  /// Of records that are held until their dead letter or their reply is acknowledged: of events and of requests each.
  std::size_t bytes_under_way_max = 64 * 1024 * 1024;
  /// Of one partition, behind a record that is not done: what is done there cannot be committed, and is remembered.
  std::size_t records_behind_one_max = 20'000;
  std::int64_t retry_ms = 250;  ///< after a failure of ours; doubles up to retry_max_ms
  std::int64_t retry_max_ms = 10'000;
  std::int64_t revoke_wait_ms = 5'000;  ///< for what is under way when partitions are taken away
  std::int64_t commit_interval_ms = 200;
};

/// What the feed needs of its surroundings; callbacks may run on any thread, and must not block.
struct feed_parts {
  /// Durable when `done` says so: see push::push_role::consume.
  std::function<void(std::vector<protocol::push_event>, std::function<void(result<void>)> done)> consume;
  /// See responder::serve: of its errors, is_poison tells those that the record is to blame for.
  std::function<void(const received&, std::function<void(result<void>)> done)> serve;
  /// `done` when the table of subscriptions holds all that lay in its topic at the moment of the call; nothing is
  /// handed over from newly assigned partitions before that.
  std::function<void(std::function<void(result<void>)> done)> catch_up;
  /// False while the table of subscriptions is not read, or too far behind: event partitions are paused. Empty: it is
  /// always current.
  std::function<bool()> table_is_current;
  /// True while the push role has more deliveries waiting than it should: event partitions are paused.
  std::function<bool()> is_full;
  sender* dead_letters = nullptr;
  const ports::clock* clock = nullptr;
};

struct feed_status {
  group_metrics group;
  std::vector<partition_lag> lags;
  std::uint64_t events = 0;    ///< consumed, with durable effect
  std::uint64_t poison = 0;    ///< sent to a dead letter topic
  std::uint64_t failures = 0;  ///< of ours: tried again
  std::uint64_t under_way = 0;
  bool caught_up = false;
  bool table_is_current = true;
  bool paused_for_load = false;
  std::string last_failure;
};

class event_feed {
 public:
  event_feed(client_settings settings, feed_options options, feed_parts parts, std::shared_ptr<client_health> health);
  ~event_feed();
  event_feed(const event_feed&) = delete;
  event_feed& operator=(const event_feed&) = delete;

  /// The topics exist: begins to consume.
  result<void> start();
  [[nodiscard]] feed_status status() const;
  /// Finishes what is under way within `deadline`, commits its offsets, leaves the group.
  void stop(std::chrono::milliseconds deadline);

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::kafka
