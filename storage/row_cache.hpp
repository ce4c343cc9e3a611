// Rows that commands of others look at far more often than they change: who somebody is, and who may read whom.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/keys.hpp"

namespace social::storage {

/// Committed values of such rows, as of the newest write of one opening of the database; it lives and ends with it, so
/// nothing in it outlives a failed write. A lookup in RocksDB asks several tables and costs some 2 us; one here a
/// twentieth of that. Bounded: `rows_max` values of at most `value_bytes_max`. Thread-safe; locks are held for a copy.
///
/// A reader that misses takes the ticket, reads the database, and offers what it found with the ticket: it is not taken
/// when the row was written meanwhile. The writer drops what it has written before it answers anybody, so whoever was
/// told of a write never sees the value before it here.
class row_cache {
 public:
  static constexpr std::size_t value_bytes_max = 1024;
  static constexpr std::size_t rows_of_set = 4;

  /// `rows_max`: rounded up to a power of two, at least 4; 0: nothing is ever kept.
  explicit row_cache(std::size_t rows_max);

  /// Whether this row, by its name in the database, is of the kind that is kept.
  [[nodiscard]] bool keeps(std::string_view name) const noexcept;

  struct ticket {
    std::uint64_t generation = 0;
  };
  /// The value; or nothing, and the ticket for `offer`. Only for names that it keeps.
  [[nodiscard]] std::optional<std::string> find(std::string_view name, ticket& on_miss);
  void offer(std::string_view name, std::string_view value, ticket taken);
  /// After the row was written. Only for names that it keeps.
  void drop(std::string_view name);

  struct counts {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
  };
  [[nodiscard]] counts looked_up() const;

 private:
  using name_bytes = std::array<char, row_key_size_min>;
  struct entry {
    name_bytes name{};
    bool used = false;
    std::string value;
  };
  /// A name has a place in one set only.
  struct set {
    mutable std::mutex mutex;
    std::uint64_t generation = 0;  ///< grows with each drop
    counts looked_up;
    std::uint8_t next = 0;  ///< which entry makes room
    std::array<entry, rows_of_set> entries;
    entry* find(std::string_view name) noexcept;
  };
  [[nodiscard]] set& set_of(std::string_view name) const noexcept;

  std::size_t sets_ = 0;  ///< a power of two, or 0
  std::unique_ptr<set[]> all_;
};

}  // namespace social::storage
