// The synced mark: a small file beside the log that says how far the log is known to be synced.
//
// A power cut may tear what lay in the log beyond the last fsync; damage may hit what lay before it. RocksDB cannot
// tell them apart: the first must open, the second must be refused. The mark makes the difference. It may be older than
// the truth, never newer, and is written off the commit path. It also says how long the newest log file was when it was
// last synced: a log that has become shorter is refused before RocksDB opens it for writing, which would retire it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "actors/base/result.hpp"

namespace rocksdb {
class FileSystem;
}

namespace social::storage {

/// How far a log file is known to be synced.
struct synced_log {
  std::string name;  ///< in the store's directory, such as `000012.log`; empty: unknown
  std::uint64_t bytes = 0;
  friend bool operator==(const synced_log&, const synced_log&) = default;
};

struct synced_mark {
  std::uint64_t sequence = 0;  ///< of the newest write known to be synced; 0: nothing is known
  synced_log log;
  friend bool operator==(const synced_mark&, const synced_mark&) = default;
};

/// One line of text: `social-synced-mark 2 <sequence> <log or -> <bytes> <FNV-1a of what stands before, hexadecimal>`.
/// Version 1 had no log.
std::string encode_mark(const synced_mark& mark);
/// Errors: corrupt_record.
result<synced_mark> decode_mark(std::string_view text);

std::filesystem::path mark_path(const std::filesystem::path& store);

/// Sequence 0 when there is no mark, or one that a power cut tore: then nothing is known, which is what 0 says.
synced_mark read_mark(rocksdb::FileSystem& files, const std::filesystem::path& store);
/// Atomic and durable (temporary file, fsync, rename, fsync of the directory). Errors: io_error.
result<void> write_mark(rocksdb::FileSystem& files, const std::filesystem::path& store, const synced_mark& mark);

/// Writes the newest noted sequence at most once per interval, on a thread of its own. Owned by the store; `stop`
/// writes the last one and ends the thread.
class mark_keeper {
 public:
  using write_function = std::function<void(std::uint64_t)>;
  mark_keeper(std::chrono::milliseconds interval, write_function write);
  ~mark_keeper() { stop(); }

  /// From the commit thread, after an fsync; costs one atomic store.
  void note(std::uint64_t sequence) noexcept { noted_.store(sequence, std::memory_order_relaxed); }
  void stop();

 private:
  void run();
  void write_if_newer();

  std::chrono::milliseconds interval_;
  write_function write_;
  std::atomic<std::uint64_t> noted_{0};
  std::uint64_t written_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace social::storage
