// Where a durable reader of a journal stands: one row per shard, in the store of what it does.
#pragma once

#include <cstdint>
#include <string>

#include "actors/base/ids.hpp"
#include "actors/domain/row.hpp"

namespace social::ports {

/// Position in one shard; version and fields are on disk (table::cursor).
struct cursor_row {
  std::uint64_t sequence = 0;  ///< of the last event that took effect
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(sequence);
  }
};

/// A restored store goes on so many sequences further, behind one marker record.
inline constexpr std::uint64_t restore_gap = std::uint64_t{1} << 32;

/// Events behind `after` up to `last`, without what restores have left out: nobody keeps so many in one shard.
constexpr std::uint64_t events_between(std::uint64_t after, std::uint64_t last) {
  return last > after ? (last - after) % (restore_gap - 1) : 0;
}

inline domain::row_key cursor_key(const std::string& reader, shard_t shard) {
  return {domain::table::cursor, shard, 0, reader};
}

}  // namespace social::ports
