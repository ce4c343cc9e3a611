// How far a process has followed the table of subscriptions, on disk; and which table it was.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/ports/store.hpp"

namespace social::kafka {

/// What is to be done with devices that the whole table, read from its beginning, does not have. Numbers are on disk.
enum class table_audit_kind : std::uint8_t {
  none = 0,
  announce = 1,  ///< it never had them, or it was made anew: they are told to it
  sweep = 2,     ///< they went while this process was away for longer than withdrawals are kept: they go here, too
};

/// One row. `epoch` grows when the table is read anew, so that what is known from before does not count against it.
struct table_state_row {
  std::uint64_t epoch = 0;
  std::int64_t alive_at = 0;  ///< until when this process knows all of the table
  table_audit_kind audit = table_audit_kind::none;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(epoch, alive_at, audit);
  }
};
/// One per partition.
struct table_position_row {
  std::int64_t next = 0;  ///< the next offset to be read
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(next);
  }
};
domain::row_key table_state_key();
domain::row_key table_position_key(std::int32_t partition);

/// Writes rows and waits for it: for threads that may block. Errors: the store's; outcome_unknown after 30 s.
result<void> write_rows(ports::journal& log, std::vector<domain::row_change> rows, timestamp_t now, bool must_sync);

/// Positions are written after what follows from the records is durable: they may lag behind it, and the records come
/// again. Calls that write block; one thread at a time, but for `place_of`, `oldest_place` and `position_of`.
class table_progress {
 public:
  /// A tombstone is kept for seven days (topics.cpp). Who was away for longer than this reads everything again.
  static constexpr std::int64_t away_ms_max = 3LL * 24 * 3600 * 1000;

  /// `outbox`: the name of the bridge that publishes the store's journal.
  table_progress(ports::store store, std::string outbox) : store_(store), outbox_(std::move(outbox)) {}

  /// On the first start of a store the journal so far is not published: it may have lost its beginning, and versions
  /// that left long ago are nobody's business. What the store has is announced instead. Errors: the store's,
  /// corrupt_record.
  result<void> load(timestamp_t now);
  [[nodiscard]] bool is_loaded() const { return loaded_; }

  /// Nullopt: from the beginning.
  [[nodiscard]] std::optional<std::int64_t> position_of(std::int32_t partition) const;
  /// Grows along a partition, and over everything before when the table is read anew.
  [[nodiscard]] std::uint64_t place_of(std::int64_t offset) const;
  [[nodiscard]] std::uint64_t oldest_place() const;
  [[nodiscard]] table_audit_kind audit() const { return state_.audit; }

  /// Forgets the positions: what is read from now on counts more than all before.
  result<void> read_anew(table_audit_kind audit, timestamp_t now);
  /// `read_up_to`: the time of the newest record before these positions.
  result<void> save(const std::map<std::int32_t, std::int64_t>& next, timestamp_t read_up_to, timestamp_t now);
  /// All of the table is known at this moment, and the audit is done.
  result<void> note_complete(timestamp_t now);

 private:
  result<void> read_positions();
  result<void> write_state(table_state_row state, std::vector<domain::row_change> rows, timestamp_t now);
  [[nodiscard]] std::vector<domain::row_change> rows_of_first_start() const;
  [[nodiscard]] std::vector<domain::row_change> rows_without_positions() const;

  const ports::store store_;
  const std::string outbox_;
  std::atomic<bool> loaded_{false};
  table_state_row state_;
  std::atomic<std::uint64_t> epoch_{0};
  mutable std::mutex mutex_;
  std::map<std::int32_t, std::int64_t> positions_;
};

}  // namespace social::kafka
