// The shards of a journal that cannot be read at the moment, each left alone for a while that doubles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "actors/base/ids.hpp"

namespace social::events {

/// Owned by one reader and used on its thread; keeps no time: the owner says when a rest is over. Says in the log when
/// a shard's trouble begins and when it has ended.
class resting_shards {
 public:
  resting_shards(std::string reader, std::int64_t retry_ms, std::int64_t retry_max_ms)
      : reader_(std::move(reader)), retry_ms_(retry_ms), retry_max_ms_(retry_max_ms) {}

  [[nodiscard]] bool rests(shard_t shard) const;
  /// It could not be read. How long it is to rest.
  std::int64_t failed(shard_t shard, std::string why);
  /// It may be tried again.
  void rest_is_over(shard_t shard);
  void was_read(shard_t shard);

  /// Shards that could not be read when they were last tried.
  [[nodiscard]] std::size_t count() const noexcept { return troubled_.size(); }
  /// Of one of them; empty: there is none.
  [[nodiscard]] std::string trouble() const;

 private:
  struct trouble_of_shard {
    std::string why;
    std::int64_t rest_ms = 0;
    bool rests = false;
  };
  const std::string reader_;
  const std::int64_t retry_ms_;
  const std::int64_t retry_max_ms_;
  std::map<shard_t, trouble_of_shard> troubled_;
};

}  // namespace social::events
