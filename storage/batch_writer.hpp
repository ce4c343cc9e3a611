// Turns waiting requests into one RocksDB batch and gives events their sequences. Used by the commit thread alone; one
// writer per opening, because sequences are counted from what the store holds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <rocksdb/write_batch.h>

#include "storage/engine.hpp"
#include "storage/heads.hpp"
#include "storage/request.hpp"
#include "storage/statistics.hpp"

namespace social::storage {

class batch_writer {
 public:
  /// `ranges`: what `load_ranges` found. Everything found counts as synced: recovery has written it to tables.
  batch_writer(database& store, visible_heads& heads, storage_statistics& statistics,
               const std::vector<journal_range>& ranges, std::size_t batch_bytes_max);

  /// Writes all of it or nothing that is known of; fills in `first_sequence`. With `sync` it is on disk afterwards, and
  /// so is everything written before. After a failure the writer must not be used again.
  rocksdb::Status write(std::span<pending_request> requests, bool sync);
  /// Brings what was written without sync to disk and shows its events to readers.
  rocksdb::Status sync();

  [[nodiscard]] bool unsynced() const noexcept { return unsynced_; }
  /// True once after events became visible.
  [[nodiscard]] bool take_moved() noexcept { return std::exchange(moved_, false); }
  /// RocksDB's sequence of the newest write that is known to be synced.
  [[nodiscard]] std::uint64_t synced_sequence() const noexcept { return synced_sequence_; }

 private:
  rocksdb::Status append(pending_request& pending);
  void drop_hot_rows(std::span<const pending_request> requests);
  void publish();

  database& store_;
  visible_heads& heads_;
  storage_statistics& statistics_;
  rocksdb::WriteBatch batch_;
  std::vector<std::uint64_t> written_;  // newest sequence per shard, written but perhaps not yet visible
  std::vector<shard_t> unpublished_;    // shards where `written_` is ahead of the visible head; may repeat
  std::uint64_t synced_sequence_ = 0;
  bool unsynced_ = false;
  bool moved_ = false;
};

}  // namespace social::storage
