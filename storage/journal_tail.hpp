// The newest records of the journal, as bytes in memory: for readers that follow the head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "actors/ports/store.hpp"
#include "storage/request.hpp"

namespace social::storage {

/// A reader that follows the head asks for a few records of every shard some forty times a second; RocksDB looks for
/// them in every table each time, which is a third of what the outbox costs. Here they are found at once. What has
/// left, and what a reader is further behind, is read from the database.
///
/// Bounded by bytes over all shards; the eldest record leaves first. The commit thread adds and clears, anybody reads.
class journal_tail {
 public:
  /// `bytes_max`: of values, with some 64 bytes for each; 0: nothing is kept.
  journal_tail(shard_t shards, std::size_t bytes_max) : bytes_max_(bytes_max), shards_(shards) {}

  /// After they were written, in the order of their sequences: takes their values. Of a shard there is no hole between
  /// what is here and what is added.
  void add(std::span<pending_request> written);
  /// Sequences are counted anew from what the store holds.
  void clear();

  /// As ports::journal::read_over, for records up to the event `head`. Nullopt: the record that holds `after` + 1 is
  /// not here. Errors: corrupt_record.
  std::optional<result<std::size_t>> read_over(shard_t shard, std::uint64_t after, std::uint64_t head,
                                               std::size_t records_max, std::size_t bytes_max,
                                               std::vector<ports::journal_record>& out) const;

 private:
  struct entry {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::string value;
  };
  static std::size_t size_of(const entry& e) noexcept { return e.value.size() + sizeof(entry); }

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::vector<std::deque<entry>> shards_;
  std::deque<shard_t> order_;  ///< whose eldest record leaves next
  std::size_t bytes_ = 0;
};

}  // namespace social::storage
