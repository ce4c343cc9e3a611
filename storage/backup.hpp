// Copies of stores: taken from one that is being written, and made fit to go on from.
#pragma once

#include <cstdint>
#include <filesystem>

#include "actors/base/result.hpp"
#include "actors/domain/aggregate.hpp"
#include "storage/options.hpp"

namespace social::storage {

/// Ids per kind and shard that a restored store leaves out.
inline constexpr std::uint64_t ids_skipped = std::uint64_t{1} << 20;
/// Event sequences per shard that a restored store leaves out.
inline constexpr std::uint64_t sequences_skipped = std::uint64_t{1} << 32;

/// Of the one event of a marker record: no aggregate's, so every reader of the journal passes it by.
inline constexpr auto marker_kind = static_cast<domain::aggregate_kind>(0);
inline constexpr std::uint16_t restored_marker_type = 1;

/// Makes a restored copy of a store fit to go on: what was given out after the copy was taken (ids in links, event ids
/// in Kafka and on devices) is never given out again. Each shard's journal gets a marker record `sequences_skipped`
/// ahead, each id block of every kind moves by `ids_skipped`. Synced when it returns. To be called once for a copy,
/// while no one else has it open. Errors: as rocks_store::open.
result<void> skip_ahead(const storage_options& options);

}  // namespace social::storage
