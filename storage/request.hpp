// A commit request made ready for the log on the caller's thread: the commit thread only numbers and appends it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/ports/store.hpp"
#include "storage/keys.hpp"

namespace social::storage {

struct prepared_row {
  family where = family::meta;
  std::uint32_t key_size = 0;        ///< of the bytes that follow the previous row's key in `keys`
  std::optional<std::string> value;  ///< none: remove the row
};

struct prepared_request {
  shard_t shard = 0;
  std::uint32_t events = 0;
  std::uint64_t epoch = 0;  ///< 0: builds on nothing
  bool must_sync = false;
  bool may_skip_sync = false;
  /// The shard's journal loses its records below this sequence, the first of a record; 0: nothing is removed.
  std::uint64_t trim_below = 0;
  std::string journal_value;  ///< empty when there are no events
  std::string keys;
  std::vector<prepared_row> rows;
  std::size_t bytes = 0;  ///< what the request adds to a batch, for the batch's limit
};

prepared_request prepare(ports::commit_request request);
/// A row of storage's own, outside the tables.
prepared_request prepare_meta(std::string key, std::string value);
/// The end of a stretch of a journal, planned in that epoch. It needs no fsync: a power cut brings the stretch back,
/// and it is removed again.
prepared_request prepare_trim(shard_t shard, std::uint64_t below, std::uint64_t epoch);

struct pending_request {
  prepared_request request;
  ports::commit_callback done;
  bool placed = true;                ///< holds a place of the bounded queue
  std::uint64_t first_sequence = 0;  ///< given by the batch
};

}  // namespace social::storage
