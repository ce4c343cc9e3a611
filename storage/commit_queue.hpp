// The bounded queue before the commit thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "actors/base/error.hpp"
#include "storage/request.hpp"

namespace social::storage {

/// Whether requests are taken, and why not.
enum class intake : std::uint8_t {
  open,
  failed,    ///< a write failed; the store is being brought back
  stopping,  ///< the store is being closed
};

/// Places are taken before a command is decided and given back when its request is answered, so that places taken bound
/// both the queue and what is being written. Any thread reserves and pushes; the commit thread alone takes.
class commit_queue {
 public:
  using clock = std::chrono::steady_clock;
  explicit commit_queue(std::size_t places_max) : places_max_(places_max) {}

  /// One addition; no lock.
  bool reserve() noexcept {
    if (intake_.load(std::memory_order_acquire) != intake::open) return false;
    if (places_.fetch_add(1, std::memory_order_relaxed) < places_max_) return true;
    places_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  void release(std::size_t places = 1) noexcept { places_.fetch_sub(places, std::memory_order_release); }
  /// Reserved and not yet answered.
  [[nodiscard]] std::size_t places() const noexcept { return places_.load(std::memory_order_acquire); }
  [[nodiscard]] std::size_t places_max() const noexcept { return places_max_; }

  /// False after `end`: the request is handed back in `pending` and must be answered by the caller.
  bool push(pending_request& pending);

  /// Waits until something is there, `until` has passed or `wake` was called, then swaps what waits into `into`, which
  /// is empty.
  void take(std::vector<pending_request>& into, clock::time_point until);
  /// Waits until so many are there, `until` has passed or `wake` was called; takes none. True: they are there.
  bool wait_for(std::size_t count, clock::time_point until);
  [[nodiscard]] std::size_t waiting() const;
  void wake();
  /// No request is taken any more; what still waits is moved into `into`.
  void end(std::vector<pending_request>& into);

  /// `stopping` is final.
  void set_intake(intake now, std::string reason = {});
  [[nodiscard]] intake state() const noexcept { return intake_.load(std::memory_order_acquire); }
  [[nodiscard]] std::string reason() const;

 private:
  /// Until so many are there, the time has come, or somebody wakes it.
  void sleep_until(std::unique_lock<std::mutex>& lock, std::size_t count, clock::time_point until);

  const std::size_t places_max_;
  std::atomic<std::size_t> places_{0};
  std::atomic<intake> intake_{intake::open};
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<pending_request> waiting_;
  std::string reason_;
  bool sleeping_ = false;    // a wake-up is a system call: only a sleeping thread needs one
  std::size_t awaited_ = 1;  // how many a sleeping thread waits for
  bool woken_ = false;
  bool ended_ = false;
};

}  // namespace social::storage
