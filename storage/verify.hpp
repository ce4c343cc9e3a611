// The walk over a store that is not being written: what can be said without knowing the rules.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "actors/base/result.hpp"
#include "actors/ports/finding.hpp"
#include "actors/ports/store.hpp"
#include "storage/engine.hpp"
#include "storage/stopped_store.hpp"

namespace social::storage {

/// (kind, shard) -> sequences below it may have been given out.
using id_blocks = std::map<std::pair<std::uint8_t, shard_t>, std::uint64_t>;

/// Blocks that do not decode are left out; the walk reports them. Errors: store_damaged, io_error.
result<id_blocks> read_id_blocks(const database& store);

/// As ports::journal::read, without a head: nobody writes.
result<std::vector<ports::journal_record>> read_records(const database& store, shard_t shard, std::uint64_t after,
                                                        std::size_t records_max, std::size_t bytes_max);

/// See stopped_store::walk.
walked walk_store(const database& store, const ports::finding_sink& report);

}  // namespace social::storage
