// Replays the journal: each entity whose first event is still kept must come out as its rows say, byte for byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/verify/store_view.hpp"

namespace social::verify {

/// One entity on its way through its events, without its type.
class replayed {
 public:
  virtual ~replayed() = default;
  /// Applies one event and appends the view rows that follow from it. What does not fit is said instead: rules assert
  /// what a journal may not contain.
  virtual std::optional<std::string> feed(std::uint16_t type, std::string_view bytes,
                                          std::vector<domain::row_change>& views) = 0;
  /// State row and counts row as they must be.
  [[nodiscard]] virtual std::vector<domain::row_change> rows() const = 0;
  /// One of these that says no more than its absence: counts that were never anything but nought.
  [[nodiscard]] virtual bool may_be_missing(const domain::row_change& row) const = 0;
  /// The bytes of a row as this program would write them: an older one may have left out what it did not know.
  [[nodiscard]] virtual std::string renewed(const domain::row_key& key, const std::string& bytes) const = 0;
};

/// How a kind is replayed; see replayed_as.
struct replayed_kind {
  domain::aggregate_kind kind{};
  std::unique_ptr<replayed> (*make)(id_t id) = nullptr;
  /// Whether an event of this type can only be an entity's first.
  bool (*begins)(std::uint16_t type) = nullptr;
};

struct replay_options {
  /// Roughly the memory for entities under way. When more are in one shard's journal it is read several times.
  std::size_t bytes_max = std::size_t{64} << 20;
  /// Rows that this entity alone writes, so that its events alone say what they hold.
  std::function<bool(domain::table)> is_own;
};

struct replay_summary {
  std::uint64_t entities = 0;  ///< replayed and compared
  std::uint64_t partial = 0;   ///< in the journal, but without their first event
};

/// Over all shards. Blocks on the disk.
replay_summary replay_journal(const store_view& store, const std::vector<replayed_kind>& kinds,
                              const replay_options& options);

}  // namespace social::verify
