// One life of a Kafka producer: idempotent, acks=all, Java's placement. None of librdkafka's
// threads runs code of ours but `wake`, which only signals: reports and errors come to whoever collects them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/kafka/client.hpp"
#include "actors/kafka/record.hpp"

namespace social::kafka {

struct delivery_report {
  std::uint64_t token = 0;
  /// Where the record lies, or: outcome_unknown (sent, but never acknowledged), unavailable (never sent),
  /// invalid_input (the broker or librdkafka will never take it: too large, a topic that may not be written).
  result<placed> outcome = placed{};
};

struct producer_options {
  std::string name;  ///< in logs and metrics: `bridge`, `requests`, ...
  /// Time for a record to be acknowledged, retries included. 0: without end, as the outbox wants it.
  std::int64_t message_timeout_ms = 0;
  std::int64_t linger_ms = 5;
  std::string compression = "lz4";
  std::size_t queue_records_max = 100'000;
  std::size_t queue_bytes_max = 64 * 1024 * 1024;
  /// Partition by the part of the key before '/': the table of subscriptions (docs/events.md).
  bool partition_by_key_prefix = false;
};

/// Used by one thread at a time. Destruction gives up what is still queued, without reports.
class producer {
 public:
  enum class taken : std::uint8_t {
    queued,
    full,      ///< try again after reports have come
    rejected,  ///< this record can never be sent (`why_rejected`); nothing was queued
  };
  virtual ~producer() = default;
  /// Never blocks. The token comes back in exactly one report.
  virtual taken push(const record& what, std::uint64_t token) = 0;
  [[nodiscard]] virtual error why_rejected() const = 0;
  /// Appends at most `max` reports that have come. Never blocks. Logs and health are served here, too: call it after
  /// every `wake`.
  virtual void collect(std::vector<delivery_report>& out, std::size_t max) = 0;
  /// Set once, when this life is over: the idempotent order cannot be kept any more, a new producer is needed.
  [[nodiscard]] virtual std::optional<error> fatal() const = 0;
  /// Waits until everything queued is reported or the deadline has passed; true: nothing is left. May block.
  virtual bool flush(std::int64_t deadline_ms) = 0;
};

/// Makes the next life. `wake` runs on a thread of librdkafka when there is something to collect: it must only signal.
/// Errors: invalid_input, internal.
using producer_factory = std::function<result<std::unique_ptr<producer>>(std::function<void()> wake)>;

/// The real one. `health` may be shared with other clients.
producer_factory real_producer(client_settings settings, producer_options options,
                               std::shared_ptr<client_health> health);

}  // namespace social::kafka
