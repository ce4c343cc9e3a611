// Reads whole topics from positions of its own, without a consumer group: replies (from the end), the table of
// subscriptions (from where its store stands), dead letters (the newest).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/kafka/client.hpp"
#include "actors/kafka/record.hpp"

namespace social::kafka {

struct log_reader_options {
  std::string name;
  std::vector<std::string> topics;
  enum class from : std::uint8_t {
    end,        ///< what comes from now on
    positions,  ///< `position_of`; where it knows none: the oldest kept
    newest,     ///< the last `newest_records` of each partition, and what comes
  };
  from start = from::end;
  std::size_t newest_records = 0;
  /// The next offset to read; called on the reader's thread when a partition is first seen.
  std::function<std::optional<std::int64_t>(const topic_partition&)> position_of;
  std::size_t batch_records_max = 500;
  std::int64_t retry_ms = 500;  ///< between looks for a topic that is not there, or a broker that does not answer
  std::size_t fetch_bytes_max = 16 * 1024 * 1024;  ///< held by librdkafka, all partitions together
};

/// Owns one thread, which runs `take`; `take` may block: reading waits for it. Partitions that are added to a topic
/// later are read from their beginning.
class log_reader {
 public:
  /// `take` gets records in the order of each partition. An error: the same records come again after a while.
  using handler = std::function<result<void>(const std::vector<received>& records)>;

  log_reader(client_settings settings, log_reader_options options, handler take, std::shared_ptr<client_health> health);
  ~log_reader();
  log_reader(const log_reader&) = delete;
  log_reader& operator=(const log_reader&) = delete;

  /// True when every partition of every topic is being read from a known position, and the brokers answer.
  [[nodiscard]] bool stands() const;
  /// `done` runs on the reader's thread (or at once) when everything that lay in the topics at the moment of the call
  /// has been taken. It waits as long as that takes; shutting_down when the reader is stopped first.
  void catch_up(std::function<void(result<void>)> done);
  /// The next offset of each partition that is read.
  [[nodiscard]] std::map<topic_partition, std::int64_t> positions() const;
  /// Records between the positions and the ends last heard of.
  [[nodiscard]] std::uint64_t lag() const;
  /// Joins the thread; `take` is not running any more afterwards.
  void stop();

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::kafka
