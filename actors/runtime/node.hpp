// One node's actor system and what all its actors share.
#pragma once

#include <functional>
#include <memory>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "actors/runtime/dead_letters.hpp"
#include "actors/runtime/directory.hpp"

namespace social::runtime {

struct node_options {
  std::size_t threads = 2;              ///< scheduler threads
  std::size_t messages_per_turn = 100;  ///< an actor yields its thread after that many
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

 private:
  node_context context_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

}  // namespace social::runtime
