#include "actors/push/metrics.hpp"

#include <algorithm>
#include <numeric>

namespace social::push {

std::uint64_t histogram_numbers::total() const noexcept {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

template <std::size_t N>
void metrics_recorder::histogram<N>::record(std::int64_t us) noexcept {
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(bounds, us) - bounds.begin());
  counts[bucket].fetch_add(1, std::memory_order_relaxed);
  sum.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(us, 0)), std::memory_order_relaxed);
}

template <std::size_t N>
histogram_numbers metrics_recorder::histogram<N>::numbers() const {
  histogram_numbers out;
  out.bounds_us.assign(bounds.begin(), bounds.end());
  for (const auto& count : counts) out.counts.push_back(count.load(std::memory_order_relaxed));
  out.sum_us = sum.load(std::memory_order_relaxed);
  return out;
}

void metrics_recorder::answered(std::string_view origin_class, std::string_view status, std::string_view kind) {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(std::tuple(origin_class, status, kind));
  if (found != answers_.end())
    ++found->second;
  else
    answers_.emplace(std::tuple(std::string(origin_class), std::string(status), std::string(kind)), 1);
}

void metrics_recorder::dead_letter(delivery_result why) {
  dead_letters_total.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  ++dead_letters_[why];
}

void metrics_recorder::encrypted(std::int64_t us) {
  encryption_.record(us);
}

void metrics_recorder::answer_took(std::int64_t us) {
  answer_time_.record(us);
}

void metrics_recorder::report(lane_report lane) {
  const std::lock_guard lock(mutex_);
  auto& kept = lanes_[lane.origin];
  kept = std::move(lane);
}

void metrics_recorder::lane_gone(const std::string& origin) {
  const std::lock_guard lock(mutex_);
  lanes_.erase(origin);
}

std::vector<lane_report> metrics_recorder::lanes() const {
  const std::lock_guard lock(mutex_);
  std::vector<lane_report> out;
  out.reserve(lanes_.size());
  for (const auto& [origin, report] : lanes_) out.push_back(report);
  return out;
}

push_metrics metrics_recorder::snapshot(timestamp_t now) const {
  push_metrics out;
  out.events = events;
  out.events_duplicate = events_duplicate;
  out.events_expired = events_expired;
  out.events_for_nobody = events_for_nobody;
  out.gathered = gathered;
  out.deliveries_planned = deliveries_planned;
  out.deliveries_dropped = deliveries_dropped;
  out.devices_removed = devices_removed;
  out.store_failures = store_failures;
  out.fan_outs_waiting = fan_outs_waiting;
  out.pending = pending;
  out.encryption = encryption_.numbers();
  out.answer_time = answer_time_.numbers();
  out.lanes = lanes();
  for (const auto& lane : out.lanes)
    if (lane.oldest_created != 0) out.oldest_age_ms = std::max(out.oldest_age_ms, now - lane.oldest_created);
  const std::lock_guard lock(mutex_);
  for (const auto& [labels, count] : answers_)
    out.answers.push_back({std::get<0>(labels), std::get<1>(labels), std::get<2>(labels), count});
  for (const auto& [result, count] : dead_letters_) out.dead_letters.emplace_back(to_string(result), count);
  return out;
}

}  // namespace social::push
