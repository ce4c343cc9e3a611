// ports::id_source: ids from synced blocks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "actors/ports/store.hpp"
#include "storage/commit_thread.hpp"
#include "storage/engine.hpp"
#include "storage/statistics.hpp"

namespace social::storage {

inline constexpr std::uint64_t id_block_size = 1024;
/// Fewer left than this: the next block is asked for.
inline constexpr std::uint64_t id_block_low = 256;

/// A block is [begin, end) of one (kind, shard)'s sequences. Its end is on disk, synced, before the first is given out,
/// so after any crash the next block begins above all that was given out; what was left of a block is skipped. Owned by
/// the store. Thread-safe; `take` holds one uncontended lock for a few instructions.
class rocks_ids final : public ports::id_source {
 public:
  rocks_ids(commit_thread& commits, storage_statistics& statistics, shard_t shards)
      : commits_(commits), statistics_(statistics), shards_(shards) {}
  ~rocks_ids() override;

  /// Where the next blocks begin. Before anything else. Errors: store_damaged, io_error.
  result<void> load(database& store);

  id_t take(domain::aggregate_kind kind, shard_t shard) override;
  void refill(domain::aggregate_kind kind, shard_t shard, std::function<void(result<void>)> done) override;

 private:
  struct slot;
  using waiter = std::function<void(result<void>)>;

  slot& slot_of(domain::aggregate_kind kind, shard_t shard);
  void ask(slot& of, domain::aggregate_kind kind, shard_t shard);
  void arrived(slot& at, std::uint64_t begin, const result<std::uint64_t>& outcome);

  commit_thread& commits_;
  storage_statistics& statistics_;
  shard_t shards_;
  std::mutex making_;                            // of the arrays below
  std::array<std::atomic<slot*>, 256> slots_{};  // per kind, an array of one slot per shard, made at first use
};

}  // namespace social::storage
