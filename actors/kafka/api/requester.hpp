// The api role's half of request/reply: asks the push role over Kafka, wire-compatible with Spring Kafka's
// ReplyingKafkaTemplate (docs/events.md).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/domain/aggregate.hpp"
#include "actors/domain/subscription/commands.hpp"
#include "actors/kafka/client.hpp"
#include "actors/kafka/codec.hpp"
#include "actors/kafka/producer.hpp"
#include "actors/ports/clock.hpp"
#include "actors/protocol/inspection.hpp"
#include "actors/protocol/push.hpp"
#include "actors/runtime/node.hpp"

namespace social::kafka {

struct requester_options {
  std::int64_t timeout_ms = 5'000;          ///< then outcome_unknown
  std::size_t requests_max = 10'000;        ///< under way; beyond it overloaded
  std::int64_t public_key_ttl_ms = 60'000;  ///< how long the push role's key is kept
  topic_formats formats;
};

struct requester_metrics {
  std::uint64_t requests = 0;
  std::uint64_t replies = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t unavailable = 0;  ///< refused at once: Kafka away, or the reply reader does not stand
  std::uint64_t unmatched = 0;    ///< replies to somebody else, or too late
  std::uint64_t malformed = 0;    ///< replies that could not be read
  std::uint64_t waiting = 0;
  std::uint64_t unsent = 0;    ///< that Kafka did not acknowledge: given up, or unknown
  std::uint64_t restarts = 0;  ///< producers replaced
};

/// Owned by the composition root. Calls from any thread; callbacks run once, on threads of the requester, and must not
/// block. Errors of all: unavailable (nothing was sent; with retry_after_s), overloaded, outcome_unknown,
/// shutting_down, and what the push role answers.
class requester {
 public:
  requester(runtime::node& node, client_settings settings, requester_options options, const ports::clock& clock,
            ports::random_source& random, std::shared_ptr<client_health> health);
  ~requester();
  requester(const requester&) = delete;
  requester& operator=(const requester&) = delete;

  /// The topics exist: begins to read replies. Before that everything is `unavailable`.
  void open();
  void subscribe(protocol::subscribe_request request, const domain::command_context& context,
                 std::function<void(result<domain::subscription::device_view>)> done);
  /// subscription_not_found: the user has no such device.
  void remove_device(protocol::remove_device_request request, const domain::command_context& context,
                     std::function<void(result<protocol::device_removed>)> done);
  void push_key(std::function<void(result<protocol::push_key>)> done);

  [[nodiscard]] requester_metrics metrics() const;
  [[nodiscard]] std::vector<protocol::readiness_check> readiness() const;
  /// Answers what is under way (outcome_unknown) and ends.
  void stop();

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::kafka
