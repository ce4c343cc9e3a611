// RocksDB as this project uses it: how it is opened, tuned and recovered, and what one opening holds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "actors/base/result.hpp"
#include "storage/gate.hpp"
#include "storage/keys.hpp"
#include "storage/log_guard.hpp"
#include "storage/options.hpp"
#include "storage/values.hpp"

namespace social::storage {

/// Snapshots taken of one opening. They may outlive it: closing releases them all, and one that is left knows it is
/// stale.
class snapshot_book {
 public:
  explicit snapshot_book(rocksdb::DB& db) : db_(&db) {}
  const rocksdb::Snapshot* take();
  void give_back(const rocksdb::Snapshot* snapshot);
  void close();

 private:
  std::mutex mutex_;
  rocksdb::DB* db_;
  std::unordered_set<const rocksdb::Snapshot*> taken_;
};

/// Set by RocksDB when it starts a new log file.
struct log_switch {
  std::atomic<bool> happened{false};
};

/// One opening. Owned by the gate; destroyed on the thread that closes the gate. Thread-safe as RocksDB is.
class database {
 public:
  database(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> handles,
           std::shared_ptr<log_switch> switched, meta_value meta);
  ~database();
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  [[nodiscard]] rocksdb::DB& db() const noexcept { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(family where) const noexcept {
    return handles_[static_cast<std::size_t>(where)];
  }
  [[nodiscard]] const meta_value& meta() const noexcept { return meta_; }
  [[nodiscard]] const std::shared_ptr<snapshot_book>& snapshots() const noexcept { return snapshots_; }
  /// True once after a new log file was begun.
  [[nodiscard]] bool take_log_switch() noexcept {
    return switched_->happened.exchange(false, std::memory_order_relaxed);
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::shared_ptr<log_switch> switched_;
  meta_value meta_;
  std::shared_ptr<snapshot_book> snapshots_;
};
using database_gate = gate<database>;

/// What outlives one opening: file system, environment, memory budget, tuning. Owned by the store.
class engine {
 public:
  explicit engine(const storage_options& options);
  ~engine();

  /// Opens or makes the store; recovers it as docs/storage.md describes. Errors: store_locked, store_mismatch,
  /// store_damaged, io_error, each a sentence that says what to do.
  result<std::unique_ptr<database>> open();
  /// Opens a store that is there already, changes nothing on disk, and takes no lock: see stopped_store. The number of
  /// shards is the store's own. Errors: as open().
  result<std::unique_ptr<database>> open_read_only();

  /// What is known to be synced when everything up to `sequence` is.
  [[nodiscard]] synced_mark mark_at(std::uint64_t sequence) const { return {sequence, guard_->newest_log()}; }

  /// Writes, syncs and removes a small file: is the disk back? Leaves the database alone.
  result<void> probe();

  /// The file system itself, which takes changes also while this opening of RocksDB may make none any more.
  [[nodiscard]] rocksdb::FileSystem& files() const noexcept { return *files_; }
  [[nodiscard]] const storage_options& options() const noexcept { return options_; }
  void log(log_level level, const std::string& sentence) const {
    if (options_.log) options_.log(level, sentence);
  }

 private:
  struct opened {
    std::unique_ptr<rocksdb::DB> db;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
  };
  rocksdb::Status try_open(rocksdb::WALRecoveryMode mode, bool read_only, opened& out);
  /// After the first attempt, which said `first`: what it opened when all is sound, else the torn log or the refusal.
  result<std::unique_ptr<database>> checked(const rocksdb::Status& first, opened& store);
  result<void> open_torn(std::uint64_t mark, const rocksdb::Status& first, opened& out);
  result<meta_value> check_meta(opened& store);
  result<meta_value> read_meta(opened& store, std::uint64_t mark, const rocksdb::Status& first) const;
  error describe_failure(const rocksdb::Status& status) const;
  error damaged(const std::string& what) const;
  [[nodiscard]] bool has_log_since(const std::string& name) const;
  /// Before anything is changed: a log that is missing or that is shorter than what was synced. Errors: store_damaged.
  result<void> check_log_length(const synced_mark& mark) const;

  storage_options options_;
  std::shared_ptr<memory_budget> memory_;
  std::shared_ptr<rocksdb::FileSystem> files_;
  std::shared_ptr<log_guard> guard_;
  std::unique_ptr<rocksdb::Env> env_;  // its background threads are the process's
  std::shared_ptr<rocksdb::Logger> logger_;
  std::shared_ptr<log_switch> switched_;
};

/// See rocks_store::copy_to.
result<void> copy_database(database& store, const std::filesystem::path& to);

/// Rocksdb's words in our error, for a read or write that failed: store_damaged, io_error.
error to_error(const rocksdb::Status& status);

}  // namespace social::storage
