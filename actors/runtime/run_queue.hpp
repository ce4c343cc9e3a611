// Where the scheduler's threads get their work, and where they wait for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include <caf/resumable.hpp>

#include "actors/base/wake_batch.hpp"

namespace social::runtime {

/// First come, first served. A thread that finds nothing waits. To wake it costs more than most messages take, so while
/// others are at work one of those that wait dozes: it looks again by itself after a while, and is woken before only
/// when many jobs are waiting. When nobody is at work, or nobody dozes, what comes wakes one: at once, or with the rest
/// of a wake_batch.
///
/// Nothing gets lost: whoever waits found the queue empty, under the lock; what comes later wakes somebody, or is left
/// to one that dozes, to one that is at work and looks here before it waits, or to the end of the batch. Whoever takes
/// a job and leaves others wakes the next thread, unless one dozes: a long turn keeps nobody waiting.
///
/// Any thread. A batch that owes it a wake-up keeps it alive.
class run_queue final : public wakeable, public std::enable_shared_from_this<run_queue> {
 public:
  struct options {
    std::size_t threads = 1;  ///< that call `pop`
    std::size_t backlog_max = 16;
    std::chrono::microseconds doze{500};
  };
  explicit run_queue(const options& given) : options_(given) {}

  void push(caf::resumable* job);
  /// Waits. Null: it was closed, and nothing is left. `last` is put at the end of the queue before, unless it is null.
  caf::resumable* pop(caf::resumable* last);
  /// Null when there is nothing. For what is left when no thread pops any more.
  caf::resumable* try_pop();
  /// What is in the queue, or comes before all threads have seen that it is empty, is still handed out.
  void close();
  void wake() override;

  struct numbers {
    std::uint64_t woken = 0;  ///< how often a thread that waited was woken
    std::size_t waiting = 0;  ///< threads; those that doze among them
    std::size_t dozing = 0;   ///< threads; one at most
    std::size_t queued = 0;   ///< jobs
  };
  [[nodiscard]] numbers look() const;

 private:
  // All under the lock.
  caf::resumable* take();
  void wait(std::unique_lock<std::mutex>& lock);
  /// Whether somebody has to be woken for what is in the queue.
  [[nodiscard]] bool is_short() const noexcept;
  /// One that waits counts as at work from here on. Notifies under the lock: nothing is touched after its release,
  /// when whoever was woken may be the last to need this queue.
  void wake_one();

  const options options_;
  mutable std::mutex mutex_;
  std::condition_variable signal_;
  std::deque<caf::resumable*> jobs_;
  std::size_t waiting_ = 0;  ///< threads, those included that were granted a wake-up and do not know yet
  std::size_t dozing_ = 0;
  std::size_t granted_ = 0;
  std::uint64_t woken_ = 0;
  bool closed_ = false;
};

}  // namespace social::runtime
