// Column families and key shapes: the one place that knows how a row's name looks as bytes. Golden-bytes tests pin it.
//
//   family     RocksDB name  keys
//   meta       default       0x01                                    -> meta_value
//                            0x02 | kind u8 | shard u16              -> id_block_value
//   journal    journal       shard u16 | first sequence u64          -> journal value (values.hpp)
//   state      state         rows of tables 1 and 2
//   view       view          rows of tables 3 to 31
//   delivery   delivery      rows of tables 32 and up
//
// A row key is table u8 | a u64 | b u64 | text, integers big-endian, so that bytes order like numbers. Newest-first
// tables store ~b: a forward scan meets the greatest b first, and forward scans are the faster direction in RocksDB.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/base/ids.hpp"
#include "actors/domain/aggregate.hpp"
#include "actors/domain/row.hpp"

namespace social::storage {

/// Families split by life: the journal is append-only, state is small and read by key, views are scanned, deliveries
/// come and go quickly. Each then has a block and compaction tuning of its own. The order is the order of the handles.
enum class family : std::uint8_t { meta = 0, journal = 1, state = 2, view = 3, delivery = 4 };
inline constexpr std::size_t family_count = 5;
/// Names in RocksDB; frozen.
inline constexpr std::array<std::string_view, family_count> family_names{"default", "journal", "state", "view",
                                                                         "delivery"};

constexpr family family_of(domain::table where) noexcept {
  const auto number = static_cast<std::uint8_t>(where);
  if (number <= static_cast<std::uint8_t>(domain::table::counts)) return family::state;
  return number < static_cast<std::uint8_t>(domain::table::endpoint) ? family::view : family::delivery;
}

constexpr bool newest_first(domain::table where) noexcept {
  return where == domain::table::post_of_owner || where == domain::table::comment_of_post;
}

/// Bytes of a row key without its text.
inline constexpr std::size_t row_key_size_min = 17;

void append_row_key(std::string& out, const domain::row_key& key);
std::string encode_row_key(const domain::row_key& key);
/// Nothing when the bytes are shorter than any row key.
std::optional<domain::row_key> decode_row_key(std::string_view bytes);

/// Common beginning of all keys of a table, of one (table, a), of one (table, a, b).
std::string row_prefix(domain::table where);
std::string row_prefix(domain::table where, std::uint64_t a);
std::string row_prefix(domain::table where, std::uint64_t a, std::uint64_t b);

/// The smallest key greater than every key that begins with `prefix`; empty when there is none.
std::string end_of_prefix(std::string prefix);

struct journal_key {
  shard_t shard = 0;
  std::uint64_t first_sequence = 0;
  friend bool operator==(const journal_key&, const journal_key&) = default;
};
using journal_key_bytes = std::array<char, 10>;
journal_key_bytes encode_journal_key(const journal_key& key) noexcept;
std::optional<journal_key> decode_journal_key(std::string_view bytes);
/// A place just before that event, where a range deletion begins or ends. It has a size that no journal key has: what
/// looks at keys (insertion hints: tuning.cpp) knows it by that.
std::string encode_trim_bound(const journal_key& event);

std::string encode_meta_key();
struct id_block_key {
  domain::aggregate_kind kind{};
  shard_t shard = 0;
  friend bool operator==(const id_block_key&, const id_block_key&) = default;
};
std::string encode_id_block_key(const id_block_key& key);
std::string id_block_prefix();
std::optional<id_block_key> decode_id_block_key(std::string_view bytes);

}  // namespace social::storage
