// Where each shard's journal begins and ends for readers, and who wants to know when it moves.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/result.hpp"
#include "storage/engine.hpp"
#include "storage/journal_tail.hpp"

namespace social::storage {

struct journal_range {
  std::uint64_t oldest = 0;  ///< 0: no event is kept
  std::uint64_t head = 0;    ///< sequence of the newest event; 0: none yet
};

/// Looks the ranges up in the store. Errors: store_damaged, io_error.
result<std::vector<journal_range>> load_ranges(database& store, shard_t shards);

/// What readers may see. Written by the commit thread, read by anybody.
class visible_heads {
 public:
  explicit visible_heads(shard_t shards, std::size_t tail_bytes = 0)
      : shards_(shards), ranges_(std::make_unique<range[]>(shards)), tail_(shards, tail_bytes) {}

  [[nodiscard]] std::uint64_t head(shard_t shard) const noexcept {
    return shard < shards_ ? ranges_[shard].head.load(std::memory_order_acquire) : 0;
  }
  [[nodiscard]] std::uint64_t oldest(shard_t shard) const noexcept {
    return shard < shards_ ? ranges_[shard].oldest.load(std::memory_order_acquire) : 0;
  }
  void advance(shard_t shard, std::uint64_t head) noexcept {
    auto& range = ranges_[shard];
    if (range.oldest.load(std::memory_order_relaxed) == 0) range.oldest.store(1, std::memory_order_release);
    range.head.store(head, std::memory_order_release);
  }
  void set(shard_t shard, const journal_range& found) noexcept {
    ranges_[shard].oldest.store(found.oldest, std::memory_order_release);
    ranges_[shard].head.store(found.head, std::memory_order_release);
  }
  /// What was below is gone.
  void set_oldest(shard_t shard, std::uint64_t oldest) noexcept {
    ranges_[shard].oldest.store(oldest, std::memory_order_release);
  }
  [[nodiscard]] shard_t shards() const noexcept { return shards_; }
  /// The newest records; of those beyond a head readers see nothing.
  [[nodiscard]] journal_tail& tail() noexcept { return tail_; }
  [[nodiscard]] const journal_tail& tail() const noexcept { return tail_; }

 private:
  struct range {
    std::atomic<std::uint64_t> oldest{0};
    std::atomic<std::uint64_t> head{0};
  };
  shard_t shards_;
  std::unique_ptr<range[]> ranges_;
  journal_tail tail_;
};

/// Callbacks that hear "heads moved". `signal` runs on the commit thread; the others on any, also from inside a
/// callback.
class watchers {
 public:
  std::uint64_t add(std::function<void()> moved);
  /// When this returns the callback is not running (unless this is called from inside it) and will not run again.
  void remove(std::uint64_t watcher);
  void signal();

 private:
  // Held while callbacks run: that is what `remove` waits for. So a caller of `add` or `remove` must not hold a lock
  // that a callback takes.
  std::recursive_mutex mutex_;
  std::vector<std::pair<std::uint64_t, std::function<void()>>> entries_;
  std::uint64_t next_ = 1;
  bool signalling_ = false;
};

}  // namespace social::storage
