// The planner's other half: what was pending at the start, and the lanes that deliveries are handed to.
#include <algorithm>
#include <limits>

#include "actors/push/lane_actor.hpp"
#include "actors/push/planner_actor.hpp"

namespace social::push {
namespace {

constexpr auto everything = std::numeric_limits<std::uint64_t>::max();

}  // namespace

// --- start

/// A store that failed may have lost what it had answered for and not synced yet, and may hold what it has refused: all
/// that is known of it is read again, as at the start. Lanes know what they have by name, so nothing is sent twice.
void planner_actor::notice_failed_store() {
  const auto current = env_->store.log->epoch();
  if (current == epoch_) return;
  if (epoch_ != 0) {
    recovered_ = false;
    jobs_recovered_ = false;
    recover_after_.reset();
    jobs_.clear();
    next_window_ = 0;
    journal_moved_ = true;
    env_->numbers.pending = 0;
    pending_in_doubt_ = true;
  }
  epoch_ = current;
}

/// Whether a lane's write that failed had removed its delivery shows to nobody: it writes the same once more, and takes
/// off the count what may not be in it; and what is settled while the rows are counted is counted or not. So when none
/// is in the store, and no lane has one in hand, none is counted. Looked at in this order: what a lane takes in hand
/// after the look at the store is not there, and what it had read before is in its hand until it is off the count.
bool planner_actor::recount() {
  auto& numbers = env_->numbers;
  if (!pending_in_doubt_ || now() < next_recount_) return false;
  next_recount_ = now() + env_->options.store_retry_ms;
  const auto first = env_->store.rows->scan_table(domain::table::delivery_due, std::nullopt, everything, 1);
  if (first.what != ports::row_value::status::found) return later(next_recount_, first.failure), false;
  if (!first.rows.empty() || numbers.in_hand != 0) return false;
  numbers.pending = 0;
  pending_in_doubt_ = false;
  return false;
}

bool planner_actor::recover() {
  if (now() < next_recover_) return false;
  if (!jobs_recovered_) {
    if (!recover_cursors() || !recover_jobs()) return false;
    jobs_recovered_ = true;
  }
  const auto page =
      env_->store.rows->scan_table(domain::table::delivery_due, recover_after_, everything, env_->options.purge_chunk);
  if (page.what != ports::row_value::status::found) return later(next_recover_, page.failure), false;
  for (const auto& row : page.rows) {
    // Rows lie lane by lane, and in a lane by time: its first row says where it begins.
    if (!recover_after_ || recover_after_->a != row.key.a)
      if (const auto due = decode_record<due_row>(row.bytes))
        remember_origin(due->origin, static_cast<timestamp_t>(row.key.b));
    recover_after_ = row.key;
  }
  env_->numbers.pending += static_cast<std::int64_t>(page.rows.size());
  if (page.rows.size() < env_->options.purge_chunk) {
    recovered_ = true;
    if (env_->numbers.pending > 0)
      log::info("push", "deliveries wait from before", {{"deliveries", env_->numbers.pending.load()}});
  }
  return true;
}

/// False: it is tried again later.
bool planner_actor::recover_cursors() {
  draft rows(*env_->store.rows);
  reacting_.assign(env_->store.log->shards(), {});
  for (std::size_t shard = 0; shard < reacting_.size(); ++shard)
    if (const auto row = rows.get<reaction_cursor_row>(reaction_cursor_key(shard)))
      reacting_[shard].cursor = reacting_[shard].written_cursor = row->position;
  if (rows.failure()) return later(next_recover_, *rows.failure()), false;
  next_reaction_ = 0;
  return true;
}

/// False: it is tried again later.
bool planner_actor::recover_jobs() {
  const auto found = env_->store.rows->scan_table(domain::table::fan_out, std::nullopt, everything, jobs_max);
  if (found.what != ports::row_value::status::found) return later(next_recover_, found.failure), false;
  jobs_forgotten_ = found.rows.size() == jobs_max;
  for (const auto& row : found.rows)
    if (const auto job = decode_record<fan_out_row>(row.bytes))
      jobs_.push_back({row.key, job->created, job->done_up_to});
  std::ranges::stable_sort(jobs_, {}, &job::created);
  return true;
}

// --- lanes

void planner_actor::hand_out(const std::vector<planned_delivery>& deliveries) {
  std::map<std::string, std::vector<lane_entry>> by_origin;
  for (const auto& d : deliveries) by_origin[d.origin].push_back({d.name, d.created, d.created, d.expires});
  for (auto& [origin, entries] : by_origin) offer(origin, std::move(entries));
}

void planner_actor::offer(const std::string& origin, std::vector<lane_entry> entries) {
  const auto due = entries.front().due;
  if (auto* slot = lane_for(origin, due)) caf::anon_send(slot->handle, offer_deliveries{std::move(entries)});
}

void planner_actor::wake_lane(const std::string& origin, timestamp_t due) {
  if (auto* slot = lane_for(origin, due)) caf::anon_send(slot->handle, work_in_store{due});
}

/// Nothing when the work has to wait in the store: no lane may be started now, or the old one has not ended yet. Two
/// lanes of one origin would send everything twice.
planner_actor::lane_slot* planner_actor::lane_for(const std::string& origin, timestamp_t due) {
  const auto found = lanes_.find(origin);
  if (found != lanes_.end()) {
    auto& slot = found->second;
    if (!slot.retiring) return &slot;
    slot.stored_due = slot.stored_due ? std::min(*slot.stored_due, due) : due;
    return nullptr;
  }
  if (ending_) return nullptr;
  if (lanes_.size() >= env_->options.lanes_max) {
    remember_origin(origin, due);
    return nullptr;
  }
  auto& slot = lanes_[origin];
  slot.handle =
      home_system().spawn<lane_actor>(env_, ++lanes_started_, origin, workers_, caf::actor_cast<planner_handle>(this));
  monitor(slot.handle);
  return &slot;
}

void planner_actor::remember_origin(const std::string& origin, timestamp_t due) {
  const auto found = std::ranges::find(origins_waiting_, origin, &waiting_origin::origin);
  if (found != origins_waiting_.end()) {
    found->due = std::min(found->due, due);
  } else if (origins_waiting_.size() < 4 * env_->options.lanes_max) {
    origins_waiting_.push_back({origin, due});
  } else {
    origins_forgotten_ = true;
  }
}

bool planner_actor::find_waiting_lanes() {
  if (now() < next_rescan_) return false;
  if (origins_waiting_.empty() && origins_forgotten_) rescan_origins();
  while (!origins_waiting_.empty() && lanes_.size() < env_->options.lanes_max) {
    const auto next = std::move(origins_waiting_.front());
    origins_waiting_.pop_front();
    wake_lane(next.origin, next.due);
  }
  if (!origins_waiting_.empty()) {
    make_lane_room();
    next_rescan_ = now() + env_->options.store_retry_ms;
  }
  return false;
}

/// One row of each lane, by leaping from the end of one to the beginning of the next.
void planner_actor::rescan_origins() {
  origins_forgotten_ = false;
  std::optional<domain::row_key> after;
  for (;;) {
    const auto page = env_->store.rows->scan_table(domain::table::delivery_due, after, everything, 1);
    if (page.rows.empty() || origins_forgotten_) return;
    const auto& row = page.rows.front();
    const auto due = decode_record<due_row>(row.bytes);
    if (due && !lanes_.contains(due->origin)) remember_origin(due->origin, static_cast<timestamp_t>(row.key.b));
    after = domain::row_key{domain::table::delivery_due, row.key.a, everything, {}};
  }
}

/// One lane without work, or else one that rests, makes way: what it knew of its service is learnt again.
void planner_actor::make_lane_room() {
  if (std::ranges::any_of(lanes_, [](const auto& slot) { return slot.second.retiring; })) return;
  const auto reports = env_->numbers.lanes();
  const auto without_work = [](const lane_report& r) { return r.queued == 0 && r.under_way == 0 && !r.work_in_store; };
  const auto resting = [](const lane_report& r) { return r.under_way == 0 && r.state == lane_state::waiting; };
  auto chosen = std::ranges::find_if(reports, without_work);
  if (chosen == reports.end()) chosen = std::ranges::find_if(reports, resting);
  if (chosen == reports.end()) return;
  if (const auto slot = lanes_.find(chosen->origin); slot != lanes_.end()) retire(slot->second);
}

void planner_actor::retire(lane_slot& slot) {
  if (std::exchange(slot.retiring, true)) return;
  caf::anon_send(slot.handle, retire_lane{});
}

void planner_actor::on_lane_ended(const lane_has_ended& message) {
  const auto slot = lanes_.find(message.origin);
  if (slot == lanes_.end()) return;
  auto due = slot->second.stored_due;
  if (message.stored_due) due = due ? std::min(*due, *message.stored_due) : *message.stored_due;
  lanes_.erase(slot);
  next_rescan_ = 0;
  if (due) remember_origin(message.origin, *due);
}

/// A lane that failed: what it had under way may go out twice, with the same topic and tag. Not at once, lest it fail
/// in a circle.
void planner_actor::on_lane_down(const caf::actor_addr& lane) {
  const auto slot = std::ranges::find_if(lanes_, [&](const auto& s) { return s.second.handle == lane; });
  if (slot == lanes_.end()) return;  // it said its last word before
  const auto origin = slot->first;
  log::error("push", "a lane has failed and is started again", {{"origin", origin}});
  lanes_.erase(slot);
  if (!ending_) remember_origin(origin, 0);
  next_rescan_ = now() + env_->options.store_retry_ms;
}

}  // namespace social::push
