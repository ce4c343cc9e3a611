// A producer without anything of ours around it, with the settings of actors/kafka/producer.cpp: what the outbox is
// measured against, and what fills topics for other measurements.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "actors/kafka/record.hpp"
#include "actors/kafka/topics.hpp"
#include "tests/support/eventually.hpp"

namespace social::bench {

[[noreturn]] inline void fail(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

/// A measurement that does not end is given up.
inline void wait_for(const std::function<bool()>& condition, const std::string& otherwise) {
  if (!test::eventually(condition, std::chrono::minutes(2))) fail(otherwise);
}

/// `--name value` pairs over what is taken when they are not given.
inline std::map<std::string, std::string> arguments(int argc, char** argv, std::map<std::string, std::string> given) {
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!given.contains(argv[i])) fail(std::string("there is no option ") + argv[i]);
    given[argv[i]] = argv[i + 1];
  }
  for (const auto& [name, value] : given)
    if (value.empty()) fail(name + " is needed");
  return given;
}

class bare_producer {
 public:
  explicit bare_producer(const std::string& brokers) {
    auto* conf = rd_kafka_conf_new();
    const std::vector<std::pair<const char*, std::string>> settings = {
        {"bootstrap.servers", brokers},
        {"log_level", "3"},
        {"enable.idempotence", "true"},
        {"enable.gapless.guarantee", "true"},
        {"max.in.flight.requests.per.connection", "1"},
        {"acks", "all"},
        {"partitioner", "murmur2_random"},
        {"message.timeout.ms", "0"},
        {"linger.ms", "5"},
        {"compression.type", "lz4"},
        {"queue.buffering.max.messages", "100000"},
        {"queue.buffering.max.kbytes", "65537"},
    };
    std::string why(512, '\0');
    for (const auto& [name, value] : settings)
      if (rd_kafka_conf_set(conf, name, value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) fail(why);
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(message->err));
      ++static_cast<bare_producer*>(self)->acknowledged_;
    });
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why.data(), why.size());
    if (client_ == nullptr) fail(why);
  }
  ~bare_producer() {
    for (const auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client_);
  }
  bare_producer(const bare_producer&) = delete;
  bare_producer& operator=(const bare_producer&) = delete;

  /// Returns when all of them are acknowledged.
  void send(const std::vector<kafka::record>& records) {
    for (const auto& record : records) push(record);
    while (acknowledged_ < sent_) rd_kafka_poll(client_, 100);
  }

  /// Sends them over and over, so many a second, in bursts every 25 ms as an outbox under load does, until `over`.
  void keep_sending(const std::vector<kafka::record>& records, std::uint64_t per_second,
                    const std::function<bool()>& over) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint64_t burst = 0; !over(); ++burst) {
      while (std::chrono::steady_clock::now() < begin + burst * std::chrono::milliseconds(25))
        rd_kafka_poll(client_, 1);
      while (sent_ * 40 < burst * per_second) push(records[sent_ % records.size()]);
    }
    while (acknowledged_ < sent_) rd_kafka_poll(client_, 100);
  }

 private:
  void push(const kafka::record& record) {
    while (!produce(record)) rd_kafka_poll(client_, 1);
    rd_kafka_poll(client_, 0);
    ++sent_;
  }

  bool produce(const kafka::record& record) {
    auto& topic = topics_[record.topic];
    if (topic == nullptr) topic = rd_kafka_topic_new(client_, record.topic.c_str(), nullptr);
    auto* headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers)
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value->data(),
                          static_cast<ssize_t>(value->size()));
    const auto code =
        rd_kafka_producev(client_, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_KEY(record.key->data(), record.key->size()),
                          RD_KAFKA_V_VALUE(const_cast<char*>(record.value->data()), record.value->size()),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    rd_kafka_headers_destroy(headers);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail(rd_kafka_err2str(code));
    return false;
  }

  rd_kafka_t* client_ = nullptr;
  std::map<std::string, rd_kafka_topic_t*> topics_;
  std::size_t sent_ = 0;
  std::size_t acknowledged_ = 0;
};

/// Makes the topics of docs/events.md where they are missing.
inline void wait_for_topics(const std::string& brokers) {
  std::atomic<bool> ready{false};
  const auto plans = kafka::topics_of_the_contract(3, 1);
  kafka::topic_keeper keeper({.brokers = brokers, .client_id = "bench", .options = {}}, plans,
                             {kafka::gate_of_all(plans, [&ready] { ready = true; })},
                             std::make_shared<kafka::client_health>());
  wait_for([&] { return ready.load(); }, "the topics cannot be made");
}

}  // namespace social::bench
