#include "config/compose/common/kafka_report.hpp"

#include <array>
#include <cinttypes>
#include <cstdio>

#include "actors/base/json_writer.hpp"

namespace social::compose {
namespace {

constexpr std::size_t topics_named = 5;

void write_numbers(json_writer& json, const kafka::bridge_status& outbox) {
  json.member("failures", outbox.failures).member("skipped", outbox.skipped).member("ahead", outbox.ahead);
  if (!outbox.last_failure.empty()) json.member("lastFailure", std::string_view(outbox.last_failure));
  if (!outbox.refused.empty()) json.member("refused", std::string_view(outbox.refused));
  json.key("cursors").begin_array();
  for (const auto cursor : outbox.cursors) json.value(cursor);
  json.end_array();
}

protocol::readiness_check fine(std::string name) {
  return {std::move(name), true, false, {}};
}
protocol::readiness_check degraded(std::string name, std::string why) {
  return {std::move(name), true, true, std::move(why)};
}

/// `a, b and 3 more`
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < topics_named; ++i) text.append(i == 0 ? "" : ", ").append(names[i]);
  if (names.size() > topics_named)
    text.append(" and ").append(std::to_string(names.size() - topics_named)).append(" more");
  return text;
}

}  // namespace

std::string seconds_json(std::int64_t milliseconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%" PRId64 ".%03d", milliseconds / 1000,
                static_cast<int>(milliseconds % 1000));
  return text.data();
}

std::string to_json(const std::vector<kafka::topic_status>& topics) {
  std::string out;
  json_writer json(out);
  json.begin_array();
  for (const auto& topic : topics) {
    json.begin_object().member("name", std::string_view(topic.name)).member("exists", topic.exists);
    json.member("partitions", static_cast<std::int64_t>(topic.partitions));
    if (!topic.difference.empty()) json.member("difference", std::string_view(topic.difference));
    json.end_object();
  }
  json.end_array();
  return out;
}

std::string to_json(const kafka::bridge_status& outbox) {
  std::string out;
  json_writer json(out);
  json.begin_object()
      .member("depth", outbox.depth)
      .member("ageMillis", outbox.age_ms)
      .member("published", outbox.published)
      .member("window", outbox.window)
      .member("restarts", outbox.restarts)
      .member("undecodable", outbox.undecodable);
  write_numbers(json, outbox);
  json.end_object();
  return out;
}

std::string to_json(const kafka::sender_metrics& sender) {
  std::string out;
  json_writer(out)
      .begin_object()
      .member("sent", sender.sent)
      .member("failed", sender.failed)
      .member("refused", sender.refused)
      .member("waiting", sender.waiting)
      .member("restarts", sender.restarts)
      .end_object();
  return out;
}

std::string subscriber_json(const kafka::bridge_status& outbox) {
  std::string out;
  json_writer json(out);
  json.begin_object().member("name", std::string_view(outbox.name)).member("lag", outbox.depth);
  json.member("handled", outbox.published);
  write_numbers(json, outbox);
  json.end_object();
  return out;
}

protocol::readiness_check check_connection(const kafka::client_health::view& seen) {
  if (seen.connected) return fine("kafka.connection");
  std::string why = "No broker of kafka.brokers answers; what needs Kafka waits";
  if (!seen.last_error.empty()) why.append(" (").append(seen.last_error).append(")");
  return degraded("kafka.connection", std::move(why));
}

protocol::readiness_check check_topics(const std::vector<kafka::topic_status>& topics, bool all_exist) {
  std::vector<std::string> missing;
  std::vector<std::string> different;
  for (const auto& topic : topics) {
    if (!topic.exists)
      missing.push_back(topic.difference.empty() ? topic.name : topic.name + " (" + topic.difference + ")");
    else if (!topic.difference.empty())
      different.push_back(topic.difference);
  }
  if (!missing.empty() || !all_exist)
    return degraded("kafka.topics", missing.empty() ? "The topics have not been looked at yet"
                                                    : "These topics are not there: " + listed(missing));
  if (!different.empty()) return degraded("kafka.topics", listed(different));
  return fine("kafka.topics");
}

protocol::readiness_check check_outbox(const std::string& name, const kafka::bridge_status& outbox) {
  if (outbox.ahead > 0)
    return degraded(name, std::to_string(outbox.ahead) +
                              " shards are not published: their cursors are ahead of the journal, as after an older "
                              "copy of the store was put back");
  if (!outbox.refused.empty())
    return degraded(name,
                    "Kafka refuses a record, and nothing behind it in its shard is published before it is taken: " +
                        outbox.refused + "; " + std::to_string(outbox.depth) + " events wait");
  if (outbox.skipped > 0)
    return degraded(name, std::to_string(outbox.skipped) +
                              " events were gone before they could be published: Kafka was not used for longer than "
                              "journal.retention. The outbox goes on from the oldest; the next start clears this");
  if (outbox.depth > 0 && outbox.age_ms >= outbox_age_degraded_ms) {
    auto why = std::to_string(outbox.depth) + " events wait for Kafka, the oldest for " +
               std::to_string(outbox.age_ms / 1000) + " s";
    if (!outbox.last_failure.empty()) why.append(" (").append(outbox.last_failure).append(")");
    return degraded(name, std::move(why));
  }
  if (outbox.undecodable > 0)
    return degraded(
        name, std::to_string(outbox.undecodable) + " journal records could not be published; see /admin/dead-letters");
  return fine(name);
}

void collect_restarts(const std::string& producer, std::uint64_t restarts, inspect::metric_sink& sink) {
  sink.counter("social_kafka_producer_restarts_total", "Producers replaced after an error",
               static_cast<double>(restarts), {{"producer", producer}});
}

void collect_connection(const kafka::client_health::view& seen, inspect::metric_sink& sink) {
  sink.gauge("social_kafka_connected_count", "1: a broker answers", seen.connected ? 1 : 0);
  sink.counter("social_kafka_client_errors_total", "Errors that Kafka's clients have told",
               static_cast<double>(seen.errors));
  sink.counter("social_kafka_client_restarts_total", "Producers replaced after an error, of all parts together",
               static_cast<double>(seen.restarts));
}

void collect_outbox(const kafka::bridge_status& outbox, const std::string& name, inspect::metric_sink& sink) {
  const inspect::labels with{{"outbox", name}};
  const auto gauge = [&](const char* metric, const char* help, double value) { sink.gauge(metric, help, value, with); };
  const auto count = [&](const char* metric, const char* help, std::uint64_t value) {
    sink.counter(metric, help, static_cast<double>(value), with);
  };
  gauge("social_kafka_outbox_depth_events", "Events that Kafka has not acknowledged yet",
        static_cast<double>(outbox.depth));
  gauge("social_kafka_outbox_oldest_age_seconds", "Age of the oldest of them",
        static_cast<double>(outbox.age_ms) * 1e-3);
  gauge("social_kafka_outbox_window_records", "Records sent and not acknowledged yet",
        static_cast<double>(outbox.window));
  count("social_kafka_published_records_total", "Records that Kafka has acknowledged", outbox.published);
  count("social_kafka_publish_failures_total", "Records whose delivery failed; they are sent again", outbox.failures);
  gauge("social_kafka_outbox_refused_count", "1: Kafka refuses a record, and a shard stands at it",
        outbox.refused.empty() ? 0 : 1);
  collect_restarts(name, outbox.restarts, sink);
  count("social_kafka_outbox_undecodable_records_total", "Journal records left behind", outbox.undecodable);
  count("social_kafka_outbox_skipped_events_total", "Events gone before they were published", outbox.skipped);
}

void collect_sender(const kafka::sender_metrics& sender, inspect::metric_sink& sink) {
  const auto count = [&](const char* metric, const char* help, std::uint64_t value) {
    sink.counter(metric, help, static_cast<double>(value));
  };
  count("social_kafka_sent_records_total", "Replies and dead letters that Kafka has acknowledged", sender.sent);
  count("social_kafka_send_failures_total", "Replies and dead letters given up, or unknown", sender.failed);
  count("social_kafka_send_refused_records_total", "Replies and dead letters over the limit", sender.refused);
  collect_restarts("replies", sender.restarts, sink);
  sink.gauge("social_kafka_send_waiting_records", "Replies and dead letters not acknowledged yet",
             static_cast<double>(sender.waiting));
}

}  // namespace social::compose
