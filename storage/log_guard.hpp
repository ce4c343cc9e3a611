// Stands between RocksDB and the file system, makes the first failure of the log the last word of this opening, and
// counts what is synced of the two files that a recovery rests on.
//
// Why it exists: RocksDB 7.8 asserts that nobody touches a log file again after an operation on it failed, and Debian's
// build keeps its assertions. But two threads may sync the same closed log: a flush in the background and the writer.
// When the first of them meets a failing disk, the second aborts the process, where the store should be reopened in it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include <rocksdb/file_system.h>

#include "storage/synced_mark.hpp"

namespace social::storage {

/// Owned by the engine. Once a log file has failed, every change of any file fails, so nothing that could rest on the
/// lost bytes reaches the disk. A closed log keeps saying yes to syncs, because RocksDB would sync it again; its
/// failure is reported by the current log and by `failed`, which the writer asks after every write: the log may have
/// been closed by another thread (a backup's flush) while the writer synced it. Only files of the store's own directory
/// are its logs: a backup copies logs through the same file system. Costs one virtual call per operation. Thread-safe.
class log_guard final : public rocksdb::FileSystemWrapper {
 public:
  using status = rocksdb::IOStatus;
  using io = rocksdb::IOOptions;
  using debug = rocksdb::IODebugContext;

  log_guard(const std::shared_ptr<rocksdb::FileSystem>& below, const std::filesystem::path& store)
      : FileSystemWrapper(below), store_(folder_of(store / "any")) {}
  const char* Name() const override { return "social_log_guard"; }

  /// Before an opening, when the one before it is closed. What was synced stays known: it still is.
  void reset() {
    const std::lock_guard lock(mutex_);
    current_log_.clear();
    made_manifest_ = {};
    failed_.store(false);
  }

  /// Whether a log of this opening has failed, whatever its syncs said.
  [[nodiscard]] bool failed() const noexcept { return failed_.load(); }

  /// What the last sync of a log took.
  [[nodiscard]] std::chrono::microseconds sync_time() const noexcept {
    return std::chrono::microseconds(sync_us_.load(std::memory_order_relaxed));
  }

  /// The newest log file of which something is synced, and how many of its bytes.
  [[nodiscard]] synced_file synced_log() const {
    const std::lock_guard lock(mutex_);
    return synced_log_;
  }
  /// The manifest that CURRENT was made to name last, and how many of its bytes are synced. That CURRENT names it may
  /// not be durable yet: see write_mark.
  [[nodiscard]] synced_file synced_manifest() const {
    const std::lock_guard lock(mutex_);
    return synced_manifest_;
  }

  status NewWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                         std::unique_ptr<rocksdb::FSWritableFile>* out, debug* d) override;
  status ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                            std::unique_ptr<rocksdb::FSWritableFile>* out, debug* d) override;
  status RenameFile(const std::string& from, const std::string& to, const io& how, debug* d) override;
  status DeleteFile(const std::string& path, const io& how, debug* d) override;

 private:
  class file;
  class counted_file;
  class log_file;
  class manifest_file;

  static std::string folder_of(const std::filesystem::path& path) {
    return path.lexically_normal().parent_path().string();
  }
  static std::string name_of(const std::string& path) { return std::filesystem::path(path).filename().string(); }
  [[nodiscard]] bool is_of_store(const std::string& path) const { return folder_of(path) == store_; }
  [[nodiscard]] bool is_current(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    return path == current_log_;
  }
  void note_synced_log(const std::string& path, std::uint64_t bytes);
  void note_synced_manifest(const std::string& path, std::uint64_t bytes);
  static status refused(const std::string& path) {
    return status::IOError("the log has failed, nothing is written until the store is reopened", path);
  }

  const std::string store_;  // the folder of the store's own files
  std::atomic<bool> failed_{false};
  std::atomic<std::int64_t> sync_us_{0};
  mutable std::mutex mutex_;
  std::string current_log_;  // path of the log file that was made last
  synced_file synced_log_;
  synced_file made_manifest_;  // made last; CURRENT may still name the one before it
  synced_file synced_manifest_;
};

}  // namespace social::storage
