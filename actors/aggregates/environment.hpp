// What every shard and entity of one node shares.
#pragma once

#include <vector>

#include "actors/aggregates/messages.hpp"
#include "actors/aggregates/registry.hpp"
#include "actors/ports/clock.hpp"
#include "actors/runtime/node.hpp"

namespace social::aggregates {

struct aggregate_limits {
  std::int64_t entity_mailbox_max = 1024;  ///< messages; commands beyond it are shed
  std::size_t entity_queue_max = 256;      ///< commands waiting for their turn in one entity
  std::size_t children_max = 8;            ///< live children (comments) of one entity (post)
  std::int64_t shard_mailbox_max = 8192;   ///< messages; commands beyond it are shed
  std::size_t shard_entities_max = 4096;   ///< live entities of one shard; the longest idle leave first
  std::size_t shard_waiting_max = 4096;    ///< commands a shard holds for ids, unique keys and stopping entities
  std::int64_t entity_idle_ms = 300'000;   ///< passivated after that long without a message
  std::int64_t crash_backoff_ms = 100;     ///< first delay before a crashed entity is started again; doubles
  std::int64_t crash_backoff_max_ms = 30'000;
  std::uint32_t crashes_max = 8;  ///< in a row; then commands are refused until the longest delay has passed
  std::size_t disk_readers = 4;   ///< detached threads for reads that need the disk
  bool must_sync = false;         ///< commands are synced even with durability=async
};

/// Made by the region, kept alive by its actors, which may outlive the region at a hurried stop. Never changed after
/// the first actor was started.
struct environment {
  runtime::node_context* node = nullptr;
  ports::store store;
  const ports::clock* clock = nullptr;
  registry kinds;
  aggregate_limits limits;
  std::string prefix;  ///< before the kinds of shards and readers, where one node has several regions
  std::vector<disk_reader_actor> disk_readers;

  [[nodiscard]] const disk_reader_actor& disk_reader_for(std::uint64_t number) const {
    return disk_readers[number % disk_readers.size()];
  }
};

}  // namespace social::aggregates
