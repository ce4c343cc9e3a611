#include "config/compose/common/kafka_settings.hpp"

#include <algorithm>

#include "actors/kafka/clients.hpp"
#include "actors/kafka/topics.hpp"

namespace social::compose {
namespace {

/// A topic of somebody else, such as one that replies are wanted in, may have any name; one with our prefix is a
/// misspelt one of ours.
bool is_misspelt(const std::string& topic) {
  if (!topic.starts_with("v1.event.") && !topic.starts_with("v1.push.")) return false;
  return std::ranges::none_of(kafka::topics_of_the_contract(1, 1),
                              [&topic](const auto& plan) { return plan.name == topic; });
}

kafka::clients_plan clients_of(const config::settings& s) {
  kafka::clients_plan plan;
  plan.publishes = s.roles.api;
  plan.asks = s.roles.api && !s.push.off;
  plan.request_timeout_ms = s.kafka.request_timeout.count();
  plan.consumes = s.roles.push && !s.push.off;
  plan.group.group = s.kafka.group;
  return plan;
}

result<void> check_topics(const config::assignments& given, const std::string& option) {
  const auto wrong = std::ranges::find_if(given, [](const auto& each) { return is_misspelt(each.first); });
  if (wrong == given.end()) return {};
  return error(error_code::invalid_input,
               option + " names the topic " + wrong->first + ", which there is not; see docs/events.md for the names");
}

}  // namespace

kafka::client_settings kafka_client(const config::settings& from, std::string client_id) {
  return {from.kafka.brokers, std::move(client_id), from.kafka.options};
}

kafka::topic_formats kafka_formats(const config::settings& from) {
  kafka::topic_formats formats;
  for (const auto& [topic, codec] : from.kafka.codecs)
    formats[topic].codec = kafka::parse_codec(codec).value_or(kafka::value_codec::json);
  for (const auto& [topic, name] : from.kafka.type_ids) formats[topic].type_id = name;
  return formats;
}

result<void> check_kafka(const config::invocation& invocation) {
  const auto& s = invocation.settings;
  if (!s.kafka.is_used()) return {};
  if (auto checked = check_topics(s.kafka.codecs, "kafka.codec"); !checked) return checked;
  if (auto checked = check_topics(s.kafka.type_ids, "kafka.type-id"); !checked) return checked;
  const auto client = kafka_client(s, std::string(config::name_of(invocation.self)));
  auto checked = kafka::check_settings(client);
  if (checked) checked = kafka::check_clients(client, clients_of(s));
  if (checked) return checked;
  return error(error_code::invalid_input,
               std::string(checked.error().text()) + "; correct it in kafka.option or kafka.option-file");
}

}  // namespace social::compose
