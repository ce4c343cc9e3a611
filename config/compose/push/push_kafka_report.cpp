#include "config/compose/push/push_kafka_report.hpp"

#include <algorithm>

#include "actors/base/json_writer.hpp"
#include "config/compose/common/kafka_report.hpp"

namespace social::compose {
namespace {

void write_place(json_writer& json, const kafka::topic_partition& where) {
  json.member("topic", std::string_view(where.topic)).member("partition", static_cast<std::int64_t>(where.partition));
}

void write_partition(json_writer& json, const kafka::partition_lag& lag) {
  json.begin_object();
  write_place(json, lag.where);
  json.member("position", lag.position).member("end", lag.end).member("lagRecords", lag.records);
  json.key("lagSeconds").raw(seconds_json(lag.age_ms));
  json.member("paused", lag.paused).end_object();
}

std::int64_t oldest_ms(const kafka::feed_status& feed) {
  std::int64_t oldest = 0;
  for (const auto& lag : feed.lags) oldest = std::max(oldest, lag.age_ms);
  return oldest;
}

}  // namespace

std::string to_json(const kafka::feed_status& feed, const std::string& group) {
  std::string out;
  json_writer json(out);
  json.begin_object().member("group", std::string_view(group)).member("rebalances", feed.group.rebalances);
  json.member("records", feed.group.records).member("commits", feed.group.commits);
  json.member("commitFailures", feed.group.commit_failures).key("assignment").begin_array();
  for (const auto& each : feed.group.assignment) {
    json.begin_object();
    write_place(json, each);
    json.end_object();
  }
  json.end_array().key("partitions").begin_array();
  for (const auto& lag : feed.lags) write_partition(json, lag);
  json.end_array().member("events", feed.events).member("poison", feed.poison).member("failures", feed.failures);
  json.member("underWay", feed.under_way).member("caughtUp", feed.caught_up);
  json.member("tableIsCurrent", feed.table_is_current).member("pausedForLoad", feed.paused_for_load);
  if (!feed.last_failure.empty()) json.member("lastFailure", std::string_view(feed.last_failure));
  json.end_object();
  return out;
}

std::string to_json(const kafka::responder_metrics& served) {
  std::string out;
  json_writer(out)
      .begin_object()
      .member("requests", served.requests)
      .member("refused", served.refused)
      .member("unanswered", served.unanswered)
      .member("forbidden", served.forbidden)
      .member("replyFailures", served.reply_failures)
      .end_object();
  return out;
}

std::string to_json(const kafka::table_status& table) {
  std::string out;
  json_writer(out)
      .begin_object()
      .member("reading", table.reading)
      .member("lag", table.lag)
      .member("applied", table.applied)
      .member("malformed", table.malformed)
      .key("outbox")
      .raw(to_json(table.outbox))
      .end_object();
  return out;
}

protocol::readiness_check check_consumer(const kafka::feed_status& feed) {
  protocol::readiness_check check{"kafka.consumer", true, true, {}};
  const auto waited = oldest_ms(feed);
  if (!feed.caught_up) {
    check.reason = "Nothing is consumed before the table of subscriptions has been read";
  } else if (!feed.table_is_current) {
    check.reason = "Events wait in Kafka until the table of subscriptions is read again, or has caught up";
  } else if (feed.paused_for_load) {
    check.reason = "Events wait in Kafka until fewer than limits.push-pending deliveries are pending";
  } else if (waited >= consumer_lag_degraded_ms) {
    check.reason = "Events wait to be consumed, the oldest for " + std::to_string(waited / 1000) + " s";
    if (!feed.last_failure.empty()) check.reason.append(" (").append(feed.last_failure).append(")");
  } else {
    check.degraded = false;
  }
  return check;
}

protocol::readiness_check check_table(const kafka::table_status& table) {
  if (!table.reading)
    return {"kafka.table", true, true, "The table of subscriptions cannot be read; what others change is not seen"};
  auto outbox = check_outbox("kafka.table", table.outbox);
  if (outbox.degraded || table.malformed == 0) return outbox;
  return {"kafka.table", true, true,
          std::to_string(table.malformed) + " records of the table of subscriptions could not be read; see the log"};
}

void collect_feed(const kafka::feed_status& feed, inspect::metric_sink& sink) {
  const auto count = [&](const char* name, const char* help, std::uint64_t value) {
    sink.counter(name, help, static_cast<double>(value));
  };
  count("social_kafka_rebalances_total", "Changes of the assignment in the consumer group", feed.group.rebalances);
  count("social_kafka_consumed_records_total", "Records read", feed.group.records);
  count("social_kafka_consumed_events_total", "Events whose deliveries are durable", feed.events);
  count("social_kafka_commits_total", "Commits of offsets", feed.group.commits);
  count("social_kafka_commit_failures_total", "Commits of offsets that failed", feed.group.commit_failures);
  count("social_kafka_dead_letters_total", "Records sent to a dead letter topic", feed.poison);
  count("social_kafka_consume_failures_total", "Failures of ours; the records are tried again", feed.failures);
  sink.gauge("social_kafka_under_way_records", "Records read and not done yet", static_cast<double>(feed.under_way));
  sink.gauge("social_kafka_paused_for_load_count", "1: too many deliveries are pending", feed.paused_for_load ? 1 : 0);
  for (const auto& lag : feed.lags) {
    const inspect::labels with{{"topic", lag.where.topic}, {"partition", std::to_string(lag.where.partition)}};
    sink.gauge("social_kafka_consumer_lag_records", "Records between the position and the end of a partition",
               static_cast<double>(lag.records), with);
    sink.gauge("social_kafka_consumer_lag_seconds", "Age of the oldest record of a partition that is not done yet",
               static_cast<double>(lag.age_ms) * 1e-3, with);
  }
}

void collect_served(const kafka::responder_metrics& served, inspect::metric_sink& sink) {
  const auto count = [&](const char* name, const char* help, std::uint64_t value) {
    sink.counter(name, help, static_cast<double>(value));
  };
  count("social_kafka_served_requests_total", "Requests served", served.requests);
  count("social_kafka_served_requests_refused_total", "Requests answered with an error", served.refused);
  count("social_kafka_served_requests_unanswered_total", "Requests without a reply topic that may be written to",
        served.unanswered);
  count("social_kafka_served_requests_forbidden_total", "Of these: a reply would have done harm there",
        served.forbidden);
  count("social_kafka_reply_failures_total", "Replies that could not be sent", served.reply_failures);
}

void collect_table(const kafka::table_status& table, inspect::metric_sink& sink) {
  collect_outbox(table.outbox, "subscriptions", sink);
  sink.gauge("social_kafka_table_lag_records", "Records of the table of subscriptions not applied yet",
             static_cast<double>(table.lag));
  sink.counter("social_kafka_table_applied_records_total", "Records of the table of subscriptions applied",
               static_cast<double>(table.applied));
  sink.counter("social_kafka_table_malformed_records_total", "Records of the table of subscriptions left behind",
               static_cast<double>(table.malformed));
}

}  // namespace social::compose
