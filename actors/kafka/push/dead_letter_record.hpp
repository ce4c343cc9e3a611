// A dead letter as it lies in its topic, with the headers that Spring Kafka's DeadLetterPublishingRecoverer writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/base/result.hpp"
#include "actors/kafka/record.hpp"

namespace social::kafka {

/// What the headers of a dead letter tell.
struct dead_letter_origin {
  std::string topic;
  std::int32_t partition = -1;
  std::int64_t offset = -1;
  timestamp_t time = 0;
  std::string reason;
  std::string code;  ///< the word of our error code
  bool value_left_out = false;
};

/// How much of a record its dead letter keeps. With the headers that are added it may be larger than its topic takes.
enum class letter_part : std::uint8_t {
  all,
  without_value,  ///< a header says so
  place_alone,    ///< nor key and headers of its own: as small as can be
};

/// The record for `<topic>-dlt`: original key, value and headers, and what was wrong. A record that had been a dead
/// letter before has its old headers replaced.
record dead_letter_of(const received& from, const error& why, letter_part keep = letter_part::all);

/// Nullopt: no dead letter of ours, nor of Spring's.
std::optional<dead_letter_origin> origin_of_dead_letter(const record& letter);

/// The record as it was, for its own topic. Errors: invalid_input when it is no dead letter, or its value was left out.
result<record> revived(const record& letter);

}  // namespace social::kafka
