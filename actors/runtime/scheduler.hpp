// The threads that run actors. CAF's own policies lose under our load: stealing starves, sharing wakes a thread for
// nearly every message (docs/adr/0003, 0019).
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include "actors/runtime/run_queue.hpp"

namespace social::runtime {

/// One queue for all threads, and for each thread a place for one actor more: whoever was made runnable last by the
/// thread itself, whose message is in its cache still. That way `local_turns_max` run in a row at most, so that two
/// that keep each other busy keep nobody else waiting.
///
/// A module of one actor system (actor_system_config::module_factories); CAF owns it. `scheduler.max-threads` and
/// `scheduler.max-throughput` say what they say for CAF's own.
class scheduler final : public caf::scheduler::abstract_coordinator {
 public:
  static constexpr int local_turns_max = 16;

  explicit scheduler(caf::actor_system& system);
  ~scheduler() override;
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  /// Any thread. Takes over the reference that the caller counted.
  void enqueue(caf::resumable* job) override;
  caf::actor_clock& clock() noexcept override { return clock_; }
  [[nodiscard]] run_queue::numbers look() const { return queue_->look(); }

  void init(caf::actor_system_config& config) override;

 protected:
  void start() override;
  /// What is runnable still runs; then the threads end.
  void stop() override;

 private:
  class worker;

  std::shared_ptr<run_queue> queue_;
  std::vector<std::unique_ptr<worker>> workers_;
  caf::detail::thread_safe_actor_clock clock_;  ///< delayed messages
  std::thread timer_;
};

}  // namespace social::runtime
