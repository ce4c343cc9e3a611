// How topics are configured at the broker, compared with their plans; and the client that asks. Stays inside this
// folder.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/kafka/client_config.hpp"
#include "actors/kafka/topics.hpp"

namespace social::kafka::rd {

inline constexpr int admin_call_ms = 10'000;  ///< longest wait for an answer

/// For librdkafka's arrays of pointers.
template <class Owner>
auto pointers_of(const std::vector<Owner>& owners) {
  std::vector<typename Owner::pointer> out;
  out.reserve(owners.size());
  for (const auto& each : owners) out.push_back(each.get());
  return out;
}

/// Of the client that looks after topics: a producer that produces nothing.
result<conf_handle> make_admin_conf(const client_settings& settings);

/// The answer comes to the queue.
void ask_for_settings(rd_kafka_t& client, const std::vector<std::string>& topics,
                      const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t& answers);

/// By topic: a sentence about the planned settings that are otherwise. Nothing of topics that the broker says nothing
/// about, but a line in the log.
std::map<std::string, std::string> settings_that_differ(rd_kafka_event_t& answer, const std::vector<topic_plan>& plans,
                                                        observer& seen);

}  // namespace social::kafka::rd
