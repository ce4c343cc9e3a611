// Reads the journal for the bridge: a bounded piece of one shard at a time, shard after shard. Records are made of it
// one journal record at a time, just before they are sent: what was made ahead would have left the processor's cache.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/kafka/bridge.hpp"
#include "actors/kafka/bridge_window.hpp"

namespace social::kafka {

/// Owned by the bridge's actor and used on its thread alone; reading may touch the disk. What it cannot read or make
/// sense of is said in the log and counted; none of it stops the other shards.
class bridge_reader {
 public:
  struct counts {
    std::uint64_t undecodable = 0;  ///< journal records left behind, wholly or in part
    std::uint64_t skipped = 0;      ///< events that were gone
    std::uint64_t ahead = 0;        ///< shards that are not read
  };

  bridge_reader(const bridge_options& options, const ports::journal& source, const ports::clock& clock,
                publish_function project, runtime::node_context& node);

  /// Takes the next piece from behind `window`'s positions; the one before must be done. False: there is nothing, or
  /// what there is cannot be read at the moment.
  bool take_piece(publish_window& window);
  /// The next record of the piece; null: the piece is done.
  [[nodiscard]] const publication* front() const { return next_ < made_.size() ? &made_[next_] : nullptr; }
  [[nodiscard]] shard_t shard() const { return shard_; }
  /// The record in front is with the producer, or is left behind.
  void pop(publish_window& window);
  /// Forgets the piece.
  void drop();

  /// A cursor beyond the head never becomes right by itself: once seen, the shard is not read before the next start.
  [[nodiscard]] bool is_ahead(shard_t shard) const { return shard < shards_.size() && shards_[shard].ahead; }
  [[nodiscard]] const counts& numbers() const { return numbers_; }
  /// Why a shard cannot be read at the moment; empty: all can.
  [[nodiscard]] std::string trouble() const;
  /// When the oldest event behind the cursors happened; nullopt: there is none, or it cannot be read.
  [[nodiscard]] std::optional<timestamp_t> oldest(const publish_window& window) const;

 private:
  struct state_of_shard {
    bool ahead = false;
    std::int64_t rest_until_us = 0;
    std::int64_t rest_ms = 0;     ///< 0: the last read went well
    std::size_t records_max = 0;  ///< of one read: halved by failures, so that what lies before a damage is published
    std::uint64_t complained_of = 0;  ///< the last record that was left behind: it is met again after each restart
    std::string failure;
  };
  bool may_read(shard_t shard, const publish_window& window);
  void skip_gone(shard_t shard, publish_window& window);
  bool read(shard_t shard, publish_window& window);
  void rest(shard_t shard, std::string why);
  void make_next(publish_window& window);
  void project(const ports::journal_record& record);
  void left_behind(const ports::journal_record& record, std::string_view why);

  const bridge_options options_;
  const ports::journal& source_;
  const ports::clock& clock_;
  const publish_function project_;
  runtime::node_context& node_;
  std::vector<state_of_shard> shards_;
  counts numbers_;
  shard_t next_shard_ = 0;
  // The piece:
  shard_t shard_ = 0;
  std::vector<ports::journal_record> piece_;  ///< keeps its memory from one piece to the next
  std::size_t piece_size_ = 0;
  std::size_t record_ = 0;  ///< the one that `made_` was made of
  publications made_;
  std::size_t next_ = 0;  ///< beyond the last: the piece is done
};

}  // namespace social::kafka
