// The synced mark: a small file beside the log that says how far the log is known to be synced.
//
// A power cut may tear what lay in the log beyond the last fsync; damage may hit what lay before it. RocksDB cannot
// tell them apart: the first must open, the second must be refused. The mark makes the difference. It may be older than
// the truth, never newer, and is written off the commit path. It also says how long the newest log file and the
// manifest were when they were last synced: one that has become shorter is refused before RocksDB opens the store for
// writing, which would retire the log and delete the tables that the manifest no longer names.
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

/// How far a file is known to be synced.
struct synced_file {
  std::string name;  ///< in the store's directory, such as `000012.log`; empty: unknown
  std::uint64_t bytes = 0;
  friend bool operator==(const synced_file&, const synced_file&) = default;
};

struct synced_mark {
  std::uint64_t sequence = 0;  ///< of the newest write known to be synced; 0: nothing is known
  synced_file log{};           ///< the newest
  synced_file manifest{};      ///< the one that CURRENT names
  friend bool operator==(const synced_mark&, const synced_mark&) = default;
};

/// One line of text: `social-synced-mark 3 <sequence> <log or -> <bytes> <manifest or -> <bytes> <FNV-1a of what stands
/// before, hexadecimal>`. Version 2 had no manifest, version 1 no log either.
std::string encode_mark(const synced_mark& mark);
/// Errors: corrupt_record.
result<synced_mark> decode_mark(std::string_view text);

std::filesystem::path mark_path(const std::filesystem::path& store);

/// Sequence 0 when there is no mark, or one that a power cut tore: then nothing is known, which is what 0 says.
synced_mark read_mark(rocksdb::FileSystem& files, const std::filesystem::path& store);
/// Atomic and durable (temporary file, fsync, rename, fsync of the directory). The directory is synced before the
/// rename, too: a mark must not survive a power cut that takes the files it names, or CURRENT as it was. Errors:
/// io_error.
result<void> write_mark(rocksdb::FileSystem& files, const std::filesystem::path& store, const synced_mark& mark);

/// Writes what is known to be synced at most once per interval, on a thread of its own, when it has changed. Owned by
/// the store; `stop` writes the last one and ends the thread.
class mark_keeper {
 public:
  /// Everything that is synced when the writes up to this sequence are. Called on the keeper's thread, as the other.
  using look_function = std::function<synced_mark(std::uint64_t)>;
  /// False: it could not be written, and is tried again.
  using write_function = std::function<bool(const synced_mark&)>;
  mark_keeper(std::chrono::milliseconds interval, look_function look, write_function write);
  ~mark_keeper() { stop(); }

  /// From the commit thread, after an fsync; costs one atomic store. Nothing is written before the first.
  void note(std::uint64_t sequence) noexcept { noted_.store(sequence, std::memory_order_relaxed); }
  void stop();

 private:
  void run();
  void write_if_newer();

  std::chrono::milliseconds interval_;
  look_function look_;
  write_function write_;
  std::atomic<std::uint64_t> noted_{0};
  synced_mark written_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace social::storage
