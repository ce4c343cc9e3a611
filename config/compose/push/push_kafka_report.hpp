// How the push role's part of Kafka looks from outside.
#pragma once

#include <string>
#include <vector>

#include "actors/inspect/metric_sink.hpp"
#include "actors/kafka/push/event_feed.hpp"
#include "actors/kafka/push/responder.hpp"
#include "actors/kafka/push/subscription_table.hpp"
#include "actors/protocol/inspection.hpp"

namespace social::compose {

/// Events that have waited this long to be consumed show in readiness.
inline constexpr std::int64_t consumer_lag_degraded_ms = 60'000;

/// `{group, rebalances, records, commits, commitFailures, assignment: [{topic, partition}], partitions: [{topic,
/// partition, position, end, lagRecords, lagSeconds, paused}], events, poison, failures, underWay, caughtUp,
/// pausedForLoad, lastFailure?}`
std::string to_json(const kafka::feed_status& feed, const std::string& group);
/// `{requests, refused, unanswered, replyFailures}`
std::string to_json(const kafka::responder_metrics& served);
/// `{reading, lag, applied, malformed, outbox}`
std::string to_json(const kafka::table_status& table);

/// At worst degraded: what the consumer does not read waits in Kafka.
protocol::readiness_check check_consumer(const kafka::feed_status& feed);
protocol::readiness_check check_table(const kafka::table_status& table);

void collect_feed(const kafka::feed_status& feed, inspect::metric_sink& sink);
void collect_served(const kafka::responder_metrics& served, inspect::metric_sink& sink);
void collect_table(const kafka::table_status& table, inspect::metric_sink& sink);

}  // namespace social::compose
