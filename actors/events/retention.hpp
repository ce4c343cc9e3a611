// Shortens a journal from its beginning. State rows are the truth, the journal is recent history: it is kept for a
// while, and for every configured reader that has not read it yet.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/ports/clock.hpp"
#include "actors/ports/store.hpp"
#include "actors/runtime/node.hpp"

namespace social::events {

/// Sequence of the last event that a reader will never want again, by shard. Errors: nobody knows, so all events stay.
using cursor_source = std::function<result<std::vector<std::uint64_t>>()>;

/// A configured reader of the journal. One that is not configured does not hold anything back.
struct journal_holder {
  std::string name;
  cursor_source cursors;    ///< called on the keeper's thread; may block
  std::uint64_t slack = 0;  ///< events of a shard that it may leave unread for good: it writes its cursor now and then
};

/// The cursors of a subscriber or an outbox, whose rows are in the journal's own store. A reader without a cursor has
/// read nothing. `source` and `rows` outlive what is returned.
cursor_source stored_cursors(std::string name, const ports::journal& source, const ports::row_reader& rows);
/// As above, the rows being in another store: they are synced there before they are believed, for a power cut must not
/// take a cursor back behind what has gone.
cursor_source synced_cursors(std::string name, const ports::journal& source, ports::store effects);

/// rocks_store::trim_journal.
using trim_function =
    std::function<result<std::uint64_t>(shard_t, std::uint64_t hold, timestamp_t before, std::size_t records_max)>;

struct retention_options {
  std::string store;               ///< whose journal; for the log and the admin API
  std::int64_t keep_ms = 0;        ///< every event is kept for at least this long
  std::size_t records_max = 2048;  ///< looked at in one step; between steps the mailbox has its turn
  /// Between two rounds: a tenth of `keep_ms`, within these bounds.
  std::int64_t round_min_ms = 1'000;
  std::int64_t round_max_ms = 60'000;
};

struct holder_status {
  std::string name;
  std::uint64_t unread = 0;     ///< events
  std::int64_t oldest_ms = 0;   ///< age of the oldest of them; 0: none
  bool holds_too_long = false;  ///< that age is beyond the retention, and was so a round ago
  std::string failure;          ///< why its cursors cannot be known
};

struct retention_status {
  std::string store;
  std::int64_t keep_ms = 0;
  std::uint64_t events = 0;    ///< kept
  std::int64_t oldest_ms = 0;  ///< age of the oldest, but for each shard's newest record, which always stays
  std::uint64_t trimmed = 0;   ///< events since the start
  std::uint64_t rounds = 0;    ///< that came to their end
  std::uint64_t failures = 0;  ///< rounds that did not
  std::string last_failure;    ///< empty: the last round went well
  std::vector<holder_status> holders;
};

/// Owned by the composition root; references outlive it, or at least `stop`. An actor of its own thread (detached),
/// because it reads the disk and waits for commits. Its work is cut into steps of one shard and `records_max` records.
class journal_keeper {
 public:
  journal_keeper(runtime::node& node, retention_options options, ports::journal& source, const ports::clock& clock,
                 std::vector<journal_holder> holders, trim_function trim);
  ~journal_keeper();
  journal_keeper(const journal_keeper&) = delete;
  journal_keeper& operator=(const journal_keeper&) = delete;

  [[nodiscard]] retention_status status() const;
  /// When it returns, neither journal nor holders are looked at any more. Waits for one step at most.
  void stop();

 private:
  struct board;
  class runner;
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace social::events
