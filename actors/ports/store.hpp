// The store as shells see it: append what happened, read rows, take ids. Implemented in storage/ over RocksDB; a
// journal on Kafka is a later implementation of the same ports. Everything here may be called from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/result.hpp"
#include "actors/domain/aggregate.hpp"
#include "actors/domain/row.hpp"

namespace social::ports {

/// One command's outcome: its events, state, views and counters, written in one batch or not at all.
struct commit_request {
  shard_t shard = 0;
  timestamp_t time = 0;
  std::string trace;
  std::vector<domain::encoded_event> events;  ///< may be empty (rows only, e.g. cursors): no journal record then
  std::vector<domain::row_change> rows;
  /// `journal::epoch()` as it was before the state was read that this request builds upon; refused with
  /// store_unavailable when the store has failed since, for the base may never have been written. 0: builds on nothing.
  std::uint64_t epoch = 0;
  /// Synced before the callback even with durability=async, and even where the store's own default needs no fsync.
  bool must_sync = false;
  /// Effects that another journal replays after a power cut need no fsync of their own; ignored when must_sync.
  bool may_skip_sync = false;
};

/// First journal sequence given to the request's events (0 when it had none), or
/// outcome_unknown (the batch failed; it may be there after reopening), store_unavailable (nothing was done).
/// Runs on the commit thread: must not block, must not throw.
using commit_callback = std::function<void(result<std::uint64_t>)>;

/// One command's events in the journal. Event i has sequence first_sequence + i and id "<shard>-<sequence>".
struct journal_record {
  shard_t shard = 0;
  std::uint64_t first_sequence = 0;
  timestamp_t time = 0;
  std::string trace;
  std::vector<domain::encoded_event> events;
};

class journal {
 public:
  virtual ~journal() = default;

  /// Takes a place in the bounded queue for one later `submit`. False: the queue is full or the store takes no writes;
  /// the caller refuses its command (overloaded / store_unavailable as `refusal()` says) before deciding anything.
  virtual bool reserve() = 0;
  /// Gives a reserved place back unused.
  virtual void release() = 0;
  /// Why reserve() says no at the moment.
  virtual error refusal() const = 0;
  /// Queues the request under a reserved place. The callback runs exactly once. Requests of one thread are committed
  /// in the order they are submitted.
  virtual void submit(commit_request request, commit_callback done) = 0;

  /// Records with events after `after` (sequence of the last event seen), in order, at most `records_max` and roughly
  /// `bytes_max`; empty at the head. Never beyond the synced head. Errors: corrupt_record names shard and sequence.
  virtual result<std::vector<journal_record>> read(shard_t shard, std::uint64_t after, std::size_t records_max,
                                                   std::size_t bytes_max) const = 0;
  /// The same over `out`, for a reader that reads all day: its records keep the memory of their texts. The first of
  /// them become what was read, what lies behind them means nothing. Gives how many were read.
  virtual result<std::size_t> read_over(shard_t shard, std::uint64_t after, std::size_t records_max,
                                        std::size_t bytes_max, std::vector<journal_record>& out) const {
    auto records = read(shard, after, records_max, bytes_max);
    if (!records) return records.error();
    out = std::move(*records);
    return out.size();
  }
  /// Sequence of the newest event that readers may see; 0: none yet.
  virtual std::uint64_t head(shard_t shard) const = 0;
  /// Oldest sequence still kept; 0: none.
  virtual std::uint64_t oldest(shard_t shard) const = 0;
  /// Called on the commit thread after heads moved, with nothing but the fact; must not block. Returns a number for
  /// `unwatch`. After unwatch has returned the callback is not running and will not run.
  virtual std::uint64_t watch(std::function<void()> moved) = 0;
  virtual void unwatch(std::uint64_t watcher) = 0;

  /// Starts at 1 and grows with every failed write: what was decided on speculative state of an older epoch is void.
  virtual std::uint64_t epoch() const = 0;

  virtual shard_t shards() const = 0;
  /// Random id of this store, made with it; part of `ce_source`.
  virtual const std::string& store_id() const = 0;
};

/// How far a read may go.
enum class read_tier : std::uint8_t {
  cache_only,  ///< never touches the disk: says `would_block` instead
  disk,        ///< detached readers only
};

struct row_value {
  enum class status : std::uint8_t { found, absent, would_block, failed };
  status what = status::absent;
  std::string bytes;  ///< when found
  error failure;      ///< when failed
};

struct scan_request {
  domain::table where = domain::table::state;
  std::uint64_t a = 0;
  /// Start after this b in the table's own order (descending in newest-first tables); nullopt: from the beginning.
  std::optional<std::uint64_t> after_b;
  std::size_t skip = 0;
  std::size_t rows_max = 0;
};

struct scanned_row {
  domain::row_key key;
  std::string bytes;
};

struct scan_result {
  row_value::status what = row_value::status::found;  ///< found, would_block or failed
  std::vector<scanned_row> rows;
  error failure;
};

/// A consistent view of all committed rows; cheap, but not to be kept for long (it holds back compaction).
class snapshot {
 public:
  virtual ~snapshot() = default;
};

class row_reader {
 public:
  virtual ~row_reader() = default;
  /// `at` null: the newest committed rows.
  virtual row_value get(const domain::row_key& key, read_tier tier, const snapshot* at = nullptr) const = 0;
  /// Same order as the keys; one would_block or failure stands for itself only.
  virtual std::vector<row_value> get_many(const std::vector<domain::row_key>& keys, read_tier tier,
                                          const snapshot* at = nullptr) const = 0;
  /// Rows of one (table, a) by b.
  virtual scan_result scan(const scan_request& request, read_tier tier, const snapshot* at = nullptr) const = 0;
  /// Rows of a whole table in key order (a, then b, then text), starting strictly after `after` when given and ending
  /// before rows whose a exceeds `a_max`. For work queues, fan-outs and start-up; disk tier.
  virtual scan_result scan_table(domain::table where, const std::optional<domain::row_key>& after, std::uint64_t a_max,
                                 std::size_t rows_max, const snapshot* at = nullptr) const = 0;
  virtual std::shared_ptr<const snapshot> take_snapshot() const = 0;
};

/// Ids come from blocks of 1,024 per (kind, shard) whose upper end is synced before the first of them is used.
class id_source {
 public:
  virtual ~id_source() = default;
  /// The next id, or 0 when the block is used up: call `refill` and try again when it is done. Starts a refill by
  /// itself when the block runs low, so that 0 is rare.
  virtual id_t take(domain::aggregate_kind kind, shard_t shard) = 0;
  /// `done` runs on the commit thread; store_unavailable or outcome_unknown when no block could be synced.
  virtual void refill(domain::aggregate_kind kind, shard_t shard, std::function<void(result<void>)> done) = 0;
};

/// What a node needs of its store, in one hand.
struct store {
  journal* log = nullptr;
  row_reader* rows = nullptr;
  id_source* ids = nullptr;
};

}  // namespace social::ports
