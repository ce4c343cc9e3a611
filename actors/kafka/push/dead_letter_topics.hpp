// The newest records of the dead letter topics, for the admin API, and their replay.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/kafka/log_reader.hpp"
#include "actors/kafka/sender.hpp"

namespace social::kafka {

class dead_letter_topics {
 public:
  /// Remembers the newest `letters_max` of all topics together. `out` outlives it.
  dead_letter_topics(client_settings settings, std::vector<std::string> topics, std::size_t letters_max, sender& out,
                     std::shared_ptr<client_health> health);
  ~dead_letter_topics();
  dead_letter_topics(const dead_letter_topics&) = delete;
  dead_letter_topics& operator=(const dead_letter_topics&) = delete;

  void open();
  /// JSON array, newest first: `{id, topic, partition, offset, originalTopic, originalPartition, originalOffset, key,
  /// reason, code, at}`; values are left out, they may hold what people wrote and device keys.
  [[nodiscard]] std::string report() const;
  /// Is this one of our ids (`<topic>:<partition>:<offset>`)?
  [[nodiscard]] static bool owns(std::string_view id) noexcept;
  /// Produces the original key, value and headers to the original topic once more; what `kafka_dlt-*` added is left
  /// out. Errors: not_found (unknown, or too old to be remembered), the sender's.
  void replay(const std::string& id, std::function<void(result<void>)> done);
  void stop();

 private:
  class parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::kafka
