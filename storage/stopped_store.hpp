// A store that no process has open, read as a whole: for checks. Nothing on disk is changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "actors/base/result.hpp"
#include "actors/ports/finding.hpp"
#include "actors/ports/store.hpp"
#include "storage/options.hpp"

namespace social::storage {

/// What the walk over a store has seen.
struct walked {
  std::uint64_t rows = 0;
  std::uint64_t records = 0;  ///< of the journal
  std::uint64_t events = 0;
};

/// Owned and used by one thread; its calls block on the disk. Holds the store's lock as long as it lives, so that no
/// server starts upon it meanwhile. A log that a killed process left is replayed in memory: at most
/// `storage_options::log_bytes_max` of it.
class stopped_store {
 public:
  /// Whether there is a store at all.
  static bool is_at(const std::filesystem::path& path);
  /// `options.shards` is not looked at: the store knows its number. Errors: as rocks_store::open.
  static result<std::unique_ptr<stopped_store>> open(const storage_options& options);
  ~stopped_store();
  stopped_store(const stopped_store&) = delete;
  stopped_store& operator=(const stopped_store&) = delete;

  [[nodiscard]] const ports::row_reader& rows() const noexcept;
  /// Takes nothing: `reserve` says no.
  [[nodiscard]] const ports::journal& log() const noexcept;
  /// Sequences of this kind and shard below it may have been given out.
  [[nodiscard]] std::uint64_t ids_below(domain::aggregate_kind kind, shard_t shard) const;

  /// Everything that can be said without the rules: files whose checksums do not match, keys and values that do not
  /// decode, rows in a wrong family, holes in the journal, events in a wrong shard.
  walked walk(const ports::finding_sink& report) const;

 private:
  struct parts;
  explicit stopped_store(std::unique_ptr<parts> parts);
  std::unique_ptr<parts> parts_;
};

}  // namespace social::storage
