// What is written when a delivery is answered.
#pragma once

#include <string>
#include <vector>

#include "actors/push/lane.hpp"
#include "actors/push/rows.hpp"

namespace social::push {

/// The end of a delivery.
struct ending {
  delivery_result result = delivery_result::accepted;
  std::uint32_t status = 0;
  std::int64_t latency_ms = 0;
  std::string reason;         ///< for the dead letter
  std::string endpoint_hash;  ///< for the dead letter; hexadecimal, shortened
};

/// True for endings that somebody should be able to look at and replay.
bool makes_dead_letter(delivery_result result) noexcept;

/// The delivery leaves, its log row comes, and a dead letter when it was not accepted.
std::vector<domain::row_change> rows_of_ending(const lane_entry& entry, const delivery_row& row, const ending& end,
                                               timestamp_t now);
/// The delivery leaves without a trace: its device is no longer there.
std::vector<domain::row_change> rows_of_dropping(const lane_entry& entry, const delivery_row& row);
/// The delivery waits until `at`; `row` becomes what is written.
std::vector<domain::row_change> rows_of_retry(const lane_entry& entry, delivery_row& row, std::string_view result,
                                              timestamp_t at);
/// A dead letter comes back with a new life. Errors: corrupt_record.
struct revived {
  std::vector<domain::row_change> rows;
  lane_entry entry;
  std::string origin;
};
result<revived> rows_of_replay(const domain::row_key& key, const dead_letter_row& letter, timestamp_t now,
                               std::int64_t ttl_ms);

}  // namespace social::push
