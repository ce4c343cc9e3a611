// Counters of one store for metrics. Written by the store's threads, read by anybody, relaxed: each number is right,
// two of them need not be of the same instant.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace social::storage {

using counter = std::atomic<std::uint64_t>;

/// Counts per bucket, not cumulative; bucket i holds values up to bounds[i], the last one everything above.
template <std::size_t N>
struct bucket_counts {
  std::array<std::uint64_t, N> bounds;
  std::array<counter, N + 1> counts{};
  counter sum{0};

  void add(std::uint64_t value) noexcept {
    std::size_t i = 0;
    while (i < N && value > bounds[i]) ++i;
    counts[i].fetch_add(1, std::memory_order_relaxed);
    sum.fetch_add(value, std::memory_order_relaxed);
  }
};

struct storage_statistics {
  counter requests{0};         ///< committed requests, with or without events
  counter events{0};           ///< committed journal events
  counter batches{0};          ///< RocksDB batches written
  counter syncs{0};            ///< fsyncs of the log: synced batches and those of the interval
  counter bytes{0};            ///< keys and values written
  counter failed_writes{0};    ///< batches or syncs that failed: each closed and reopens the store
  counter outcome_unknown{0};  ///< requests answered so
  counter refused{0};          ///< submitted requests answered store_unavailable
  counter overloaded{0};       ///< reservations refused because the queue was full
  counter reopens{0};          ///< successful reopens after a failure
  counter reopen_failures{0};
  counter id_blocks{0};      ///< id blocks synced
  counter mark_failures{0};  ///< synced marks that could not be written
  bucket_counts<8> batch_requests{{1, 2, 4, 8, 16, 64, 256, 1024}};
  bucket_counts<9> sync_us{{100, 200, 400, 800, 1'600, 5'000, 20'000, 100'000, 1'000'000}};  ///< a synced write
};

}  // namespace social::storage
