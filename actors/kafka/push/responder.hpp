// The push role's half of request/reply: serves `v1.event.subscription.request` and `v1.push.request`, and answers each
// with exactly one record.
#pragma once

#include <functional>
#include <memory>

#include "actors/domain/aggregate.hpp"
#include "actors/domain/subscription/commands.hpp"
#include "actors/kafka/codec.hpp"
#include "actors/kafka/sender.hpp"
#include "actors/ports/clock.hpp"
#include "actors/protocol/push.hpp"

namespace social::kafka {

/// What the push role can do; callbacks may run on any thread. A callback of a changing call runs only after the change
/// is in the table of subscriptions (subscription_table.hpp).
struct push_service {
  std::function<void(protocol::subscribe_request, domain::command_context,
                     std::function<void(result<domain::subscription::device_view>)>)>
      subscribe;
  std::function<void(protocol::remove_device_request, domain::command_context,
                     std::function<void(result<protocol::device_removed>)>)>
      remove_device;
  std::function<result<protocol::push_key>()> push_key;
};

struct responder_options {
  /// Requests are kept for an hour (docs/events.md): what lies there longer is answered request_timeout and not served,
  /// as if it had been deleted. Whoever asked has long gone; what they did since must not be undone.
  std::int64_t request_age_max_ms = 3'600'000;
  const ports::clock* clock = nullptr;  ///< null: a request may have any age
};

/// What a record is to blame for itself: it would come to the same however often it is served.
[[nodiscard]] inline bool is_poison(const error& why) noexcept {
  return why.code == error_code::malformed_json || why.code == error_code::invalid_input;
}

struct responder_metrics {
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;         ///< ended with an error; whoever asked has been told, if there is a reply topic
  std::uint64_t unanswered = 0;      ///< without a reply topic, or with one that may not be written to
  std::uint64_t forbidden = 0;       ///< of these: named a topic of ours that replies would damage
  std::uint64_t reply_failures = 0;  ///< replies that the broker did not take, or not in time
};

/// Thread-safe, owns no thread: requests are served on the threads of the push role, replies reported on the sender's.
/// What it refers to outlives it; callbacks that come after its end find their own parts.
///
/// A request that fails is answered with its error, whose fault ever it is, so that whoever asked knows; the requester
/// repeats what is worth repeating. Where nobody can be told (no reply topic, or one that may not be written to), a
/// request that cannot be read or breaks a rule is poison. Handed over again is only what nobody can be told of: a
/// failure of ours (overloaded, store_unavailable, unavailable, outcome_unknown, io_error) of such a request, and
/// everything that the end of the process cuts off. A reply that the broker does not take is counted and left: the
/// request has been served, and a topic that somebody else named must not hold up a partition. So the sender needs a
/// time limit.
class responder {
 public:
  using send_function = std::function<void(record, std::function<void(result<placed>)>)>;

  responder(push_service service, sender& replies, topic_formats formats, responder_options options = {});
  /// `send` behaves as sender::send.
  responder(push_service service, send_function send, topic_formats formats, responder_options options = {});
  ~responder();
  responder(const responder&) = delete;
  responder& operator=(const responder&) = delete;

  /// `done` runs once, on any thread, when the request is finished: served, and its reply acknowledged. A request that
  /// is wrong is answered and is done, too. Errors: poison, when is_poison says so; else the same record is to be
  /// handed over again.
  void serve(const received& request, std::function<void(result<void>)> done);
  [[nodiscard]] responder_metrics metrics() const;

 private:
  class parts;
  std::shared_ptr<parts> parts_;
};

}  // namespace social::kafka
