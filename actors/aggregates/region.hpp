// The way to entities: routes commands to the shard of their target and questions to readers. Entities are reached
// through here only, never by a kept handle, so that a later step can put a shard on another node.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "actors/aggregates/environment.hpp"
#include "actors/aggregates/idempotency_sweeper.hpp"
#include "actors/aggregates/readers.hpp"
#include "actors/runtime/exit_gate.hpp"

namespace social::aggregates {

/// What a region is made of. References outlive it.
struct region_parts {
  runtime::node* node = nullptr;
  ports::store store;
  const ports::clock* clock = nullptr;
  registry kinds;
  aggregate_limits limits;
  query_function queries;  ///< empty: this region answers none
  std::size_t readers = 2;
  std::string prefix;  ///< tells its shards and readers from those of another region of the node, e.g. "push-"
};

/// Owns its shards and readers. `send` and `ask` from any thread.
class region {
 public:
  explicit region(region_parts parts);
  ~region();
  region(const region&) = delete;
  region& operator=(const region&) = delete;

  /// To the shard of `message.target`, or to `message.shard` when there is none yet.
  void send(protocol::command_message message);
  void ask(protocol::query_message message);
  [[nodiscard]] shard_t shards() const { return static_cast<shard_t>(shards_.size()); }
  [[nodiscard]] bool serves(domain::aggregate_kind kind) const { return env_->kinds.find(kind) != nullptr; }

  /// Takes nothing any more and tells the shards to end; `stop` waits for it.
  void close();
  /// Ends entities, shards and readers in order. False: the deadline passed; what was left was ended anyway.
  /// Nothing of this region reads the store any more when it returns true.
  bool stop(std::chrono::milliseconds deadline);

 private:
  runtime::node& node_;

  std::shared_ptr<environment> env_;
  std::vector<shard_internals> shards_;
  std::vector<protocol::reader_actor> readers_;
  sweeper_actor sweeper_;
  std::atomic<std::size_t> next_reader_{0};
  std::atomic<bool> closed_{false};
  std::atomic<bool> stopped_{false};
  runtime::exit_gate shards_ended_;
  runtime::exit_gate readers_ended_;
};

}  // namespace social::aggregates
