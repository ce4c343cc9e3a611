#include "storage/journal_tail.hpp"

#include <algorithm>
#include <utility>

#include "storage/values.hpp"

namespace social::storage {

void journal_tail::add(std::span<pending_request> written) {
  if (bytes_max_ == 0) return;
  const std::lock_guard lock(mutex_);
  for (auto& pending : written) {
    auto& request = pending.request;
    if (request.events == 0) continue;
    const auto first = pending.first_sequence;
    auto& kept =
        shards_[request.shard].emplace_back(entry{first, first + request.events - 1, std::move(request.journal_value)});
    order_.push_back(request.shard);
    bytes_ += size_of(kept);
  }
  for (; bytes_ > bytes_max_; order_.pop_front()) {
    auto& oldest = shards_[order_.front()];
    bytes_ -= size_of(oldest.front());
    oldest.pop_front();
  }
}

void journal_tail::clear() {
  const std::lock_guard lock(mutex_);
  for (auto& records : shards_) records.clear();
  order_.clear();
  bytes_ = 0;
}

std::optional<result<std::size_t>> journal_tail::read_over(shard_t shard, std::uint64_t after, std::uint64_t head,
                                                           std::size_t records_max, std::size_t bytes_max,
                                                           std::vector<ports::journal_record>& out) const {
  const std::lock_guard lock(mutex_);
  if (shard >= shards_.size()) return std::nullopt;
  const auto& records = shards_[shard];
  if (records.empty() || records.front().first > after + 1) return std::nullopt;
  auto at = std::partition_point(records.begin(), records.end(), [&](const entry& e) { return e.last <= after; });
  std::size_t count = 0;
  for (std::size_t bytes = 0; at != records.end() && at->last <= head; ++at, ++count) {
    if (count == records_max || bytes >= bytes_max) break;
    if (count == out.size()) out.emplace_back();
    if (const auto decoded = decode_journal_record({shard, at->first}, at->value, out[count]); !decoded)
      return result<std::size_t>(decoded.error());
    bytes += at->value.size();
  }
  if (count == 0) return std::nullopt;
  return result<std::size_t>(count);
}

}  // namespace social::storage
