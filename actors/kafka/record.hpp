// Kafka records as plain values. Nothing of librdkafka shows here.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/ids.hpp"

namespace social::kafka {

/// A record header. Kafka allows repeated names and null values.
struct header {
  std::string name;
  std::optional<std::string> value;
  friend bool operator==(const header&, const header&) = default;
};

struct topic_partition {
  std::string topic;
  std::int32_t partition = 0;
  friend auto operator<=>(const topic_partition&, const topic_partition&) = default;
};

/// What is produced, and what every received record holds.
struct record {
  std::string topic;
  /// -1: by the key, as Java's client places it (murmur2; a record without a key goes anywhere).
  std::int32_t partition = -1;
  std::optional<std::string> key;
  std::optional<std::string> value;  ///< nullopt: a tombstone
  std::vector<header> headers;

  /// Of duplicate headers the last wins; null when there is none, or its value is null.
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept {
    for (auto h = headers.rbegin(); h != headers.rend(); ++h)
      if (h->name == name) return h->value ? &*h->value : nullptr;
    return nullptr;
  }
  friend bool operator==(const record&, const record&) = default;
};

/// A record as it lies in a partition.
struct received {
  record content;
  std::int64_t offset = 0;
  timestamp_t time = 0;  ///< of the record, ms since the epoch; 0: it has none

  [[nodiscard]] topic_partition place() const { return {content.topic, content.partition}; }
};

/// Where a produced record went.
struct placed {
  std::int32_t partition = -1;
  std::int64_t offset = -1;
};

}  // namespace social::kafka
