// From options to what Kafka's clients are told.
#pragma once

#include <string>

#include "actors/kafka/client.hpp"
#include "actors/kafka/codec.hpp"
#include "config/invocation.hpp"

namespace social::compose {

/// `client_id`: as the broker's tools show it.
kafka::client_settings kafka_client(const config::settings& from, std::string client_id);

kafka::topic_formats kafka_formats(const config::settings& from);

/// What only Kafka's own code can judge: options of librdkafka, topics of kafka.codec and kafka.type-id. Errors:
/// invalid_input names the option; nothing has been opened yet.
result<void> check_kafka(const config::invocation& invocation);

}  // namespace social::compose
