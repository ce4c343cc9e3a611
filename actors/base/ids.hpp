// Identity: id = sequence * shards + shard. Ids are positive and JSON-safe (below 2^53).
#pragma once

#include <cstdint>
#include <string_view>

namespace social {

using id_t = std::uint64_t;
using shard_t = std::uint16_t;
/// Milliseconds since 1970-01-01T00:00:00Z. Handed to rules as an argument, never read inside them.
using timestamp_t = std::int64_t;

inline constexpr id_t max_id = (id_t{1} << 53) - 1;

constexpr shard_t shard_of(id_t id, shard_t shards) noexcept {
  return static_cast<shard_t>(id % shards);
}
constexpr id_t make_id(std::uint64_t sequence, shard_t shards, shard_t shard) noexcept {
  return sequence * shards + shard;
}

/// First 8 bytes, big-endian, of SHA-256 of the ASCII-lower-cased e-mail, mod shards: the shard of that person.
shard_t shard_of_email(std::string_view lower_cased_email, shard_t shards);

/// Decimal text of a positive id below 2^53, without sign, leading zeros or spaces; 0 when it is anything else.
id_t parse_id(std::string_view text) noexcept;

}  // namespace social
