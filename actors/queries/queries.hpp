// Questions answered from committed rows: pure functions of a row reader. No CAF; readers in actors/aggregates run
// them.
#pragma once

#include <optional>

#include "actors/ports/store.hpp"
#include "actors/protocol/query.hpp"

namespace social::queries {

/// Nullopt when the disk would be needed at `cache_only`; at `disk` there is always an answer.
/// Errors as protocol/query.hpp says per question; store_unavailable when rows cannot be read, corrupt_record when they
/// do not decode.
std::optional<result<protocol::answer>> run(const protocol::query& question, const ports::row_reader& rows,
                                            shard_t shards, ports::read_tier tier);

}  // namespace social::queries
