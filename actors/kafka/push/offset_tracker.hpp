// Which records of which partitions are under way, and up to where an offset may be committed. Plain bookkeeping:
// no clock, no threads.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "actors/kafka/record.hpp"

namespace social::kafka {

/// Names one record under way. A partition that went away and came back is another assignment.
struct tracked_record {
  topic_partition where;
  std::uint64_t assignment = 0;
  std::int64_t offset = 0;
};

/// Records of a partition begin in the order of their offsets and are done in any order; what may be committed is the
/// offset before which everything is done. Offsets may have gaps (transactions, compaction).
class offset_tracker {
 public:
  void assign(const topic_partition& where);
  void forget(const topic_partition& where);
  [[nodiscard]] bool holds(const topic_partition& where) const { return partitions_.contains(where); }
  /// True for a record of the present assignment of its partition.
  [[nodiscard]] bool holds(const tracked_record& which) const;

  /// Nullopt: the partition is not assigned, or this record or a later one has begun before.
  std::optional<tracked_record> begin(const topic_partition& where, std::int64_t offset, timestamp_t time);
  /// False, and nothing happened: of an earlier assignment, or done before.
  bool done(const tracked_record& which);

  /// Of partitions where it has moved since `committed`.
  [[nodiscard]] std::map<topic_partition, std::int64_t> committable() const;
  /// Of these, whether they have moved or not; without those of which nothing has begun.
  [[nodiscard]] std::map<topic_partition, std::int64_t> positions(const std::vector<topic_partition>& which) const;
  /// These are on their way to the broker.
  void committed(const std::map<topic_partition, std::int64_t>& next);

  struct progress {
    std::int64_t next = -1;       ///< everything before it is done; -1: nothing has begun
    std::size_t open = 0;         ///< records under way
    timestamp_t oldest_open = 0;  ///< time of the first of them; 0: none
  };
  [[nodiscard]] progress of(const topic_partition& where) const;
  [[nodiscard]] std::size_t open() const { return open_; }
  /// Records of these that are under way.
  [[nodiscard]] std::size_t open(const std::vector<topic_partition>& which) const;
  /// Records of it that are remembered: those under way, and those that are done behind one that is not.
  [[nodiscard]] std::size_t held(const topic_partition& where) const;
  [[nodiscard]] std::vector<topic_partition> assigned() const;

 private:
  struct slot {
    std::int64_t offset = 0;
    timestamp_t time = 0;
    bool done = false;
  };
  struct partition {
    std::uint64_t assignment = 0;
    std::deque<slot> slots;  ///< from the first that is not done on
    std::size_t open = 0;
    std::int64_t last = -1;       ///< newest offset that has begun
    std::int64_t committed = -1;  ///< or where reading began
    [[nodiscard]] std::int64_t next() const { return slots.empty() ? last + 1 : slots.front().offset; }
  };

  std::map<topic_partition, partition> partitions_;
  std::uint64_t assignments_ = 0;
  std::size_t open_ = 0;
};

}  // namespace social::kafka
