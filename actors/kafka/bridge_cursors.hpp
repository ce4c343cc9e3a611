// The cursors of the bridge on disk: one row per shard, written now and then. What they lag behind is published again
// after a crash.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "actors/kafka/bridge_window.hpp"
#include "actors/ports/store.hpp"

namespace social::kafka {

/// Owned by the bridge's actor. Calls read and write the store.
class bridge_cursors {
 public:
  bridge_cursors(std::string name, ports::store store) : name_(std::move(name)), store_(store) {}

  /// Where publishing goes on, by shard; without a row: before the oldest event kept. Errors of the store,
  /// corrupt_record (a row that cannot be read is never taken for absent).
  result<std::vector<std::uint64_t>> load(const ports::journal& source);
  /// True: a cursor has moved since it was written.
  [[nodiscard]] bool are_due(const publish_window& window) const;
  /// Writes the ones that have moved. `done` runs on the commit thread: tell the actor, which calls `written`. False:
  /// the store takes nothing at the moment, and `done` does not run.
  bool write(const publish_window& window, std::function<void(result<void>)> done);
  void written(const result<void>& outcome);
  [[nodiscard]] bool is_writing() const { return !under_way_.empty(); }

 private:
  const std::string name_;
  const ports::store store_;
  std::vector<std::uint64_t> written_;
  std::vector<std::uint64_t> under_way_;  ///< empty: no write is
};

}  // namespace social::kafka
