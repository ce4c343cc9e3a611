// Sends single records and says what became of each: requests, replies, dead letters. An actor over a producer that it
// replaces after a fatal error. The outbox has a bridge of its own (bridge.hpp), because there the order counts.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "actors/kafka/producer.hpp"
#include "actors/runtime/node.hpp"

namespace social::kafka {

struct sender_options {
  std::string name;
  std::size_t records_max = 10'000;  ///< under way; beyond it: overloaded
  std::int64_t retry_ms = 1'000;     ///< before a new producer is made after a fatal error
};

struct sender_metrics {
  std::uint64_t sent = 0;      ///< acknowledged
  std::uint64_t failed = 0;    ///< given up, or unknown
  std::uint64_t refused = 0;   ///< over the limit
  std::uint64_t waiting = 0;   ///< under way
  std::uint64_t restarts = 0;  ///< producers replaced
};

/// Owned by the composition root. Calls from any thread.
class sender {
 public:
  sender(runtime::node& node, sender_options options, producer_factory make);
  ~sender();
  sender(const sender&) = delete;
  sender& operator=(const sender&) = delete;

  /// `done` runs exactly once, on the sender's thread, and must not block. Errors: overloaded, shutting_down (nothing
  /// was sent), and those of delivery_report.
  void send(record what, std::function<void(result<placed>)> done);
  [[nodiscard]] sender_metrics metrics() const;
  /// Refuses new records, waits for those under way; what is left at the deadline is answered outcome_unknown. False:
  /// the deadline passed.
  bool stop(std::chrono::milliseconds deadline);

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::kafka
