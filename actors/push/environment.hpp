// What all actors of the push role share.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "actors/domain/subscription/commands.hpp"
#include "actors/ports/clock.hpp"
#include "actors/ports/push_transport.hpp"
#include "actors/ports/store.hpp"
#include "actors/protocol/messages.hpp"
#include "actors/push/metrics.hpp"
#include "actors/push/options.hpp"
#include "actors/push/vapid.hpp"
#include "actors/push/workbench.hpp"
#include "actors/runtime/node.hpp"

namespace social::push {

/// Made by push_role before its first actor, gone after its last; nothing in it changes but the numbers and
/// one flag.
struct environment {
  runtime::node_context* node = nullptr;
  ports::store store;
  const ports::clock* clock = nullptr;
  ports::random_source* random = nullptr;
  ports::push_transport* transport = nullptr;  ///< null in console mode
  push_options options;
  std::function<void(protocol::command_message)> command;
  std::unique_ptr<vapid> tokens;  ///< null in console mode
  workbench_parts bench;
  metrics_recorder numbers;
  std::atomic<bool> planner_failed{false};  ///< the role takes nothing any more; readiness says so

  /// True when nothing may be sent to this origin before `push.subject` is set.
  [[nodiscard]] bool needs_subject(const std::string& origin) const;
  [[nodiscard]] bool allowed(const std::string& origin) const;
};

/// A command to a person's Subscription, from the system. `done` runs once, on any thread, and must not block.
void command_subscription(const environment& env, id_t user, domain::subscription::command command,
                          std::function<void(result<domain::erased_ptr>)> done);
/// The same from the person; `context` brings what came with the request.
void command_own_subscription(const environment& env, id_t user, domain::command_context context,
                              domain::subscription::command command,
                              std::function<void(result<domain::erased_ptr>)> done);

}  // namespace social::push
