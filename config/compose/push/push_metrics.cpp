#include "config/compose/push/push_metrics.hpp"

#include <algorithm>

namespace social::compose {
namespace {

void histogram(inspect::metric_sink& sink, const char* name, const char* help, const push::histogram_numbers& from) {
  std::vector<double> bounds;
  bounds.reserve(from.bounds_us.size());
  for (const auto bound : from.bounds_us) bounds.push_back(static_cast<double>(bound) * 1e-6);
  sink.histogram(name, help, bounds, from.counts, static_cast<double>(from.sum_us) * 1e-6);
}

}  // namespace

void collect_push(const push::push_metrics& m, inspect::metric_sink& sink) {
  for (const auto& row : m.answers)
    sink.counter("social_push_answers_total", "Answers of push services", static_cast<double>(row.count),
                 {{"origin_class", row.origin_class}, {"status", row.status}, {"result", row.kind}});
  for (const auto& [reason, count] : m.dead_letters)
    sink.counter("social_push_dead_letters_total", "Deliveries given up", static_cast<double>(count),
                 {{"reason", reason}});
  const auto count = [&](const char* name, const char* help, std::uint64_t value) {
    sink.counter(name, help, static_cast<double>(value));
  };
  count("social_push_events_total", "Events taken", m.events);
  count("social_push_events_duplicate_total", "Events recognised as seen before", m.events_duplicate);
  count("social_push_events_expired_total", "Events older than their life", m.events_expired);
  count("social_push_events_for_nobody_total", "Events that concern no device", m.events_for_nobody);
  count("social_push_events_gathered_total", "Events that went into a gathered message", m.gathered);
  count("social_push_deliveries_planned_total", "Deliveries written", m.deliveries_planned);
  count("social_push_deliveries_dropped_total", "Deliveries whose device was gone or had moved", m.deliveries_dropped);
  count("social_push_devices_removed_total", "Devices removed by answers or moved endpoints", m.devices_removed);
  count("social_push_store_failures_total", "Writes that the push store refused", m.store_failures);
  sink.gauge("social_push_pending_deliveries", "Deliveries in the store", static_cast<double>(m.pending));
  sink.gauge("social_push_fan_outs_waiting_jobs", "Fan-outs not expanded yet", static_cast<double>(m.fan_outs_waiting));
  sink.gauge("social_push_oldest_age_seconds", "Age of the oldest delivery in memory",
             static_cast<double>(m.oldest_age_ms) * 1e-3);
  sink.gauge("social_push_lanes_count", "Lanes that are served", static_cast<double>(m.lanes.size()));
  const auto flowing = std::count_if(m.lanes.begin(), m.lanes.end(),
                                     [](const auto& lane) { return lane.state == push::lane_state::flowing; });
  sink.gauge("social_push_lanes_held_count", "Lanes that wait, rest or are stopped",
             static_cast<double>(m.lanes.size() - static_cast<std::size_t>(flowing)));
  histogram(sink, "social_push_encryption_seconds", "Encrypting one message", m.encryption);
  histogram(sink, "social_push_answer_seconds", "Sending one message to its answer", m.answer_time);
}

}  // namespace social::compose
