#include "actors/events/resting_shards.hpp"

#include <algorithm>
#include <utility>

#include "actors/base/log.hpp"

namespace social::events {

bool resting_shards::rests(shard_t shard) const {
  const auto found = troubled_.find(shard);
  return found != troubled_.end() && found->second.rests;
}

std::int64_t resting_shards::failed(shard_t shard, std::string why) {
  auto& of = troubled_[shard];
  if (of.rest_ms == 0)
    log::error("events", "a shard of the journal cannot be read; it is tried again, the others go on",
               {{"subscriber", reader_}, {"shard", shard}, {"reason", why}});
  of.why = std::move(why);
  of.rest_ms = of.rest_ms == 0 ? retry_ms_ : std::min(of.rest_ms * 2, retry_max_ms_);
  of.rests = true;
  return of.rest_ms;
}

void resting_shards::rest_is_over(shard_t shard) {
  if (const auto found = troubled_.find(shard); found != troubled_.end()) found->second.rests = false;
}

void resting_shards::was_read(shard_t shard) {
  if (troubled_.erase(shard) > 0)
    log::info("events", "a shard of the journal can be read again", {{"subscriber", reader_}, {"shard", shard}});
}

std::string resting_shards::trouble() const {
  return troubled_.empty() ? std::string() : troubled_.begin()->second.why;
}

}  // namespace social::events
