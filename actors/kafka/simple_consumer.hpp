// A consumer without a group, as log_reader uses it: partitions are started one by one, all on one queue. That needs no
// group and no rights on one, and start offsets are always absolute: a logical "end" would be looked up at some later
// time. Included by log_reader.cpp alone.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/kafka/client_config.hpp"

namespace social::kafka::rd {

/// Used by one thread, but for `yield`.
class simple_consumer {
 public:
  /// Errors: invalid_input, internal.
  static result<conf_handle> make_conf(const client_settings& settings, std::size_t fetch_bytes_max);
  static result<std::unique_ptr<simple_consumer>> make(const client_settings& settings,
                                                       const std::vector<std::string>& topics,
                                                       std::size_t fetch_bytes_max);
  simple_consumer(client_handle client, const std::vector<std::string>& topics);
  ~simple_consumer();
  simple_consumer(const simple_consumer&) = delete;
  simple_consumer& operator=(const simple_consumer&) = delete;

  /// See query_partitions.
  [[nodiscard]] result<std::int32_t> partitions(const std::string& topic, int timeout_ms);
  /// See query_offsets.
  [[nodiscard]] std::map<topic_partition, std::int64_t> offsets(const std::vector<topic_partition>& which,
                                                                std::int64_t logical, int timeout_ms);
  /// The end that came with the last records; -1: none came yet. Does not wait.
  [[nodiscard]] std::int64_t end_last_heard_of(const topic_partition& where);

  /// Errors: internal.
  result<void> start(const topic_partition& where, std::int64_t offset);
  /// No record of it comes any more.
  void stop(const topic_partition& where);
  /// Records, and errors of partitions; null: nothing came in time.
  [[nodiscard]] event_handle poll(int wait_ms) { return event_handle(rd_kafka_queue_poll(records_.get(), wait_ms)); }
  /// Log lines, and errors of the client as a whole. Does not wait.
  [[nodiscard]] event_handle poll_events() { return event_handle(rd_kafka_queue_poll(events_.get(), 0)); }
  /// Any thread: ends a `poll`, or the next one.
  void yield() { rd_kafka_queue_yield(records_.get()); }

 private:
  client_handle client_;
  queue_handle records_;
  queue_handle events_;
  std::map<std::string, topic_handle> topics_;
  std::set<topic_partition> started_;
};

}  // namespace social::kafka::rd
