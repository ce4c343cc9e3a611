// The push role: takes events, remembers what each device is owed, and sends it. Everything behind this header is
// actors; nothing of them shows.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/ports/clock.hpp"
#include "actors/ports/push_transport.hpp"
#include "actors/ports/store.hpp"
#include "actors/protocol/inspection.hpp"
#include "actors/protocol/messages.hpp"
#include "actors/protocol/public_event.hpp"
#include "actors/protocol/push.hpp"
#include "actors/push/metrics.hpp"
#include "actors/push/options.hpp"

namespace caf {
class actor_system;
}
namespace social::runtime {
struct node_context;
}

namespace social::push {

class vapid_keys;

/// What the role is made of. Everything pointed to outlives it.
struct push_dependencies {
  caf::actor_system* system = nullptr;
  runtime::node_context* node = nullptr;
  ports::store store;  ///< the push store: Subscriptions live in it, too
  const ports::clock* clock = nullptr;
  ports::random_source* random = nullptr;
  ports::push_transport* transport = nullptr;  ///< may be null in console mode
  std::shared_ptr<vapid_keys> keys;
  push_options options;
  /// Reaches the Subscription entities of `store`; any thread, must not block.
  std::function<void(protocol::command_message)> command;
  /// Takes one whole line with its line feed; called by one thread at a time.
  std::function<void(std::string_view line)> console;
  /// False: workers and planner run on the system's scheduler. For tests whose scheduler is deterministic.
  bool detached = true;
};

/// Owned by the composition root. Calls from any thread; callbacks run on threads of the role or the store and must not
/// block. Construct, `start`, ..., `stop`; the destructor stops without a grace.
class push_role {
 public:
  explicit push_role(push_dependencies parts);
  ~push_role();
  push_role(const push_role&) = delete;
  push_role& operator=(const push_role&) = delete;

  /// Takes up what is pending in the store; until that is read, events wait.
  void start();
  /// Refuses new work and begins what `stop` waits for.
  void begin_stop();
  /// Refuses new work, lets what is under way be answered and written, ends all actors and the transport's sends. What
  /// is still unanswered at the deadline stays pending. False: the deadline passed.
  bool stop(std::chrono::milliseconds deadline);

  /// Plans the events' deliveries and commits them together with `cursor_rows` in one batch; then `done`. Errors:
  /// overloaded (too many calls wait), shutting_down, or the store's; nothing was done, or with outcome_unknown perhaps
  /// everything: the same events once more are recognised. `epoch`: of the store's journal when the cursors were read
  /// that `cursor_rows` build upon; store_unavailable when it has failed since. 0: they build upon nothing.
  void consume(std::vector<protocol::push_event> events, std::vector<domain::row_change> cursor_rows,
               std::function<void(result<void>)> done, std::uint64_t epoch = 0);

  /// Judges what a browser hands over and makes it a device of the user. Errors: invalid_input with all fields; what
  /// commands answer.
  void subscribe(protocol::subscribe_request request, domain::command_context context,
                 std::function<void(result<domain::subscription::device_view>)> done);
  /// Takes the person's own device away. Errors: subscription_not_found, the store's, what commands answer.
  void remove_device(protocol::remove_device_request request, domain::command_context context,
                     std::function<void(result<protocol::device_removed>)> done);
  /// Errors: unavailable in console mode without keys.
  [[nodiscard]] result<protocol::push_key> current_key() const;

  /// JSON for the admin API: origins and hashes, no endpoints. They read the store: not for threads that must not
  /// block.
  [[nodiscard]] std::string report_push() const;
  /// The newest, at most `limit`.
  [[nodiscard]] std::string report_dead_letters(std::size_t limit = 100) const;
  /// Gives a dead letter a new life. Errors: not_found, the store's.
  void replay_dead_letter(std::string id, std::function<void(result<void>)> done);

  [[nodiscard]] push_metrics metrics() const;
  [[nodiscard]] std::vector<protocol::readiness_check> readiness() const;

  /// The wall clock has been set, or moved by a test: every timer is looked at again.
  void clock_was_set();

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::push
