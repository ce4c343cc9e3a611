// One push service: what waits for it, how fast it may be asked, whether it can be asked at all. A state machine
// without clock, network or store; everything comes as an argument, so that a test can play a day in a moment.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "actors/push/answers.hpp"
#include "actors/push/options.hpp"
#include "actors/push/rows.hpp"

namespace social::push {

/// A delivery as a lane keeps it in memory; the rest of it is in its row.
struct lane_entry {
  delivery_name name;
  std::int64_t due = 0;  ///< of its delivery_due row
  std::int64_t created = 0;
  std::int64_t expires = 0;
};

/// Numbers are metrics labels in this order.
enum class lane_state : std::uint8_t {
  flowing,      ///< deliveries go out
  waiting,      ///< until a time: back-off or Retry-After
  probing,      ///< one delivery finds out whether the service is back
  key_refused,  ///< the service refuses our key: stopped until the next start
  no_subject,   ///< `push.subject` is missing: stopped until the next start
};
std::string_view to_string(lane_state value) noexcept;

struct refusal_history {
  std::uint32_t failures = 0;  ///< of the device, in a row, this one included
  std::int64_t first_failure_at = 0;
  bool ever_accepted = false;
};

/// Owned by one lane actor; called by one thread at a time.
///
/// Fairness: people take turns, one delivery each. Memory holds at most `lane_queue_max` entries; when it is full,
/// somebody who has less waiting than the one with most takes a place of theirs, which stays in the store and is read
/// again later.
class lane {
 public:
  /// `needs_subject`: this origin may not be sent to at all.
  lane(std::string origin, const push_options& options, bool needs_subject);

  // --- work in
  /// Takes it into memory if there is a place; otherwise it stays in the store and is read later. One that is here
  /// already is left as it is; under another time it is looked for in the store once it is finished here: a store that
  /// failed may have lost it, and it was planned again.
  void offer(const lane_entry& entry);
  /// The store holds something for this lane from `due` on: written by somebody else, or put back.
  void note_stored(timestamp_t due);

  /// What to read from the store: entries due from `from` (a lower bound) to now, at most `rows_max`, some of which may
  /// be here already. Nothing when there is no room, nothing to expect, or a read is under way.
  struct load {
    timestamp_t from = 0;
    std::size_t rows_max = 0;
  };
  std::optional<load> wants_load(timestamp_t now);
  /// The answer: rows in order, `next_due` the time of the first that is not due yet.
  void loaded(const std::vector<lane_entry>& rows, bool more, std::optional<timestamp_t> next_due);
  void load_failed(timestamp_t retry_at);

  /// The store is looked through for expired deliveries, and memory is emptied into it. False: not now, a read is under
  /// way.
  bool begin_sweep();
  /// Queued or under way.
  [[nodiscard]] bool is_here(const delivery_name& name) const { return here_.contains(name.text()); }
  /// `first_due`: of what is left; nothing: the store holds nothing for this lane.
  void swept(std::optional<timestamp_t> first_due);

  // --- work out
  /// The next delivery to send, if one may be sent now. It counts as under way until `finished`.
  std::optional<lane_entry> next(timestamp_t now);
  /// It is answered, or came to nothing, and the store knows.
  void finished(const lane_entry& entry);

  /// It came to nothing, through no fault of its own: it is read again from the store, not before `retry_at`.
  void put_back(const lane_entry& entry, timestamp_t retry_at);

  /// What the service answered, as soon as it has. `random` picks within the back-off.
  void answered(const judgement& answer, std::uint64_t device, std::string_view key_id, timestamp_t now,
                std::uint64_t random);
  /// This subscription is refused while others under the same key are not: it may be deleted.
  [[nodiscard]] bool may_delete_refused(const refusal_history& history, std::uint64_t device, std::string_view key_id,
                                        timestamp_t now) const;

  // --- what it is
  /// When to call again; nothing: not before something happens.
  [[nodiscard]] std::optional<timestamp_t> wake_at(timestamp_t now) const;
  [[nodiscard]] lane_state state() const noexcept { return state_; }
  [[nodiscard]] timestamp_t waits_until() const noexcept { return wait_until_; }
  /// True when nothing goes out at the moment, so that expired deliveries have to be looked for.
  [[nodiscard]] bool stands_still() const noexcept;
  [[nodiscard]] std::size_t queued() const noexcept { return queued_; }
  [[nodiscard]] std::size_t under_way() const noexcept { return under_way_; }
  /// Nothing in memory and nothing known to be in the store.
  [[nodiscard]] bool idle() const noexcept { return here_.empty() && !stored_due_ && !reading_; }
  [[nodiscard]] bool reading() const noexcept { return reading_; }
  /// The earliest moment at which the store has work for this lane, as far as known.
  [[nodiscard]] std::optional<timestamp_t> stored_due() const noexcept { return stored_due_; }
  /// Creation of the oldest delivery in memory; nothing when there is none.
  [[nodiscard]] std::optional<timestamp_t> oldest_created() const;
  [[nodiscard]] const std::string& origin() const noexcept { return origin_; }
  /// True once after the lane stopped because our key was refused.
  bool take_alarm() noexcept { return std::exchange(alarm_, false); }

 private:
  using user_queue = std::deque<lane_entry>;
  struct presence {
    timestamp_t created = 0;
    timestamp_t due = 0;
    std::optional<timestamp_t> also_due;  ///< it has another place in the order of work
  };

  void forget(const lane_entry& entry);
  void note_alive();
  void note_failure(timestamp_t now, std::uint64_t random, bool at_once);
  void rest_until(timestamp_t when) noexcept;
  void note_accepted(std::uint64_t device, std::string_view key_id, timestamp_t now);
  void note_refused(std::uint64_t device, timestamp_t now);
  bool make_room_for(std::uint64_t user);
  [[nodiscard]] bool sends() const noexcept { return state_ == lane_state::flowing || state_ == lane_state::probing; }

  const std::string origin_;
  const push_options& options_;
  lane_state state_ = lane_state::flowing;
  timestamp_t wait_until_ = 0;
  bool asked_to_wait_ = false;  ///< Retry-After: no success ends it early
  std::uint32_t failures_in_row_ = 0;
  std::uint32_t rests_in_row_ = 0;  ///< how often the breaker has opened since the last sign of life

  std::unordered_map<std::uint64_t, user_queue> queues_;  ///< by user; none is empty
  std::list<std::uint64_t> turns_;                        ///< users in the order of their turns
  std::unordered_map<std::string, presence> here_;        ///< by name: queued or under way
  std::size_t queued_ = 0;
  std::size_t under_way_ = 0;

  bool reading_ = false;
  timestamp_t reading_from_ = 0;
  std::optional<timestamp_t> stored_due_;  ///< rows of the store that are not here begin at this time
  timestamp_t load_not_before_ = 0;

  struct success {
    std::uint64_t device = 0;
    timestamp_t at = 0;
  };
  struct refusals {
    std::size_t in_row = 0;
    std::unordered_set<std::uint64_t> devices;
  };
  std::unordered_map<std::string, std::vector<success>> successes_;  ///< by key: newest of the two last devices
  std::optional<timestamp_t> last_accepted_at_;
  refusals refusals_;
  bool alarm_ = false;
};

}  // namespace social::push
