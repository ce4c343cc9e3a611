#include "config/compose/common/store_metrics.hpp"

#include <vector>

namespace social::compose {
namespace {

double value_of(const storage::counter& c) {
  return static_cast<double>(c.load(std::memory_order_relaxed));
}

template <std::size_t N>
void histogram(inspect::metric_sink& sink, const std::string& metric, const std::string& help,
               const storage::bucket_counts<N>& from, double unit, const inspect::labels& with) {
  std::vector<double> bounds;
  bounds.reserve(from.bounds.size());
  for (const auto bound : from.bounds) bounds.push_back(static_cast<double>(bound) * unit);
  std::vector<std::uint64_t> counts;
  counts.reserve(std::size(from.counts));
  for (const auto& count : from.counts) counts.push_back(count.load(std::memory_order_relaxed));
  sink.histogram(metric, help, bounds, counts, value_of(from.sum) * unit, with);
}

}  // namespace

void collect_store(const storage::rocks_store& store, const std::string& name, inspect::metric_sink& sink) {
  const auto& s = store.statistics();
  const inspect::labels with{{"store", name}};
  sink.counter("social_commit_requests_total", "Committed requests", value_of(s.requests), with);
  sink.counter("social_journal_events_total", "Events written to the journal", value_of(s.events), with);
  sink.counter("social_commit_batches_total", "Batches written", value_of(s.batches), with);
  sink.counter("social_commit_syncs_total", "Log fsyncs", value_of(s.syncs), with);
  sink.counter("social_commit_written_bytes_total", "Keys and values written", value_of(s.bytes), with);
  sink.counter("social_commit_failed_writes_total", "Batches or syncs that failed", value_of(s.failed_writes), with);
  sink.counter("social_commit_outcome_unknown_total", "Requests answered outcome_unknown", value_of(s.outcome_unknown),
               with);
  sink.counter("social_commit_refused_total", "Requests answered store_unavailable", value_of(s.refused), with);
  sink.counter("social_commit_overloaded_total", "Requests refused at a full queue", value_of(s.overloaded), with);
  sink.counter("social_commit_reopens_total", "Successful reopens after a failure", value_of(s.reopens), with);
  sink.counter("social_commit_reopen_failures_total", "Failed attempts to reopen", value_of(s.reopen_failures), with);
  const auto lookups = store.hot_row_lookups();
  sink.counter("social_store_hot_row_hits_total", "Lookups answered by the cache of people and connections",
               static_cast<double>(lookups.hits), with);
  sink.counter("social_store_hot_row_misses_total", "Lookups of people and connections that asked the database",
               static_cast<double>(lookups.misses), with);
  sink.gauge("social_commit_queue_depth_requests", "Requests reserved, waiting or being written",
             static_cast<double>(store.queue_depth()), with);
  histogram(sink, "social_commit_batch_requests", "Requests merged into one batch", s.batch_requests, 1.0, with);
  histogram(sink, "social_commit_sync_seconds", "Time of a synced write", s.sync_us, 1e-6, with);
}

}  // namespace social::compose
