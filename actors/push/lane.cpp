#include "actors/push/lane.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace social::push {

std::string_view to_string(lane_state value) noexcept {
  static constexpr std::array<std::string_view, 5> words = {"flowing", "waiting", "probing", "key-refused",
                                                            "no-subject"};
  return words[static_cast<std::size_t>(value)];
}

lane::lane(std::string origin, const push_options& options, bool needs_subject)
    : origin_(std::move(origin)),
      options_(options),
      state_(needs_subject ? lane_state::no_subject : lane_state::flowing) {}

bool lane::stands_still() const noexcept {
  return !sends();
}

void lane::note_stored(timestamp_t due) {
  stored_due_ = stored_due_ ? std::min(*stored_due_, due) : due;
}

void lane::offer(const lane_entry& entry) {
  auto name = entry.name.text();
  if (const auto known = here_.find(name); known != here_.end()) {
    auto& [created, due, also_due] = known->second;
    if (entry.due != due) also_due = also_due ? std::min(*also_due, entry.due) : entry.due;
    return;
  }
  if (stands_still() || (queued_ >= options_.lane_queue_max && !make_room_for(entry.name.user)))
    return note_stored(entry.due);
  here_.emplace(std::move(name), presence{entry.created, entry.due, {}});
  auto& queue = queues_[entry.name.user];
  if (queue.empty()) turns_.push_back(entry.name.user);
  queue.push_back(entry);
  ++queued_;
}

bool lane::make_room_for(std::uint64_t user) {
  const auto most = std::ranges::max_element(queues_, {}, [](const auto& q) { return q.second.size(); });
  if (most == queues_.end()) return false;
  const auto own = queues_.find(user);
  if ((own == queues_.end() ? 0 : own->second.size()) + 1 >= most->second.size()) return false;
  // It has at least two entries, so it does not become empty.
  forget(most->second.back());
  note_stored(most->second.back().due);
  most->second.pop_back();
  --queued_;
  return true;
}

void lane::forget(const lane_entry& entry) {
  const auto known = here_.find(entry.name.text());
  if (known == here_.end()) return;
  if (known->second.also_due) note_stored(*known->second.also_due);
  here_.erase(known);
}

std::optional<lane::load> lane::wants_load(timestamp_t now) {
  if (reading_ || !sends() || !stored_due_ || *stored_due_ > now || now < load_not_before_) return std::nullopt;
  if (queued_ > options_.lane_queue_max / 2) return std::nullopt;
  reading_ = true;
  reading_from_ = *stored_due_;
  stored_due_.reset();
  return load{reading_from_, options_.lane_queue_max - queued_ + here_.size()};
}

void lane::loaded(const std::vector<lane_entry>& rows, bool more, std::optional<timestamp_t> next_due) {
  assert(reading_);
  reading_ = false;
  for (const auto& row : rows) offer(row);
  if (more && !rows.empty()) note_stored(rows.back().due);
  if (next_due) note_stored(*next_due);
}

void lane::load_failed(timestamp_t retry_at) {
  assert(reading_);
  reading_ = false;
  load_not_before_ = retry_at;
  note_stored(reading_from_);
}

bool lane::begin_sweep() {
  if (reading_) return false;
  reading_ = true;
  stored_due_.reset();
  for (const auto& [user, queue] : queues_)
    for (const auto& entry : queue) forget(entry);
  queues_.clear();
  turns_.clear();
  queued_ = 0;
  return true;
}

void lane::swept(std::optional<timestamp_t> first_due) {
  assert(reading_);
  reading_ = false;
  if (first_due) note_stored(*first_due);
}

std::optional<lane_entry> lane::next(timestamp_t now) {
  if (state_ == lane_state::waiting && now >= wait_until_) state_ = lane_state::probing;
  if (!sends() || queued_ == 0) return std::nullopt;
  if (under_way_ >= (state_ == lane_state::probing ? 1 : options_.lane_requests_max)) return std::nullopt;

  const auto user = turns_.front();
  turns_.pop_front();
  const auto queue = queues_.find(user);
  assert(queue != queues_.end() && !queue->second.empty());
  auto entry = std::move(queue->second.front());
  queue->second.pop_front();
  if (queue->second.empty())
    queues_.erase(queue);
  else
    turns_.push_back(user);
  --queued_;
  ++under_way_;
  return entry;
}

void lane::finished(const lane_entry& entry) {
  assert(under_way_ > 0);
  --under_way_;
  forget(entry);
}

void lane::put_back(const lane_entry& entry, timestamp_t retry_at) {
  finished(entry);
  note_stored(entry.due);
  load_not_before_ = retry_at;
}

void lane::answered(const judgement& answer, std::uint64_t device, std::string_view key_id, timestamp_t now,
                    std::uint64_t random) {
  switch (answer.what) {
    case verdict::accepted:
      note_alive();
      note_accepted(device, key_id, now);
      break;
    case verdict::refused:
      note_alive();
      note_refused(device, now);
      break;
    case verdict::gone:
    case verdict::too_large:
    case verdict::rejected:
      note_alive();
      break;
    case verdict::wait:
      asked_to_wait_ = true;
      rest_until(now + answer.wait_ms);
      break;
    case verdict::slow_down:
      note_failure(now, random, true);
      break;
    case verdict::failed:
      note_failure(now, random, false);
      break;
    case verdict::undeliverable:
    case verdict::interrupted:
      break;
  }
}

void lane::note_alive() {
  failures_in_row_ = 0;
  rests_in_row_ = 0;
  // What was sent before the service asked us to wait does not end the wait.
  if (state_ == lane_state::waiting && asked_to_wait_) return;
  if (state_ == lane_state::waiting || state_ == lane_state::probing) state_ = lane_state::flowing;
  asked_to_wait_ = false;
}

void lane::note_failure(timestamp_t now, std::uint64_t random, bool at_once) {
  if (!sends()) return;  // resting already: what was under way says nothing new
  ++failures_in_row_;
  if (!at_once && state_ != lane_state::probing && failures_in_row_ < options_.breaker_failures) return;
  failures_in_row_ = 0;
  ++rests_in_row_;
  rest_until(now + 1 + jittered_ms(rests_in_row_, options_.retry_first_ms, options_.retry_max_ms, random));
}

void lane::rest_until(timestamp_t when) noexcept {
  if (state_ == lane_state::key_refused || state_ == lane_state::no_subject) return;
  wait_until_ = state_ == lane_state::waiting ? std::max(wait_until_, when) : when;
  state_ = lane_state::waiting;
}

void lane::note_accepted(std::uint64_t device, std::string_view key_id, timestamp_t now) {
  last_accepted_at_ = now;
  refusals_ = {};
  if (state_ == lane_state::key_refused) state_ = lane_state::flowing;  // sent before the stop: the key is good
  auto& devices = successes_[std::string(key_id)];
  std::erase_if(devices, [&](const success& s) { return s.device == device; });
  devices.insert(devices.begin(), {device, now});
  if (devices.size() > 2) devices.pop_back();
}

void lane::note_refused(std::uint64_t device, timestamp_t now) {
  ++refusals_.in_row;
  if (refusals_.devices.size() < options_.key_refusal_subscriptions) refusals_.devices.insert(device);
  const bool quiet = !last_accepted_at_ || now - *last_accepted_at_ >= options_.key_quiet_ms;
  if (refusals_.in_row < options_.key_refusals || !quiet || !sends()) return;
  if (refusals_.devices.size() < options_.key_refusal_subscriptions) return;
  state_ = lane_state::key_refused;
  alarm_ = true;
}

bool lane::may_delete_refused(const refusal_history& history, std::uint64_t device, std::string_view key_id,
                              timestamp_t now) const {
  if (history.failures < options_.device_refusals) return false;
  if (history.ever_accepted && now - history.first_failure_at < options_.device_refusal_age_ms) return false;
  const auto found = successes_.find(std::string(key_id));
  if (found == successes_.end()) return false;
  return std::ranges::any_of(found->second,
                             [&](const success& s) { return s.device != device && s.at >= history.first_failure_at; });
}

std::optional<timestamp_t> lane::wake_at(timestamp_t now) const {
  if (state_ == lane_state::waiting) return wait_until_;
  if (!sends() || !stored_due_ || reading_) return std::nullopt;
  const auto when = std::max(*stored_due_, load_not_before_);
  if (when > now) return when;
  return std::nullopt;  // there is no room: the next answer makes some
}

std::optional<timestamp_t> lane::oldest_created() const {
  if (here_.empty()) return std::nullopt;
  return std::ranges::min_element(here_, {}, [](const auto& e) { return e.second.created; })->second.created;
}

}  // namespace social::push
