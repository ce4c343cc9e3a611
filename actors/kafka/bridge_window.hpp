// What the bridge has under way: per shard the records that are with the producer, in order, and how far the cursor may
// move. Plain values, no threads, nothing of Kafka.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "actors/base/ids.hpp"

namespace social::kafka {

/// Owned by the bridge's actor. An entry stays until everything before it in its shard is acknowledged, too, so the
/// number of entries bounds the memory of a window that waits for one slow partition.
class publish_window {
 public:
  publish_window() = default;
  /// The sequences, by shard, of the last events that are acknowledged.
  explicit publish_window(const std::vector<std::uint64_t>& cursors);

  /// Names the next record of the shard in its report. No token names two records.
  [[nodiscard]] std::uint64_t next_token(shard_t shard) const;
  /// A record of that event is with the producer now, under the token that was next.
  void sent(shard_t shard, std::uint64_t sequence, std::size_t bytes);
  /// All records of the events up to this one are with the producer, or need not go there. Never moves back.
  void reached(shard_t shard, std::uint64_t sequence);
  /// True: a cursor has moved. Tokens of before a restart are ignored.
  bool acknowledged(std::uint64_t token);
  /// Everything behind the cursors is to be sent again.
  void restart();

  /// The last event that is acknowledged with all events before it.
  [[nodiscard]] std::uint64_t cursor(shard_t shard) const;
  /// Reading goes on after this event.
  [[nodiscard]] std::uint64_t reached(shard_t shard) const { return shards_[shard].reached; }
  [[nodiscard]] std::size_t records() const { return records_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] shard_t shards() const { return static_cast<shard_t>(shards_.size()); }

  [[nodiscard]] static shard_t shard_of(std::uint64_t token);
  /// The event of a record that is under way; 0: it is none.
  [[nodiscard]] std::uint64_t sequence_of(std::uint64_t token) const;

 private:
  struct entry {
    std::uint64_t sequence = 0;
    std::uint32_t bytes = 0;
    bool acknowledged = false;
  };
  struct progress {
    std::uint64_t reached = 0;
    std::uint64_t first_number = 0;  ///< of the first entry; numbers count records since the start
    std::deque<entry> entries;
  };
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
  /// Of the entry among those of its shard.
  [[nodiscard]] std::size_t index_of(std::uint64_t token) const;
  void drop_first(progress& of);

  std::vector<progress> shards_;
  std::size_t records_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace social::kafka
