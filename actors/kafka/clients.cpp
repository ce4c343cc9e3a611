#include "actors/kafka/clients.hpp"

#include <utility>
#include <vector>

#include "actors/kafka/client_config.hpp"
#include "actors/kafka/group_member.hpp"
#include "actors/kafka/log_reader.hpp"
#include "actors/kafka/simple_consumer.hpp"
#include "actors/kafka/topic_settings.hpp"

namespace social::kafka {
namespace {

/// What only shows when a client is made: options that contradict each other, a certificate that cannot be read.
result<void> try_out(rd_kafka_type_t type, result<rd::conf_handle> conf, const client_settings& settings) {
  if (!conf) return conf.error();
  if (auto made = rd::make_client(type, std::move(*conf), settings); !made) return made.error();
  return {};
}

result<void> check_producer(const client_settings& settings, const producer_options& options) {
  auto conf = rd::make_producer_conf(settings, options, false);
  if (!conf) return conf.error();
  if (const auto limit = rd::number_in(**conf, "message.max.bytes"); limit && *limit < record_bytes_max)
    return error(error_code::invalid_input, "the Kafka option 'message.max.bytes' is " + std::to_string(*limit) +
                                                ", but records may need up to " + std::to_string(record_bytes_max) +
                                                " bytes");
  return try_out(RD_KAFKA_PRODUCER, std::move(conf), settings);
}

}  // namespace

producer_options events_producer() {
  return {.name = "events"};
}

producer_options subscriptions_producer() {
  return {.name = "subscriptions", .partition_by_key_prefix = true};
}

producer_options dead_letters_producer() {
  return {.name = "dead-letters", .linger_ms = 0};
}

producer_options replies_producer() {
  return {.name = "replies", .message_timeout_ms = 60'000, .linger_ms = 0};
}

producer_options requests_producer(std::int64_t timeout_ms) {
  return {.name = "requests", .message_timeout_ms = timeout_ms, .linger_ms = 0};  // somebody waits for each
}

result<void> check_clients(const client_settings& settings, const clients_plan& plan) {
  auto unconnected = settings;
  unconnected.brokers.clear();
  std::vector<producer_options> producers;
  if (plan.publishes) producers.push_back(events_producer());
  if (plan.asks) producers.push_back(requests_producer(plan.request_timeout_ms));
  if (plan.consumes)
    for (auto& each : {subscriptions_producer(), dead_letters_producer(), replies_producer()})
      producers.push_back(each);
  for (const auto& each : producers)
    if (auto checked = check_producer(unconnected, each); !checked) return checked;
  if (auto checked = try_out(RD_KAFKA_PRODUCER, rd::make_admin_conf(unconnected), settings); !checked) return checked;
  if (plan.asks || plan.consumes) {
    auto conf = rd::simple_consumer::make_conf(unconnected, log_reader_options().fetch_bytes_max);
    if (auto checked = try_out(RD_KAFKA_CONSUMER, std::move(conf), settings); !checked) return checked;
  }
  if (!plan.consumes) return {};
  return try_out(RD_KAFKA_CONSUMER, group_member::make_conf(unconnected, plan.group), settings);
}

}  // namespace social::kafka
