// Values that storage itself understands. Rows of tables are opaque bytes here: their records belong to the rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/record.hpp"
#include "actors/base/result.hpp"
#include "actors/ports/store.hpp"
#include "storage/keys.hpp"

namespace social::storage {

/// Version of everything on disk together: key shapes, families and these values. A store of a newer one is refused.
inline constexpr std::uint32_t format_version = 1;

/// Written synced when a store is made, never changed.
struct meta_value {
  std::uint32_t format = format_version;
  shard_t shards = 0;
  std::string store_id;  ///< 32 hexadecimal digits
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(format, shards, store_id);
  }
  friend bool operator==(const meta_value&, const meta_value&) = default;
};

/// Sequences below `upper` of one (kind, shard) may have been given out.
struct id_block_value {
  std::uint64_t upper = 1;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(upper);
  }
  friend bool operator==(const id_block_value&, const id_block_value&) = default;
};

/// Value of one journal record: version 1 | epoch | time | trace | count | (length | kind | id | type | bytes) per
/// event, coded as in actors/base/record.hpp. The schema version of an event is the first byte of its bytes. `epoch` is
/// the owner's claim in a cluster and 0 in a store without one. Shard and first sequence stand in the key.
std::string encode_journal_value(const ports::commit_request& request, std::uint64_t epoch = 0);

/// Errors: corrupt_record names shard and sequence.
result<ports::journal_record> decode_journal_record(const journal_key& key, std::string_view value);
/// The same over a record that keeps its memory. After an error it holds anything.
result<void> decode_journal_record(const journal_key& key, std::string_view value, ports::journal_record& out);

/// Number of events of a record, which is all that start-up needs of it. 0: the bytes do not decode.
std::uint64_t events_in_journal_value(std::string_view value);

}  // namespace social::storage
