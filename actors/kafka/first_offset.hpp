// Where a log_reader begins to read a partition.
#pragma once

#include <cstdint>
#include <optional>

#include "actors/kafka/log_reader.hpp"

namespace social::kafka {

/// What a broker has of a partition.
struct kept_offsets {
  std::int64_t oldest = 0;
  std::int64_t end = 0;  ///< after the newest
};

/// `next`: to where it has been read before, by this reader. `added_later`: the partition came when its topic was being
/// read already, so all of it is new. A position that the broker does not have is reported, and the oldest taken: what
/// is there is read rather once more than never.
std::int64_t first_offset(const log_reader_options& options, const topic_partition& where,
                          std::optional<std::int64_t> next, bool added_later, const kept_offsets& kept);

}  // namespace social::kafka
