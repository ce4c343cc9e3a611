#include "actors/kafka/simple_consumer.hpp"

#include <algorithm>

namespace social::kafka::rd {

result<conf_handle> simple_consumer::make_conf(const client_settings& settings, std::size_t fetch_bytes_max) {
  constexpr std::size_t message_bytes_max = 1'000'000;  // librdkafka wants at least one message to fit
  return rd::make_conf(settings,
                       {{"isolation.level", "read_committed"},
                        {"queued.max.messages.kbytes", std::to_string(fetch_bytes_max / 1024 + 1)},
                        {"fetch.max.bytes", std::to_string(std::max(fetch_bytes_max, message_bytes_max))},
                        // A broker does one request of a connection after the other: questions wait for a fetch that
                        // waits.
                        {"fetch.wait.max.ms", "250"},
                        {"socket.timeout.ms", "10000"}},
                       {{"enable.auto.commit", "false"},
                        {"enable.auto.offset.store", "false"},
                        {"auto.offset.reset", "error"},
                        {"enable.partition.eof", "true"},
                        {"allow.auto.create.topics", "false"}});
}

result<std::unique_ptr<simple_consumer>> simple_consumer::make(const client_settings& settings,
                                                               const std::vector<std::string>& topics,
                                                               std::size_t fetch_bytes_max) {
  auto conf = make_conf(settings, fetch_bytes_max);
  if (!conf) return conf.error();
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf), settings);
  if (!client) return client.error();
  return std::make_unique<simple_consumer>(std::move(*client), topics);
}

simple_consumer::simple_consumer(client_handle client, const std::vector<std::string>& topics)
    : client_(std::move(client)),
      records_(rd_kafka_queue_new(client_.get())),
      events_(rd_kafka_queue_get_main(client_.get())) {
  for (const auto& topic : topics) topics_[topic].reset(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr));
}

simple_consumer::~simple_consumer() {
  for (const auto& where : started_) rd_kafka_consume_stop(topics_.at(where.topic).get(), where.partition);
}

result<std::int32_t> simple_consumer::partitions(const std::string& topic, int timeout_ms) {
  return query_partitions(*client_, *topics_.at(topic), timeout_ms);
}

std::map<topic_partition, std::int64_t> simple_consumer::offsets(const std::vector<topic_partition>& which,
                                                                 std::int64_t logical, int timeout_ms) {
  return query_offsets(*client_, which, logical, timeout_ms);
}

std::int64_t simple_consumer::end_last_heard_of(const topic_partition& where) {
  std::int64_t low = -1;
  std::int64_t high = -1;
  rd_kafka_get_watermark_offsets(client_.get(), where.topic.c_str(), where.partition, &low, &high);
  return std::max<std::int64_t>(high, -1);
}

result<void> simple_consumer::start(const topic_partition& where, std::int64_t offset) {
  if (rd_kafka_consume_start_queue(topics_.at(where.topic).get(), where.partition, offset, records_.get()) != 0)
    return error(error_code::internal, rd_kafka_err2str(rd_kafka_last_error()));
  started_.insert(where);
  return {};
}

void simple_consumer::stop(const topic_partition& where) {
  if (started_.erase(where) > 0) rd_kafka_consume_stop(topics_.at(where.topic).get(), where.partition);
}

}  // namespace social::kafka::rd
