// The clients that each role makes, with their options: so that all of them can be tried before anything is opened.
#pragma once

#include <cstdint>
#include <string>

#include "actors/kafka/client.hpp"
#include "actors/kafka/group_consumer.hpp"
#include "actors/kafka/producer.hpp"

namespace social::kafka {

/// What we write is smaller: values of 64 KiB at most (codec.cpp), with their key and headers.
inline constexpr std::int64_t record_bytes_max = 80 * 1024;

producer_options events_producer();
producer_options subscriptions_producer();
/// Without a time limit: a dead letter that cannot leave now leaves when Kafka is back.
producer_options dead_letters_producer();
/// Whoever asked names the topic of the reply, and it may be one that takes no records: after a time the request is
/// finished without. Long enough for a partition to get a new leader.
producer_options replies_producer();
producer_options requests_producer(std::int64_t timeout_ms);

/// Which of them a process makes.
struct clients_plan {
  bool publishes = false;  ///< the api role's events
  bool asks = false;       ///< the push role, and reads its replies
  std::int64_t request_timeout_ms = 5'000;
  bool consumes = false;  ///< the push role: all of its clients
  group_options group;    ///< its topics do not matter
};

/// Makes each of them once, without brokers, and lets go of it. Errors: invalid_input names the option, or the two that
/// do not fit together.
result<void> check_clients(const client_settings& settings, const clients_plan& plan);

}  // namespace social::kafka
