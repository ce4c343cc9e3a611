// A member of a consumer group: range assignment, eager, offsets committed by us alone. Owns the one thread that polls;
// every callback runs on it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/kafka/client.hpp"
#include "actors/kafka/record.hpp"

namespace social::kafka {

struct group_options {
  std::string group;
  std::vector<std::string> topics;
  std::size_t batch_records_max = 500;
  std::int64_t poll_ms = 100;  ///< longest wait for a record; `wake` ends it
  std::int64_t session_timeout_ms = 10'000;
  std::size_t fetch_bytes_max = 16 * 1024 * 1024;  ///< held by librdkafka, all partitions together
  /// A partition that is ours and whose leader answers, but that is not fetched for so long: the group is joined again.
  std::int64_t start_patience_ms = 30'000;
};

/// Where the group stood in a partition when it was assigned, and when the record there was written.
struct partition_start {
  std::int64_t offset = -1;  ///< -1: unknown
  timestamp_t time = 0;      ///< 0: there is none, or it is unknown
};

/// How far a partition is behind.
struct partition_lag {
  topic_partition where;
  std::int64_t position = -1;  ///< the next offset to be committed; -1: unknown
  std::int64_t end = -1;       ///< the end last heard of
  std::uint64_t records = 0;
  std::int64_t age_ms = 0;  ///< how old the oldest record that is not done yet is; 0: none waits
  bool paused = false;
};

/// What a handler may do; on the consumer's thread only.
class group_control {
 public:
  virtual ~group_control() = default;
  /// Records of these are not handed over until `resume`; nothing is lost, nothing is read ahead without bound.
  virtual void pause(const std::vector<topic_partition>& which) = 0;
  virtual void resume(const std::vector<topic_partition>& which) = 0;
  /// The next record handed over from there is the one at `offset`.
  virtual void seek(const topic_partition& where, std::int64_t offset) = 0;
  /// The next offset to read after a restart. `wait`: until the broker has answered (or refused, or 5 s have passed).
  virtual result<void> commit(const std::map<topic_partition, std::int64_t>& next, bool wait) = 0;
};

/// Implemented by what consumes. Nothing may throw; nothing may block but `revoked`.
class group_handler {
 public:
  virtual ~group_handler() = default;
  /// These are ours from now on; called before the first record of them. They start paused.
  virtual void assigned(group_control& control, const std::vector<topic_partition>& which) = 0;
  /// These will be somebody else's when it returns: finish and commit what can be within some seconds, forget the rest.
  /// `lost`: they are somebody else's already; committing is refused.
  virtual void revoked(group_control& control, const std::vector<topic_partition>& which, bool lost) = 0;
  virtual void records(group_control& control, std::vector<received> batch) = 0;
  /// After `wake`, and at least every `poll_ms`.
  virtual void turn(group_control& control) = 0;
};

struct group_metrics {
  std::uint64_t rebalances = 0;
  std::uint64_t records = 0;
  std::uint64_t commits = 0;
  std::uint64_t commit_failures = 0;
  std::vector<topic_partition> assignment;
};

class group_consumer {
 public:
  /// `handler` outlives it.
  group_consumer(client_settings settings, group_options options, group_handler& handler,
                 std::shared_ptr<client_health> health);
  ~group_consumer();
  group_consumer(const group_consumer&) = delete;
  group_consumer& operator=(const group_consumer&) = delete;

  /// Begins to consume. Errors: invalid_input, internal.
  result<void> start();
  /// Any thread: `turn` is called soon.
  void wake();
  [[nodiscard]] group_metrics metrics() const;
  /// Ends of the assigned partitions as librdkafka last heard them; any thread.
  [[nodiscard]] std::map<topic_partition, std::int64_t> ends() const;
  /// Of the assigned partitions that were fetched before the handler wanted them; any thread.
  [[nodiscard]] std::map<topic_partition, partition_start> starts() const;
  /// Revokes (see group_handler), leaves the group, joins the thread.
  void stop();

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::kafka
