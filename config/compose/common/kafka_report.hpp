// How the parts that both roles have of Kafka look from outside: JSON of GET /admin/kafka, readiness, Prometheus.
#pragma once

#include <string>
#include <vector>

#include "actors/inspect/metric_sink.hpp"
#include "actors/kafka/bridge.hpp"
#include "actors/kafka/client.hpp"
#include "actors/kafka/sender.hpp"
#include "actors/kafka/topics.hpp"
#include "actors/protocol/inspection.hpp"

namespace social::compose {

/// An outbox that has waited this long for Kafka shows in readiness.
inline constexpr std::int64_t outbox_age_degraded_ms = 30'000;

/// Milliseconds as a JSON number of seconds: `1.5`.
std::string seconds_json(std::int64_t milliseconds);

/// `[{name, exists, partitions, difference?}]`
std::string to_json(const std::vector<kafka::topic_status>& topics);
/// `{depth, ageMillis, published, window, failures, restarts, undecodable, skipped, ahead, lastFailure?, cursors}`
std::string to_json(const kafka::bridge_status& outbox);
/// `{sent, failed, refused, waiting, restarts}`
std::string to_json(const kafka::sender_metrics& sender);
/// An element of GET /admin/subscribers.
std::string subscriber_json(const kafka::bridge_status& outbox);

/// Every check here is at worst degraded: without Kafka the API goes on, and what it has to say waits on disk.
protocol::readiness_check check_connection(const kafka::client_health::view& seen);
protocol::readiness_check check_topics(const std::vector<kafka::topic_status>& topics, bool all_exist);
/// `name`: of the check.
protocol::readiness_check check_outbox(const std::string& name, const kafka::bridge_status& outbox);

/// Labelled with the producer.
void collect_restarts(const std::string& producer, std::uint64_t restarts, inspect::metric_sink& sink);
void collect_connection(const kafka::client_health::view& seen, inspect::metric_sink& sink);
/// Labelled with the outbox: `events`, `subscriptions`.
void collect_outbox(const kafka::bridge_status& outbox, const std::string& name, inspect::metric_sink& sink);
void collect_sender(const kafka::sender_metrics& sender, inspect::metric_sink& sink);

}  // namespace social::compose
