// librdkafka's mock cluster: real sockets and the real protocol, brokers without a disk. For unit tests of whatever
// speaks to Kafka.
//
//   mock_kafka kafka;                         // one broker; mock_kafka kafka(3): three
//   kafka.create_topic("v1.event.x", 3);
//   auto make = kafka::real_producer(kafka.settings(), {.name = "test"}, health);
//   kafka.refuse(mock_kafka::api::produce, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, ...});
//   kafka.down(); kafka.up();
//   kafka.put({.topic = "v1.event.x", .key = "1", .value = "{}"});    // by a producer of its own
//   kafka.records("v1.event.x");              // everything that lies there, by partition and offset
//
// It does less than a broker: no CreateTopics and no DescribeConfigs, no compaction and no transactions' markers, no
// check of idempotent sequences, and a topic that is asked for is made with four partitions (`hide_topic` prevents it).
// A partition keeps at most 100,000 records or 5 MiB.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "actors/kafka/client.hpp"
#include "actors/kafka/record.hpp"
#include "tests/support/eventually.hpp"

namespace social::test {

class mock_kafka {
 public:
  /// Kafka's numbers of requests.
  enum class api : std::int16_t {
    produce = 0,
    fetch = 1,
    list_offsets = 2,
    metadata = 3,
    offset_commit = 8,
    offset_fetch = 9,
    find_coordinator = 10,
    join_group = 11,
    heartbeat = 12,
    leave_group = 13,
    sync_group = 14,
    init_producer_id = 22,
  };

  explicit mock_kafka(int brokers = 1) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "test.mock.num.brokers", std::to_string(brokers));
    set(conf, "log_level", "0");
    set(conf, "linger.ms", "0");
    set(conf, "partitioner", "murmur2_random");
    std::string why(512, '\0');
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why.data(), why.size());
    if (client_ == nullptr) throw std::runtime_error("no mock cluster: " + why);
    cluster_ = rd_kafka_handle_mock_cluster(client_);
    brokers_ = rd_kafka_mock_cluster_bootstraps(cluster_);
  }
  ~mock_kafka() {
    rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_destroy(client_);
  }
  mock_kafka(const mock_kafka&) = delete;
  mock_kafka& operator=(const mock_kafka&) = delete;

  [[nodiscard]] const std::string& brokers() const { return brokers_; }
  /// Clients of these try again soon: a test does not wait for back-offs.
  [[nodiscard]] kafka::client_settings settings(std::string client_id = "test") const {
    return {.brokers = brokers_,
            .client_id = std::move(client_id),
            .options = {{"reconnect.backoff.ms", "20"},
                        {"reconnect.backoff.max.ms", "100"},
                        {"retry.backoff.ms", "20"},
                        {"fetch.error.backoff.ms", "20"},
                        {"topic.metadata.refresh.fast.interval.ms", "50"}}};
  }

  void create_topic(const std::string& name, int partitions = 1) {
    check(rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1), "create a topic");
  }
  /// Whoever asks for it hears that there is no such topic, until `show_topic`.
  void hide_topic(const std::string& name) {
    rd_kafka_mock_topic_set_error(cluster_, name.c_str(), RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  }
  void show_topic(const std::string& name) {
    rd_kafka_mock_topic_set_error(cluster_, name.c_str(), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  /// The next requests of that kind fail so, one after the other. RD_KAFKA_RESP_ERR__TRANSPORT cuts the connection.
  void refuse(api what, const std::vector<rd_kafka_resp_err_t>& errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, static_cast<std::int16_t>(what), errors.size(), errors.data());
  }
  void refuse_no_more(api what) { rd_kafka_mock_clear_request_errors(cluster_, static_cast<std::int16_t>(what)); }
  /// -1: all brokers. They are numbered from 1.
  void down(int broker = -1) { check(rd_kafka_mock_broker_set_down(cluster_, broker), "stop a broker"); }
  void up(int broker = -1) { check(rd_kafka_mock_broker_set_up(cluster_, broker), "start a broker"); }
  /// Every answer takes that long.
  void slow(int round_trip_ms, int broker = -1) {
    check(rd_kafka_mock_broker_set_rtt(cluster_, broker, round_trip_ms), "slow a broker down");
  }
  void set_leader(const std::string& topic, int partition, int broker) {
    check(rd_kafka_mock_partition_set_leader(cluster_, topic.c_str(), partition, broker), "set a leader");
  }

  /// Produces without any code of ours and waits until it lies there.
  void put(const kafka::record& what) {
    rd_kafka_headers_t* headers = rd_kafka_headers_new(what.headers.size());
    for (const auto& [name, value] : what.headers)
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value ? value->data() : nullptr,
                          value ? static_cast<ssize_t>(value->size()) : 0);
    const auto bytes = [](const std::optional<std::string>& text) {
      return text ? std::pair(text->data(), text->size()) : std::pair<const char*, std::size_t>(nullptr, 0);
    };
    const auto [key, key_size] = bytes(what.key);
    const auto [value, value_size] = bytes(what.value);
    const auto failure = rd_kafka_producev(
        client_, RD_KAFKA_V_TOPIC(what.topic.c_str()), RD_KAFKA_V_PARTITION(what.partition),
        RD_KAFKA_V_KEY(const_cast<char*>(key), key_size), RD_KAFKA_V_VALUE(const_cast<char*>(value), value_size),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);
    check(failure, "queue a record");
    check(rd_kafka_flush(client_, 20'000), "produce a record");
  }

  /// What lies in the topic now, ordered by partition and offset; read without any code of ours.
  [[nodiscard]] std::vector<kafka::received> records(const std::string& topic) const {
    reader from(brokers_, topic);
    std::vector<kafka::received> out;
    for (int partition = 0; partition < from.partitions(); ++partition) from.read(partition, out);
    return out;
  }
  /// As above, once there are as many; fewer: the deadline passed.
  [[nodiscard]] std::vector<kafka::received> records(
      const std::string& topic, std::size_t at_least,
      std::chrono::milliseconds deadline = std::chrono::seconds(20)) const {
    std::vector<kafka::received> found;
    eventually([&] { return (found = records(topic)).size() >= at_least; }, deadline);
    return found;
  }

 private:
  static void check(rd_kafka_resp_err_t failure, const char* doing) {
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR)
      throw std::runtime_error(std::string("cannot ") + doing + ": " + rd_kafka_err2str(failure));
  }
  static void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
    std::string why(512, '\0');
    if (rd_kafka_conf_set(conf, name, value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
      throw std::runtime_error(why);
  }

  /// The plainest consumer there is.
  class reader {
   public:
    reader(const std::string& brokers, const std::string& topic) {
      rd_kafka_conf_t* conf = rd_kafka_conf_new();
      set(conf, "bootstrap.servers", brokers);
      set(conf, "log_level", "0");
      set(conf, "enable.partition.eof", "true");
      set(conf, "auto.offset.reset", "earliest");
      set(conf, "fetch.wait.max.ms", "10");
      set(conf, "check.crcs", "true");
      std::string why(512, '\0');
      client_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why.data(), why.size());
      if (client_ == nullptr) throw std::runtime_error("no consumer: " + why);
      topic_ = rd_kafka_topic_new(client_, topic.c_str(), nullptr);
    }
    ~reader() {
      rd_kafka_topic_destroy(topic_);
      rd_kafka_destroy(client_);
    }
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    int partitions() {
      const rd_kafka_metadata_t* found = nullptr;
      check(rd_kafka_metadata(client_, 0, topic_, &found, 20'000), "look at a topic");
      const int count = found->topic_cnt == 1 ? found->topics[0].partition_cnt : 0;
      rd_kafka_metadata_destroy(found);
      return count;
    }
    void read(int partition, std::vector<kafka::received>& out) {
      rd_kafka_consume_start(topic_, partition, RD_KAFKA_OFFSET_BEGINNING);
      for (bool more = true; more;) {
        rd_kafka_message_t* message = rd_kafka_consume(topic_, partition, 20'000);
        if (message == nullptr) throw std::runtime_error("the mock cluster does not answer");
        more = message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) out.push_back(copy(*message));
        rd_kafka_message_destroy(message);
      }
      rd_kafka_consume_stop(topic_, partition);
    }

   private:
    static kafka::received copy(const rd_kafka_message_t& message) {
      kafka::received out;
      out.content.topic = rd_kafka_topic_name(message.rkt);
      out.content.partition = message.partition;
      if (message.key != nullptr) out.content.key.emplace(static_cast<const char*>(message.key), message.key_len);
      if (message.payload != nullptr) out.content.value.emplace(static_cast<const char*>(message.payload), message.len);
      out.offset = message.offset;
      rd_kafka_headers_t* headers = nullptr;
      if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char* name = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
             ++i) {
          auto& header = out.content.headers.emplace_back();
          header.name = name;
          if (value != nullptr) header.value.emplace(static_cast<const char*>(value), size);
        }
      }
      return out;
    }

    rd_kafka_t* client_ = nullptr;
    rd_kafka_topic_t* topic_ = nullptr;
  };

  rd_kafka_t* client_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  std::string brokers_;
};

}  // namespace social::test
