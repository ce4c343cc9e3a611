// Who is told what: turns events into delivery rows, windows and jobs. Reads rows, writes nothing: what it plans is a
// list of changes for one commit.
#pragma once

#include <string>
#include <vector>

#include "actors/domain/subscription/state.hpp"
#include "actors/ports/store.hpp"
#include "actors/protocol/public_event.hpp"
#include "actors/push/draft.hpp"
#include "actors/push/gather.hpp"
#include "actors/push/options.hpp"
#include "actors/push/rows.hpp"

namespace social::push {

/// A delivery that a lane will get once the plan is committed.
struct planned_delivery {
  delivery_name name;
  std::string origin;
  std::int64_t created = 0;
  std::int64_t expires = 0;
};

/// The outcome of one step, to be committed as a whole.
struct plan {
  std::vector<domain::row_change> changes;
  std::vector<planned_delivery> deliveries;
  std::vector<std::int64_t> window_ends;  ///< of windows opened
  std::vector<domain::row_key> jobs;      ///< fan-outs begun
  std::uint64_t duplicates = 0;
  std::uint64_t expired = 0;     ///< events older than the TTL
  std::uint64_t gathered = 0;    ///< deeds that wait in a window
  std::uint64_t nobody = 0;      ///< events that concern nobody: one's own deed, no device
  bool more = false;             ///< the same step again: there is more to do
  std::uint64_t done_up_to = 0;  ///< fan-outs: the last person expanded
};

/// Called by one actor that may block; keeps no state of its own.
class planner {
 public:
  /// Both outlive it.
  planner(const ports::row_reader& rows, const push_options& options) : rows_(rows), options_(options) {}

  /// Errors: what reading met; nothing may be committed then.
  [[nodiscard]] result<plan> plan_events(const std::vector<protocol::push_event>& events, timestamp_t now) const;
  /// The next chunk of people for several fan-outs that have come equally far: one pass over everybody's devices serves
  /// them all, so that a hundred joins in a minute do not cost a hundred passes.
  [[nodiscard]] result<plan> plan_fan_outs(const std::vector<domain::row_key>& jobs, timestamp_t now) const;
  /// Windows that have ended.
  [[nodiscard]] result<plan> plan_ended_windows(timestamp_t now) const;
  /// Event ids that need no longer be remembered.
  [[nodiscard]] result<plan> plan_forgetting(timestamp_t now) const;

 private:
  struct step;

  struct running_job;
  [[nodiscard]] std::vector<running_job> running_jobs(step& s, const std::vector<domain::row_key>& jobs) const;
  void plan_event(step& s, const protocol::push_event& event) const;
  void tell(step& s, const protocol::push_event& event, std::uint64_t user) const;
  void tell_device(step& s, const protocol::push_event& event, std::uint64_t user,
                   const domain::subscription::device& device) const;
  void deliver(step& s, const protocol::push_event& event, std::uint64_t user,
               const domain::subscription::device& device, std::uint64_t others, bool from_window) const;
  void open_window(step& s, const gather_name& name, const gather_row& window) const;
  void end_window(step& s, const gather_name& name) const;
  [[nodiscard]] std::int64_t interval_of(const protocol::push_event& event) const;

  const ports::row_reader& rows_;
  const push_options& options_;
};

}  // namespace social::push
