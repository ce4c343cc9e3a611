// A durable subscriber: reads one journal from its own cursors, hands records over in order, and moves on only when
// they have taken effect.
//
// The cursors (one per shard) live in the store of the effects and are written in the same batch as they, so a kill
// between effect and cursor is not possible. It pulls: the commit thread only signals that heads moved, so a subscriber
// that stalls costs no memory. One that fails tries again with back-off and delays only itself; a record that cannot be
// read holds up its own shard alone. An actor of its own thread (detached), because reading the journal may touch the
// disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/ports/cursor.hpp"
#include "actors/ports/store.hpp"
#include "actors/runtime/node.hpp"

namespace social::events {

using ports::cursor_row;

/// Where a subscriber without cursors starts.
enum class start_from : std::uint8_t {
  beginning,  ///< the oldest event kept
  now,        ///< the head at that moment
};

struct subscriber_options {
  std::string name;
  start_from start = start_from::beginning;
  std::size_t records_max = 256;        ///< handed over at once
  std::size_t bytes_max = 1024 * 1024;  ///< roughly; of one shard's part
  std::int64_t retry_ms = 100;          ///< first delay after a failure; doubles
  std::int64_t retry_max_ms = 10'000;
  /// Between two looks that found something; 0: at once. Under load it makes batches larger; the first event after a
  /// pause does not wait.
  std::int64_t pull_interval_ms = 0;
  /// How often it looks whether the store of the effects has failed since the cursors were read.
  std::int64_t epoch_interval_ms = 500;
};

/// Takes effect of the records and writes `cursors` in the same batch; `done` once that is durable or has failed. There
/// may be cursors without records (the first start of a subscriber from `now`).
using effect = std::function<void(std::vector<ports::journal_record> records, std::vector<domain::row_change> cursors,
                                  std::function<void(result<void>)> done)>;
/// The same where the store of the effects may lose what it has answered for, because nothing there is synced by
/// itself: what was built upon an `epoch` (of that store's journal) must be refused once it has failed since.
using fenced_effect =
    std::function<void(std::vector<ports::journal_record> records, std::vector<domain::row_change> cursors,
                       std::uint64_t epoch, std::function<void(result<void>)> done)>;

/// How far a subscriber is.
struct subscriber_status {
  std::string name;
  std::uint64_t lag = 0;               ///< events between the heads and its cursors; all kept until those are read
  std::uint64_t handled = 0;           ///< records since the start
  std::uint64_t failures = 0;          ///< attempts that failed since the start
  std::uint64_t ahead = 0;             ///< shards that are not read, because their cursor is beyond the journal's head
  std::uint64_t skipped = 0;           ///< events that were gone before it could read them
  std::uint64_t unreadable = 0;        ///< shards that could not be read when last tried; the others go on
  std::string last_failure;            ///< of a batch, or of a shard that cannot be read; empty: all is well
  std::vector<std::uint64_t> cursors;  ///< by shard
};

/// References outlive it. `effects` is the reader of the store that holds the cursors.
class subscriber {
 public:
  subscriber(runtime::node& node, subscriber_options options, ports::journal& source, const ports::row_reader& effects,
             effect take);
  /// Reads its cursors anew whenever `effects` has failed: what was lost there comes again.
  subscriber(runtime::node& node, subscriber_options options, ports::journal& source, const ports::store& effects,
             fenced_effect take);
  ~subscriber();
  subscriber(const subscriber&) = delete;
  subscriber& operator=(const subscriber&) = delete;

  [[nodiscard]] subscriber_status status() const;
  /// When it returns, journal and cursors are not read and no effect is started any more; one under way may still
  /// finish.
  void stop();

 private:
  struct shared_status;
  class runner;
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace social::events
