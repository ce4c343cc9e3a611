// librdkafka with owners: handles that free themselves, clients that are all built alike, and what becomes of their
// log lines and errors. The only header that includes librdkafka; what includes it stays inside this folder.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "actors/base/result.hpp"
#include "actors/kafka/client.hpp"
#include "actors/kafka/record.hpp"

namespace social::kafka {
struct producer_options;
}

namespace social::kafka::rd {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* what) const noexcept {
    Free(what);
  }
};
/// Ends a client. librdkafka 2.0.2 waits without end for a broker's thread when a topic was deleted whose partitions
/// the client had assigned, and for as long as a request under way takes: after three seconds it is left to end in the
/// background, which the log says. Nothing may use the client, its queues or its topics any more. `flags`: of
/// rd_kafka_destroy_flags. `patience`: shorter where it is known that it takes long.
void let_go(rd_kafka_t* client, int flags = 0, std::chrono::milliseconds patience = std::chrono::seconds(3)) noexcept;

struct client_end {
  void operator()(rd_kafka_t* client) const noexcept { let_go(client); }
};
using conf_handle = std::unique_ptr<rd_kafka_conf_t, freed_by<rd_kafka_conf_destroy>>;
using client_handle = std::unique_ptr<rd_kafka_t, client_end>;
using topic_handle = std::unique_ptr<rd_kafka_topic_t, freed_by<rd_kafka_topic_destroy>>;
using queue_handle = std::unique_ptr<rd_kafka_queue_t, freed_by<rd_kafka_queue_destroy>>;
using event_handle = std::unique_ptr<rd_kafka_event_t, freed_by<rd_kafka_event_destroy>>;
using error_handle = std::unique_ptr<rd_kafka_error_t, freed_by<rd_kafka_error_destroy>>;
using headers_handle = std::unique_ptr<rd_kafka_headers_t, freed_by<rd_kafka_headers_destroy>>;
using list_handle = std::unique_ptr<rd_kafka_topic_partition_list_t, freed_by<rd_kafka_topic_partition_list_destroy>>;
using list_item = std::unique_ptr<rd_kafka_topic_partition_t, freed_by<rd_kafka_topic_partition_destroy>>;
using metadata_handle = std::unique_ptr<const rd_kafka_metadata_t, freed_by<rd_kafka_metadata_destroy>>;

using setting = std::pair<std::string, std::string>;

/// A configuration of the operator's options between our defaults, which they may override, and our own settings, which
/// nothing overrides. Log lines and errors become events. Errors: invalid_input names the option.
result<conf_handle> make_conf(const client_settings& settings, const std::vector<setting>& defaults,
                              const std::vector<setting>& fixed);
/// What the option comes to; nullopt: it is no number.
std::optional<std::int64_t> number_in(const rd_kafka_conf_t& conf, const char* name);
/// `one_by_one`: see producer.cpp.
result<conf_handle> make_producer_conf(const client_settings& settings, const producer_options& options,
                                       bool one_by_one);
/// Where a client's log lines go.
enum class log_lines : std::uint8_t {
  on_main_queue,
  kept,  ///< until the owner names a queue for them
};
/// Errors: invalid_input, internal.
result<client_handle> make_client(rd_kafka_type_t type, conf_handle conf, const client_settings& settings,
                                  log_lines lines = log_lines::on_main_queue);

/// Milliseconds of a steady clock, for deadlines.
std::int64_t now_ms() noexcept;
/// What is left until `deadline_ms`, for librdkafka's parameters; never negative.
int left_ms(std::int64_t deadline_ms) noexcept;

/// Kafka's own rule for names of topics (Topic.validate): librdkafka would look for an impossible one without end.
bool is_topic_name(std::string_view name) noexcept;

/// When it was written; 0: it does not say.
timestamp_t time_of(const rd_kafka_message_t& message) noexcept;
received received_of(const rd_kafka_message_t& message);
list_handle list_of(const std::vector<topic_partition>& which);
std::vector<topic_partition> partitions_of(const rd_kafka_topic_partition_list_t* list);

/// The number of partitions, from a broker. Errors: not_found, unavailable.
result<std::int32_t> query_partitions(rd_kafka_t& client, rd_kafka_topic_t& topic, int timeout_ms);

/// Offsets that leaders say: of the oldest record kept with RD_KAFKA_OFFSET_BEGINNING, after the newest with
/// RD_KAFKA_OFFSET_END. Partitions whose leader does not answer in time are missing.
std::map<topic_partition, std::int64_t> query_offsets(rd_kafka_t& client, const std::vector<topic_partition>& which,
                                                      std::int64_t logical, int timeout_ms);

/// Lines of one kind: the first at once, then one in thirty seconds that says how many were left out.
class line_limit {
 public:
  /// Nullopt: leave it out; otherwise the number left out since the last one.
  std::optional<std::uint64_t> pass(const std::string& kind, std::int64_t now);

 private:
  struct entry {
    std::int64_t last_ms = 0;
    std::uint64_t left_out = 0;
  };
  std::map<std::string, entry> kinds_;
};

/// What becomes of a client's log lines and errors: lines of ours, and its health. Used on the thread that polls.
class observer {
 public:
  observer(std::string client, std::shared_ptr<client_health> health);
  /// Everything that is not a record, a report or an answer to a request.
  void serve(rd_kafka_event_t& event);
  void on_error(rd_kafka_resp_err_t code, std::string_view text);
  /// A broker did what was asked of it.
  void answered() { health_->connected(); }
  /// One line of this kind at a time.
  void warn(const std::string& kind, std::string_view message, std::string_view detail);
  [[nodiscard]] client_health& health() { return *health_; }
  [[nodiscard]] const std::string& client() const { return client_; }

 private:
  void on_log(rd_kafka_event_t& event);

  const std::string client_;
  const std::shared_ptr<client_health> health_;
  line_limit lines_;
};

}  // namespace social::kafka::rd
