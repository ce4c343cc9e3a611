// One store: a directory, RocksDB in it, the commit thread before it, and the ports over it. This header is all that
// composition roots need.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "actors/base/result.hpp"
#include "actors/ports/store.hpp"
#include "storage/options.hpp"
#include "storage/row_cache.hpp"
#include "storage/statistics.hpp"

namespace social::storage {

/// Whether the store takes writes, and the sentence for people when it does not.
struct store_readiness {
  bool accepting = false;
  std::string reason;
};

/// Owned by the composition root, which closes it after all users of its ports are gone. Starts two threads (commit,
/// synced mark). The ports stay valid until destruction; after `close` they refuse.
class rocks_store {
 public:
  /// Opens the store, or makes it. Errors, each a sentence that says what to do:
  ///   store_locked    another process has it open
  ///   store_mismatch  made with another number of shards, or by a newer version
  ///   store_damaged   synced data is missing or does not decode
  ///   io_error        the directory cannot be made, read or written
  static result<std::unique_ptr<rocks_store>> open(const storage_options& options);
  ~rocks_store();
  rocks_store(const rocks_store&) = delete;
  rocks_store& operator=(const rocks_store&) = delete;

  [[nodiscard]] ports::store ports() noexcept;
  [[nodiscard]] const storage_statistics& statistics() const noexcept;
  /// Requests reserved, waiting or being written.
  [[nodiscard]] std::size_t queue_depth() const noexcept;
  [[nodiscard]] bool accepting() const noexcept;
  [[nodiscard]] store_readiness readiness() const;

  /// Removes records from the beginning of a shard's journal: those that are older than `before` (ms) and whose events
  /// are all at or below `hold`, at most `records_max` of them, and never the newest record, from which sequences are
  /// counted on. The number of events removed. Blocks on the disk. Errors: those of reading and committing.
  result<std::uint64_t> trim_journal(shard_t shard, std::uint64_t hold, timestamp_t before, std::size_t records_max);

  /// Lookups of this opening: see row_cache. Zeros while the store is being reopened.
  [[nodiscard]] row_cache::counts hot_row_lookups() const;

  /// What the journal takes on disk and in memory; what was removed counts until it is compacted away. 0 while the
  /// store is being reopened.
  [[nodiscard]] std::uint64_t journal_bytes() const;

  /// Makes a consistent copy of everything committed so far in `to`, which must not exist, while the store goes on;
  /// takes as long as flushing what is not in tables. May block. What it makes is a store: see skip_ahead (backup.hpp)
  /// before one goes on from it. Errors: io_error, store_unavailable (being reopened).
  result<void> copy_to(const std::filesystem::path& to);

  /// Takes nothing new, writes what waits (at most the options' deadline), syncs, ends the threads, closes RocksDB.
  /// What could not be written is answered store_unavailable. Idempotent; the destructor does it, too.
  void close();

 private:
  struct parts;
  explicit rocks_store(std::unique_ptr<parts> parts);
  std::unique_ptr<parts> parts_;
};

}  // namespace social::storage
