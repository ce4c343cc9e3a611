#include "config/compose/common/journal_keeping.hpp"

#include "actors/base/json_writer.hpp"

namespace social::compose {
namespace {

constexpr std::uint64_t mib = 1024 * 1024;

events::retention_options options_of(const host& on, const std::string& name) {
  events::retention_options o;
  o.store = name;
  o.keep_ms = on.settings.journal_retention.count();
  return o;
}

/// `3 d`, `5 h`, `12 s`
std::string age_text(std::int64_t milliseconds) {
  constexpr std::int64_t hour_s = 3600;
  const auto seconds = milliseconds / 1000;
  if (seconds >= 48 * hour_s) return std::to_string(seconds / (24 * hour_s)) + " d";
  if (seconds >= 2 * hour_s) return std::to_string(seconds / hour_s) + " h";
  return std::to_string(seconds) + " s";
}

std::string trouble_of(const events::retention_status& status) {
  for (const auto& reader : status.holders)
    if (!reader.failure.empty())
      return "everything is kept, because the cursors of " + reader.name + " are not known: " + reader.failure;
  for (const auto& reader : status.holders)
    if (reader.holds_too_long)
      return reader.name + " has " + std::to_string(reader.unread) + " events to read, the oldest of them " +
             age_text(reader.oldest_ms) + " old: they are kept beyond journal.retention for it";
  if (!status.last_failure.empty()) return "the journal cannot be shortened: " + status.last_failure;
  return {};
}

}  // namespace

std::string to_json(const events::retention_status& status, std::uint64_t bytes) {
  std::string out;
  json_writer json(out);
  json.begin_object()
      .member("store", std::string_view(status.store))
      .member("retentionMillis", status.keep_ms)
      .member("events", status.events)
      .member("bytes", bytes)
      .member("oldestMillis", status.oldest_ms)
      .member("trimmed", status.trimmed)
      .member("rounds", status.rounds)
      .member("failures", status.failures);
  if (!status.last_failure.empty()) json.member("lastFailure", std::string_view(status.last_failure));
  json.key("readers").begin_array();
  for (const auto& reader : status.holders) {
    json.begin_object()
        .member("name", std::string_view(reader.name))
        .member("unread", reader.unread)
        .member("oldestMillis", reader.oldest_ms)
        .member("holdsTooLong", reader.holds_too_long);
    if (!reader.failure.empty()) json.member("failure", std::string_view(reader.failure));
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

protocol::readiness_check check_journal(const events::retention_status& status, std::uint64_t bytes,
                                        std::uint64_t bytes_max) {
  auto reason = trouble_of(status);
  if (reason.empty() && bytes > bytes_max)
    reason = "it takes " + std::to_string(bytes / mib) + " MiB, more than limits.journal-size";
  const bool degraded = !reason.empty();
  return {status.store + "-journal", true, degraded, std::move(reason)};
}

void collect_journal(const events::retention_status& status, std::uint64_t bytes, inspect::metric_sink& sink) {
  const inspect::labels with{{"store", status.store}};
  sink.gauge("social_journal_kept_events", "Events in the journal", static_cast<double>(status.events), with);
  sink.gauge("social_journal_size_bytes", "What the journal takes, removed events included until they are compacted",
             static_cast<double>(bytes), with);
  sink.gauge("social_journal_oldest_age_seconds", "Age of the oldest event, but for each shard's newest record",
             static_cast<double>(status.oldest_ms) / 1e3, with);
  sink.counter("social_journal_trimmed_events_total", "Events removed because they were old and read",
               static_cast<double>(status.trimmed), with);
  sink.counter("social_journal_trim_failures_total", "Rounds of removing that failed",
               static_cast<double>(status.failures), with);
  for (const auto& reader : status.holders) {
    const inspect::labels of{{"store", status.store}, {"reader", reader.name}};
    sink.gauge("social_journal_unread_age_seconds", "Age of the oldest event that a reader has not read",
               static_cast<double>(reader.oldest_ms) / 1e3, of);
    sink.gauge("social_journal_held_count", "1: events are kept beyond journal.retention for this reader",
               reader.holds_too_long || !reader.failure.empty() ? 1 : 0, of);
  }
}

journal_keeping::journal_keeping(host& on, const std::string& name, opened_store& store,
                                 std::vector<events::journal_holder> readers)
    : keeper_(on.node, options_of(on, name), *store.ports.log, on.clock, std::move(readers),
              [trimmed = store.store.get()](shard_t shard, std::uint64_t hold, timestamp_t before,
                                            std::size_t records_max) {
                return trimmed->trim_journal(shard, hold, before, records_max);
              }) {
  const auto* from = store.store.get();
  on.inspector.add_journal([this, from] { return to_json(keeper_.status(), from->journal_bytes()); });
  on.inspector.add_checks([this, from, most = on.settings.limits.journal_bytes] {
    return std::vector{check_journal(keeper_.status(), from->journal_bytes(), most)};
  });
  on.inspector.add_metrics(
      [this, from](inspect::metric_sink& sink) { collect_journal(keeper_.status(), from->journal_bytes(), sink); });
}

}  // namespace social::compose
