// When partitions of the feed are paused, and how far it shows that it is.
#include <algorithm>

#include "actors/kafka/push/feed_handler.hpp"

namespace social::kafka {

// --- flow

/// Below the limits; what was stopped at one goes on from its half.
bool feed_handler::has_room(const load& open, std::size_t others, std::size_t records_max, bool flowing) const {
  const std::size_t part = flowing ? 1 : 2;
  return open.records + others < std::max<std::size_t>(records_max / part, 1) &&
         open.bytes < std::max<std::size_t>(options_.bytes_under_way_max / part, 1);
}

bool feed_handler::events_may_flow() {
  const bool failing = !batch_.empty() && !batch_is_outside_;
  table_is_current_ = !parts_.table_is_current || parts_.table_is_current();
  events_flow_ = caught_up_ && table_is_current_ && !full_ && !failing &&
                 has_room(letters_open_, waiting_.size() + batch_.size(), options_.events_under_way_max, events_flow_);
  return events_flow_;
}

bool feed_handler::requests_may_flow() {
  requests_flow_ = caught_up_ && has_room(requests_open_, 0, options_.requests_under_way_max, requests_flow_);
  return requests_flow_;
}

void feed_handler::set_flow(group_control& control) {
  const auto events = events_may_flow() ? flow::flowing : flow::paused;
  const auto requests = requests_may_flow() ? flow::flowing : flow::paused;
  std::vector<topic_partition> stop;
  std::vector<topic_partition> go;
  for (auto& [where, now] : flows_) {
    auto wanted = is_request(where) ? requests : events;
    if (tracker_.held(where) >= options_.records_behind_one_max) wanted = flow::paused;
    if (now == wanted) continue;
    now = wanted;
    (wanted == flow::flowing ? go : stop).push_back(where);
  }
  if (!stop.empty()) control.pause(stop);
  if (!go.empty()) control.resume(go);
}

// --- status

void feed_handler::publish() {
  const auto ends = ends_ ? ends_() : std::map<topic_partition, std::int64_t>();
  const auto starts = starts_ ? starts_() : std::map<topic_partition, partition_start>();
  std::vector<partition_lag> lags;
  lags.reserve(flows_.size());
  for (const auto& [where, now] : flows_) {
    const auto end = ends.find(where);
    const auto start = starts.find(where);
    lags.push_back(
        lag_of(where, end == ends.end() ? -1 : end->second, start == starts.end() ? partition_start{} : start->second));
    lags.back().paused = now == flow::paused;
  }
  const std::lock_guard lock(status_mutex_);
  status_.lags = std::move(lags);
  status_.events = events_;
  status_.poison = poison_;
  status_.failures = failures_;
  status_.under_way = tracker_.open();
  status_.caught_up = caught_up_;
  status_.table_is_current = table_is_current_;
  status_.paused_for_load = full_ || (caught_up_ && table_is_current_ && !events_flow_);
  status_.last_failure = last_failure_;
}

/// Before the first record is handed over, which may be long after the assignment, the group's own place counts.
partition_lag feed_handler::lag_of(const topic_partition& where, std::int64_t end, const partition_start& start) {
  const auto wall = parts_.clock->now();
  const auto progress = tracker_.of(where);
  const bool untouched = progress.next < 0;
  partition_lag lag;
  lag.where = where;
  lag.position = untouched ? start.offset : progress.next;
  lag.end = end;
  if (lag.end >= 0 && lag.position >= 0 && lag.end > lag.position)
    lag.records = static_cast<std::uint64_t>(lag.end - lag.position);
  lag.records = std::max<std::uint64_t>(lag.records, progress.open);
  if (lag.records == 0)
    behind_since_.erase(where);
  else  // a record that is not read yet is at least as old as the lag
    lag.age_ms = std::max<std::int64_t>(wall - behind_since_.try_emplace(where, wall).first->second, 0);
  const auto oldest = untouched && lag.records > 0 ? start.time : progress.oldest_open;
  if (oldest > 0) lag.age_ms = std::max(lag.age_ms, wall - oldest);
  return lag;
}

feed_status feed_handler::status() const {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

}  // namespace social::kafka
