// Which beginning of a shard's journal may go. State rows are the truth, the journal is recent history: it is kept for
// a while, and for whoever has not read it yet.
#pragma once

#include <cstddef>
#include <cstdint>

#include "actors/base/ids.hpp"
#include "actors/base/result.hpp"
#include "storage/engine.hpp"

namespace social::storage {

struct trim_limits {
  std::uint64_t from = 0;  ///< the oldest sequence kept: what is before it need not be passed over again
  std::uint64_t head = 0;  ///< the newest sequence that is synced: what follows may not be there tomorrow
  std::uint64_t hold = 0;  ///< the last sequence that nobody waits for
  timestamp_t before = 0;  ///< records from then on stay
  std::size_t records_max = 0;
};

struct trim_plan {
  std::uint64_t below = 0;   ///< first sequence that stays
  std::uint64_t events = 0;  ///< that go; 0: nothing does
};

/// Reads from `from` on. Errors: corrupt_record, io_error.
result<trim_plan> plan_trim(const database& store, shard_t shard, const trim_limits& limits);

}  // namespace social::storage
