// Stands between RocksDB and the file system, and makes the first failure of the log the last word of this opening.
//
// Why it exists: RocksDB 7.8 asserts that nobody touches a log file again after an operation on it failed, and Debian's
// build keeps its assertions. But two threads may sync the same closed log: a flush in the background and the writer.
// When the first of them meets a failing disk, the second aborts the process, where the store should be reopened in it.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include <rocksdb/file_system.h>

#include "storage/synced_mark.hpp"

namespace social::storage {

/// Owned by the engine. Once a log file has failed, every change of any file fails, so nothing that could rest on the
/// lost bytes reaches the disk. A closed log alone keeps saying yes to syncs: its failure is reported by the current
/// log, which the writer always syncs last and nobody else touches. Costs one virtual call per operation. Thread-safe.
class log_guard final : public rocksdb::FileSystemWrapper {
 public:
  using status = rocksdb::IOStatus;
  using io = rocksdb::IOOptions;
  using debug = rocksdb::IODebugContext;

  explicit log_guard(const std::shared_ptr<rocksdb::FileSystem>& below) : FileSystemWrapper(below) {}
  const char* Name() const override { return "social_log_guard"; }

  /// Before an opening, when the one before it is closed.
  void reset() {
    const std::lock_guard lock(mutex_);
    current_log_.clear();
    synced_bytes_ = 0;
    failed_.store(false);
  }

  /// The newest log file, and how many of its bytes are synced.
  [[nodiscard]] synced_log newest_log() const {
    const std::lock_guard lock(mutex_);
    return {std::filesystem::path(current_log_).filename().string(), synced_bytes_};
  }

  status NewWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                         std::unique_ptr<rocksdb::FSWritableFile>* out, debug* d) override;
  status ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                            std::unique_ptr<rocksdb::FSWritableFile>* out, debug* d) override;
  status RenameFile(const std::string& from, const std::string& to, const io& how, debug* d) override;
  status DeleteFile(const std::string& path, const io& how, debug* d) override;

 private:
  class file;
  class log_file;
  [[nodiscard]] bool failed() const noexcept { return failed_.load(); }
  [[nodiscard]] bool is_current(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    return path == current_log_;
  }
  void note_synced(const std::string& path, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (path == current_log_) synced_bytes_ = bytes;
  }
  static status refused(const std::string& path) {
    return status::IOError("the log has failed, nothing is written until the store is reopened", path);
  }

  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;
  std::string current_log_;         // the log file that was made last
  std::uint64_t synced_bytes_ = 0;  // of it
};

}  // namespace social::storage
