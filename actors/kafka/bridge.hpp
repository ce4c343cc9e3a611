// The outbox: publishes a journal to Kafka. The journal itself is the outbox; the bridge is a durable reader of it
// whose cursor moves over acknowledged records only, in order.
//
// It keeps a window of records under way. After any delivery error nothing behind it counts: the producer is thrown
// away and a new one starts again from the cursors, so the order of each key holds and every event is sent with the
// same id. A record that Kafka refuses stops its shard at it, until it is taken: a cursor moves over nothing else. An
// actor of its own thread (detached), because reading the journal may touch the disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/kafka/producer.hpp"
#include "actors/kafka/publications.hpp"
#include "actors/ports/clock.hpp"
#include "actors/ports/store.hpp"
#include "actors/runtime/node.hpp"

namespace social::kafka {

/// Appends what this journal record becomes, in the order of its events; an event may become none, or several. A pure
/// function. Errors: corrupt_record names shard and sequence: the record is counted, kept as a dead letter and left
/// behind, but for what was appended of it.
using publish_function = std::function<result<void>(const ports::journal_record& from, publications& out)>;

struct bridge_options {
  std::string name = "kafka";               ///< of the subscriber: its cursors lie under it
  std::size_t window_records_max = 20'000;  ///< under way
  std::size_t window_bytes_max = 32 * 1024 * 1024;
  std::size_t read_records_max = 256;  ///< of one shard at once
  std::size_t read_bytes_max = 1024 * 1024;
  /// Between two looks under load, where a look costs a read of every shard that has moved: as many milliseconds as
  /// the last look found events, within these limits. A few events at a time hardly wait.
  std::int64_t pull_interval_ms = 5;
  std::int64_t pull_interval_max_ms = 25;
  /// Reports are taken between records that are sent, so many for so many: what a report frees, the next record gets
  /// from the allocator while it is still in the processor's cache. Most of what sending costs is memory that is not.
  std::size_t reports_at_once = 96;
  /// With more records under way, reports wait for the next look (for that reason). For fewer it is not worth it.
  std::size_t reports_wait_above = 128;
  std::int64_t cursor_interval_ms = 200;  ///< how often moved cursors are written; a crash sends that much again
  std::int64_t retry_ms = 500;            ///< before the next producer is made; doubles up to retry_max_ms
  std::int64_t retry_max_ms = 10'000;
};

struct bridge_status {
  std::string name;
  std::uint64_t depth = 0;      ///< events between the heads and the cursors
  std::int64_t age_ms = 0;      ///< of the oldest of them; 0: none
  std::uint64_t published = 0;  ///< records acknowledged since the start
  std::uint64_t window = 0;     ///< records under way
  std::uint64_t failures = 0;   ///< records whose delivery failed since the start
  std::uint64_t restarts = 0;   ///< producers replaced
  std::uint64_t undecodable = 0;
  std::uint64_t skipped = 0;  ///< events that were gone before they could be read
  std::uint64_t ahead = 0;    ///< shards whose cursor is beyond the journal's head: not read, never skipped
  std::string last_failure;
  std::string refused;  ///< the record at which a shard stands, and why Kafka does not take it; empty: none
  std::vector<std::uint64_t> cursors;  ///< by shard
};

/// Owned by the composition root; everything referred to outlives it.
class bridge {
 public:
  /// `cursors`: the store that holds the cursors; for the outbox the journal's own.
  bridge(runtime::node& node, bridge_options options, ports::journal& source, ports::store cursors,
         const ports::clock& clock, publish_function project, producer_factory make);
  ~bridge();
  bridge(const bridge&) = delete;
  bridge& operator=(const bridge&) = delete;

  /// The topics exist: begins to publish. Until then it only counts.
  void open();
  /// `done` runs when everything that is in the shard's journal now is acknowledged; shutting_down when the bridge ends
  /// first, overloaded when too many wait, unavailable when the shard is not read (`ahead`) or stands at a record
  /// (`refused`). On the bridge's thread; must not block.
  void when_published(shard_t shard, std::function<void(result<void>)> done);
  [[nodiscard]] bridge_status status() const;
  /// Waits for what is under way (at most four fifths of the deadline), writes the cursors, ends. What was not
  /// acknowledged by then is sent again at the next start. False: the deadline passed before it had ended.
  bool stop(std::chrono::milliseconds deadline);

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::kafka
