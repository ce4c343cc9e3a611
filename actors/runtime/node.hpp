// One node's actor system and what all its actors share.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "actors/runtime/dead_letters.hpp"
#include "actors/runtime/directory.hpp"
#include "actors/runtime/run_queue.hpp"

namespace social::runtime {

struct node_options {
  std::size_t threads = 2;              ///< scheduler threads
  std::size_t messages_per_turn = 100;  ///< an actor yields its thread after that many
  bool deterministic = false;           ///< tests only: nothing runs until caf::scheduler::test_coordinator is told to
};

/// Handed to every actor; outlives them all.
struct node_context {
  directory actors;
  dead_letter_office dead_letters;
  std::function<timestamp_t()> now;  ///< wall clock; set before the first actor
};

/// Owns the actor system. Destroy it only after every long-lived actor was told to stop: the destructor waits for the
/// rest (the process' shutdown watchdog bounds that wait).
class node {
 public:
  node(const node_options& options, std::function<timestamp_t()> now);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  caf::actor_system& system() { return *system_; }
  node_context& context() { return context_; }
  /// Who waits for a thread, and which threads wait. Noughts when deterministic.
  [[nodiscard]] run_queue::numbers run_queue_numbers() const;
  /// True: there are no threads, so nobody may wait for an actor, and nothing may be detached.
  [[nodiscard]] bool deterministic() const noexcept { return deterministic_; }
  /// For actors that may block: a thread of their own.
  template <class Actor, class... Args>
  auto spawn_blocking(Args&&... args) {
    if (deterministic_) return system_->spawn<Actor>(std::forward<Args>(args)...);
    return system_->spawn<Actor, caf::detached>(std::forward<Args>(args)...);
  }

 private:
  const bool deterministic_;
  node_context context_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

}  // namespace social::runtime
