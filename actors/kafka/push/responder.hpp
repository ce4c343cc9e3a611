// The push role's half of request/reply: serves `v1.event.subscription.request` and `v1.push.request`, and answers each
// with exactly one record.
#pragma once

#include <functional>
#include <memory>

#include "actors/domain/aggregate.hpp"
#include "actors/domain/subscription/commands.hpp"
#include "actors/kafka/codec.hpp"
#include "actors/kafka/sender.hpp"
#include "actors/protocol/push.hpp"

namespace social::kafka {

/// What the push role can do; callbacks may run on any thread. A callback of a changing call runs only after the change is in the
/// table of subscriptions (subscription_table.hpp).
struct push_service {
  std::function<void(protocol::subscribe_request, domain::command_context,
                     std::function<void(result<domain::subscription::device_view>)>)>
      subscribe;
  std::function<void(protocol::remove_device_request, domain::command_context, std::function<void(result<void>)>)>
      remove_device;
  std::function<result<protocol::push_key>()> push_key;
};

struct responder_metrics {
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;     ///< answered with an error
  std::uint64_t unanswered = 0;  ///< without a reply topic
  std::uint64_t reply_failures = 0;
};

/// Thread-safe. What it refers to outlives it.
class responder {
 public:
  responder(push_service service, sender& replies, topic_formats formats);
  ~responder();
  responder(const responder&) = delete;
  responder& operator=(const responder&) = delete;

  /// `done` runs once, on any thread, when the request is finished: served, and its reply acknowledged. A request that
  /// is wrong is answered and is done, too. Errors are failures of ours (store, disk, broker): the same record is to be
  /// handed over again.
  void serve(const received& request, std::function<void(result<void>)> done);
  [[nodiscard]] responder_metrics metrics() const;

 private:
  class parts;
  std::shared_ptr<parts> parts_;
};

}  // namespace social::kafka
