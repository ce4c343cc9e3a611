// The push store against its rules: devices, endpoint rows and work queues agree, and the journal is replayed.
#pragma once

#include <cstdint>

#include "actors/verify/replay.hpp"
#include "actors/verify/store_view.hpp"

namespace social::verify {

struct push_summary {
  std::uint64_t users = 0;  ///< with a subscription state
  std::uint64_t devices = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t dead_letters = 0;
  replay_summary replay;
};

/// Blocks on the disk, in the calling thread. `api_log`: the journal that the subscriber `push` reads; null: it is not
/// at hand, and its cursors are not compared. Memory: as verify_api_store, and at most a million numbers of devices
/// that reactions have not come to yet.
push_summary verify_push_store(const store_view& store, const ports::journal* api_log,
                               std::size_t replay_bytes_max = replay_options().bytes_max);

}  // namespace social::verify
