// Who lives here: every instrumented actor of the process by kind and id. Looking activates nobody.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>

#include "actors/runtime/actor_stats.hpp"

namespace social::runtime {

/// Numbers of one live actor at one moment.
struct actor_numbers {
  std::string kind;
  id_t id = 0;
  shard_t shard = 0;
  std::uint64_t mailbox_depth = 0;
  std::uint64_t messages_handled = 0;
  std::uint64_t failures = 0;
  std::uint64_t busy_us = 0;
  std::uint64_t p50_us = 0;
  std::uint64_t p99_us = 0;
  std::string last_message;
  std::uint64_t idle_ms = 0;
  std::uint64_t age_ms = 0;
};

enum class actor_order : std::uint8_t { id, mailbox, busy, age };

struct actor_filter {
  std::string kind;  ///< empty: all
  std::optional<shard_t> shard;
  actor_order order = actor_order::id;
  std::size_t limit = 1000;
};

/// Owned by the node; outlives its actors. Any thread.
class directory {
 public:
  void enter(const std::shared_ptr<actor_stats>& stats, caf::weak_actor_ptr self);
  void leave(const actor_stats& stats);

  [[nodiscard]] std::vector<actor_numbers> list(const actor_filter& filter) const;
  struct found {
    actor_numbers info;
    caf::actor handle;
  };
  /// A null handle when there is nobody; the youngest when an incarnation came before the last one had left. Looks at
  /// all of that kind: actors change their ids by the ten thousand a second, and are asked for by people.
  [[nodiscard]] found find(const std::string& kind, id_t id) const;
  /// Live actors per kind, with sums, for metrics.
  struct kind_totals {
    std::uint64_t actors = 0;
    std::uint64_t mailbox_depth = 0;
    std::uint64_t messages_handled = 0;
    std::uint64_t failures = 0;
    std::uint64_t shed = 0;
    std::uint64_t busy_us = 0;
  };
  [[nodiscard]] std::unordered_map<std::string, kind_totals> totals() const;

 private:
  struct entry {
    std::shared_ptr<actor_stats> stats;
    caf::weak_actor_ptr self;
  };
  struct stripe {
    mutable std::mutex mutex;
    std::unordered_map<std::string, std::unordered_map<const actor_stats*, entry>> kinds;
    std::unordered_map<std::string, kind_totals> departed;  ///< counters of those who left, so that sums never fall
  };
  [[nodiscard]] stripe& stripe_of(const actor_stats& stats);
  static constexpr std::size_t stripes = 16;
  std::array<stripe, stripes> stripes_;
};

}  // namespace social::runtime
