// RocksDB as this project uses it: how it is opened, tuned and recovered, and what one opening holds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
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
#include "storage/row_cache.hpp"
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

/// What RocksDB's own threads have to say about one opening. Thread-safe; does not block.
class background_news {
 public:
  /// `alarm` is called after `fail`, on RocksDB's thread.
  void set_alarm(std::function<void()> alarm) { alarm_ = std::move(alarm); }
  void reset();
  void switch_log() noexcept { log_switched_.store(true, std::memory_order_relaxed); }
  /// True once after a new log file was begun.
  [[nodiscard]] bool take_log_switch() noexcept { return log_switched_.exchange(false, std::memory_order_relaxed); }
  /// A flush, a compaction or a write failed. The first reason is kept.
  void fail(const std::string& why);
  /// Why, or OK.
  [[nodiscard]] rocksdb::Status trouble() const;

 private:
  std::function<void()> alarm_;  // set before the first opening
  std::atomic<bool> log_switched_{false};
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;
  std::string why_;
};

/// One opening. Owned by the gate; destroyed on the thread that closes the gate. Thread-safe as RocksDB is.
class database {
 public:
  database(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> handles,
           std::shared_ptr<background_news> news, std::shared_ptr<const log_guard> guard, meta_value meta,
           std::size_t hot_rows_max);
  ~database();
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  [[nodiscard]] rocksdb::DB& db() const noexcept { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(family where) const noexcept {
    return handles_[static_cast<std::size_t>(where)];
  }
  [[nodiscard]] const meta_value& meta() const noexcept { return meta_; }
  /// Ends the work in the background; from then on its files change no more. Before closing.
  void settle();
  [[nodiscard]] const std::shared_ptr<snapshot_book>& snapshots() const noexcept { return snapshots_; }
  [[nodiscard]] row_cache& hot_rows() noexcept { return hot_rows_; }
  /// True once after a new log file was begun.
  [[nodiscard]] bool take_log_switch() noexcept { return news_->take_log_switch(); }
  /// What the last sync of the log took.
  [[nodiscard]] std::chrono::microseconds sync_time() const noexcept { return guard_->sync_time(); }
  /// Not OK: the log has failed, perhaps in a sync that said yes (see log_guard).
  [[nodiscard]] rocksdb::Status log_trouble() const;
  /// Not OK: the log or something in the background has failed.
  [[nodiscard]] rocksdb::Status trouble() const;

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::shared_ptr<background_news> news_;
  std::shared_ptr<const log_guard> guard_;
  meta_value meta_;
  std::shared_ptr<snapshot_book> snapshots_;
  row_cache hot_rows_;
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
  [[nodiscard]] synced_mark mark_at(std::uint64_t sequence) const {
    return {sequence, guard_->synced_log(), guard_->synced_manifest()};
  }

  /// Called whenever database::trouble begins to be not OK by what happens in the background. Before the first opening.
  void set_alarm(std::function<void()> alarm) { news_->set_alarm(std::move(alarm)); }

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
  result<std::unique_ptr<database>> checked(std::uint64_t mark, const rocksdb::Status& first, opened& store);
  result<void> open_torn(std::uint64_t mark, const rocksdb::Status& first, opened& out);
  result<meta_value> check_meta(opened& store, std::uint64_t mark);
  result<meta_value> read_meta(opened& store, std::uint64_t mark, const rocksdb::Status& first) const;
  error describe_failure(const rocksdb::Status& status) const;
  error damaged(const std::string& what) const;
  // Before RocksDB is called at all (engine_checks.cpp). Errors: store_damaged; io_error for what cannot be read.
  result<void> check_files(const synced_mark& mark) const;
  result<void> check_nothing_there(const synced_mark& mark) const;
  result<void> check_manifest(const synced_mark& mark, const std::string& name) const;
  result<void> check_log_length(const synced_mark& mark) const;
  [[nodiscard]] result<std::vector<std::string>> names_there() const;

  storage_options options_;
  std::shared_ptr<memory_budget> memory_;
  std::shared_ptr<rocksdb::FileSystem> files_;
  std::shared_ptr<log_guard> guard_;
  std::unique_ptr<rocksdb::Env> env_;  // its background threads are the process's
  std::shared_ptr<rocksdb::Logger> logger_;
  std::shared_ptr<background_news> news_;
};

/// See rocks_store::copy_to.
result<void> copy_database(database& store, const std::filesystem::path& to);

/// Rocksdb's words in our error, for a read or write that failed: store_damaged, io_error.
error to_error(const rocksdb::Status& status);

}  // namespace social::storage
