// The api store against its rules: every view, count and index is recomputed from the state rows, and the journal is
// replayed.
#pragma once

#include <cstdint>

#include "actors/verify/replay.hpp"
#include "actors/verify/store_view.hpp"

namespace social::verify {

struct api_summary {
  std::uint64_t users = 0;
  std::uint64_t posts = 0;
  std::uint64_t comments = 0;
  std::uint64_t likes = 0;
  std::uint64_t connections = 0;
  replay_summary replay;
};

/// Blocks on the disk, in the calling thread. Memory: a bit for each user and post, one page of each table, and
/// `replay_bytes_max` for the entities that are replayed.
api_summary verify_api_store(const store_view& store, std::size_t replay_bytes_max = replay_options().bytes_max);

}  // namespace social::verify
