// What a store can be told. Filled by config/; every number has a unit and a default that fits one small node.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "actors/base/ids.hpp"

namespace rocksdb {
class FileSystem;
}

namespace social::storage {

class memory_budget;

enum class durability : std::uint8_t {
  sync,   ///< a commit is answered after fsync
  async,  ///< a commit is answered when it is in the log file; fsync follows within `sync_interval`
};

enum class log_level : std::uint8_t { info, warning, error };
/// One sentence for the log; called from any thread of the store, must not block for long.
using log_function = std::function<void(log_level, std::string_view)>;

struct storage_options {
  std::filesystem::path path;  ///< directory of this store alone; made when it is missing
  shard_t shards = 64;         ///< fixed when the store is made
  durability mode = durability::sync;

  /// Requests reserved, waiting or being written; beyond it commands are refused as overloaded.
  std::size_t commit_queue_max = 8192;
  /// One batch ends at whichever comes first. Bounds the time of one fsync and the memory of the batch.
  std::size_t batch_requests_max = 2048;
  std::size_t batch_bytes_max = std::size_t{4} << 20;

  /// Longest time that written data may stay without fsync, in both modes.
  std::chrono::milliseconds sync_interval{100};
  /// How often the newest synced sequence is noted for recovery (synced_mark.hpp); at most this often.
  std::chrono::milliseconds mark_interval{1000};
  /// How long `close` waits for queued requests and reserved places.
  std::chrono::milliseconds close_deadline{5000};

  /// Waits between attempts to bring a failed store back, doubling from the first to the second.
  std::chrono::milliseconds reopen_wait_min{50};
  std::chrono::milliseconds reopen_wait_max{5000};
  /// How long a read of the disk tier waits for a store that is being reopened.
  std::chrono::milliseconds read_wait_max{1000};

  /// Shared by the stores of one process. Null: a budget of its own of the two sizes below.
  std::shared_ptr<memory_budget> memory;
  std::size_t block_cache_bytes = std::size_t{32} << 20;
  std::size_t write_buffer_bytes = std::size_t{32} << 20;  ///< all tables of all stores of the budget together
  std::size_t hot_rows_max = 16'384;  ///< values kept for lookups (row_cache.hpp), at most 1 KiB each; 0: none
  std::size_t journal_tail_bytes = std::size_t{4}
                                   << 20;             ///< newest events kept for readers (journal_tail.hpp); 0: none
  std::size_t log_bytes_max = std::size_t{64} << 20;  ///< write-ahead log kept before tables are flushed
  int open_files_max = 512;

  /// The file system below RocksDB; null: the machine's. Tests put one here that loses power.
  std::shared_ptr<rocksdb::FileSystem> file_system;
  log_function log;  ///< empty: nothing is logged
};

/// One block cache and one write-buffer limit for several stores; the bytes are taken as they are needed.
std::shared_ptr<memory_budget> make_memory_budget(std::size_t block_cache_bytes, std::size_t write_buffer_bytes);

}  // namespace social::storage
