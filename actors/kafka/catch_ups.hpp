// Who waits until a reader has taken everything that lay in its topics at the moment of their call.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "actors/base/result.hpp"
#include "actors/kafka/record.hpp"

namespace social::kafka {

/// `add` from any thread, the rest by the reader's. Each `done` runs once, without a lock held.
class catch_ups {
 public:
  using done_function = std::function<void(result<void>)>;
  using offsets = std::map<topic_partition, std::int64_t>;

  void add(done_function done) {
    {
      const std::lock_guard lock(mutex_);
      if (!ended_) {
        added_.push_back(std::move(done));
        return;
      }
    }
    done(error_code::shutting_down);
  }

  /// True: somebody waits for whom the ends are not known yet. Only ends that are asked for after this call will do.
  bool wants_ends() {
    const std::lock_guard lock(mutex_);
    for (auto& done : added_) waiting_.push_back({std::move(done), std::nullopt});
    added_.clear();
    return std::ranges::any_of(waiting_, [](const entry& e) { return !e.ends; });
  }

  void set_ends(const offsets& ends) {
    for (auto& waiting : waiting_)
      if (!waiting.ends) waiting.ends = ends;
  }

  /// Tells those whose ends are reached.
  void settle(const std::function<std::int64_t(const topic_partition&)>& position_of) {
    std::erase_if(waiting_, [&](entry& waiting) {
      if (!waiting.ends ||
          !std::ranges::all_of(*waiting.ends, [&](const auto& end) { return position_of(end.first) >= end.second; }))
        return false;
      waiting.done({});
      return true;
    });
  }

  /// Nobody is told anything but shutting_down any more.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      for (auto& done : added_) waiting_.push_back({std::move(done), std::nullopt});
      added_.clear();
    }
    for (auto& waiting : waiting_) waiting.done(error_code::shutting_down);
    waiting_.clear();
  }

 private:
  struct entry {
    done_function done;
    std::optional<offsets> ends;
  };

  std::vector<entry> waiting_;  ///< of the reader's thread
  std::mutex mutex_;
  std::vector<done_function> added_;
  bool ended_ = false;
};

}  // namespace social::kafka
