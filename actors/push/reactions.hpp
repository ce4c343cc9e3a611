// What follows from a device that moved or went: the push store's own journal is read for it.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/domain/subscription/commands.hpp"
#include "actors/ports/store.hpp"

namespace social::push {

/// A command that a reaction gives, and whom it concerns.
struct reaction_command {
  id_t user = 0;
  domain::subscription::remove_device command;
};

struct reactions {
  std::uint64_t read_up_to = 0;            ///< sequence of the last event read
  std::vector<reaction_command> commands;  ///< to be done durably before the cursor moves
  std::vector<domain::row_change> rows;    ///< logs and windows of devices that are gone
};

/// Reads at most `records_max` records of one shard after `after`. Safe to repeat: everything is decided upon what the
/// store holds now. Blocks. Errors: what reading met.
result<reactions> read_reactions(const ports::store& store, shard_t shard, std::uint64_t after,
                                 std::size_t records_max);

/// Where the planner stands in the push store's journal, by shard, as its rows say; 0: nothing was written yet. It lags
/// by up to `reaction_cursor_lag_max` events that nothing followed from. Blocks. Errors: the store's, corrupt_record.
result<std::vector<std::uint64_t>> reaction_cursors(const ports::store& store);
inline constexpr std::uint64_t reaction_cursor_lag_max = 256;

}  // namespace social::push
