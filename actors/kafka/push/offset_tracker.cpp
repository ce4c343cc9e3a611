#include "actors/kafka/push/offset_tracker.hpp"

#include <algorithm>

namespace social::kafka {

void offset_tracker::assign(const topic_partition& where) {
  forget(where);
  partitions_[where].assignment = ++assignments_;
}

void offset_tracker::forget(const topic_partition& where) {
  const auto found = partitions_.find(where);
  if (found == partitions_.end()) return;
  open_ -= found->second.open;
  partitions_.erase(found);
}

bool offset_tracker::holds(const tracked_record& which) const {
  const auto found = partitions_.find(which.where);
  return found != partitions_.end() && found->second.assignment == which.assignment;
}

std::optional<tracked_record> offset_tracker::begin(const topic_partition& where, std::int64_t offset,
                                                    timestamp_t time) {
  const auto found = partitions_.find(where);
  if (found == partitions_.end()) return std::nullopt;
  auto& p = found->second;
  if (offset <= p.last) return std::nullopt;
  if (p.last < 0) p.committed = offset;  // where reading began
  p.last = offset;
  p.slots.push_back({offset, time, false});
  ++p.open;
  ++open_;
  return tracked_record{where, p.assignment, offset};
}

bool offset_tracker::done(const tracked_record& which) {
  if (!holds(which)) return false;
  auto& p = partitions_.at(which.where);
  const auto found = std::ranges::lower_bound(p.slots, which.offset, {}, &slot::offset);
  if (found == p.slots.end() || found->offset != which.offset || found->done) return false;
  found->done = true;
  --p.open;
  --open_;
  while (!p.slots.empty() && p.slots.front().done) p.slots.pop_front();
  return true;
}

std::map<topic_partition, std::int64_t> offset_tracker::committable() const {
  std::map<topic_partition, std::int64_t> out;
  for (const auto& [where, p] : partitions_)
    if (p.last >= 0 && p.next() != p.committed) out.emplace(where, p.next());
  return out;
}

std::map<topic_partition, std::int64_t> offset_tracker::positions(const std::vector<topic_partition>& which) const {
  std::map<topic_partition, std::int64_t> out;
  for (const auto& where : which)
    if (const auto found = partitions_.find(where); found != partitions_.end() && found->second.last >= 0)
      out.emplace(where, found->second.next());
  return out;
}

void offset_tracker::committed(const std::map<topic_partition, std::int64_t>& next) {
  for (const auto& [where, offset] : next)
    if (const auto found = partitions_.find(where); found != partitions_.end()) found->second.committed = offset;
}

offset_tracker::progress offset_tracker::of(const topic_partition& where) const {
  progress out;
  const auto found = partitions_.find(where);
  if (found == partitions_.end()) return out;
  const auto& p = found->second;
  if (p.last >= 0) out.next = p.next();
  out.open = p.open;
  if (!p.slots.empty()) out.oldest_open = p.slots.front().time;
  return out;
}

std::size_t offset_tracker::open(const std::vector<topic_partition>& which) const {
  std::size_t sum = 0;
  for (const auto& where : which)
    if (const auto found = partitions_.find(where); found != partitions_.end()) sum += found->second.open;
  return sum;
}

std::size_t offset_tracker::held(const topic_partition& where) const {
  const auto found = partitions_.find(where);
  return found == partitions_.end() ? 0 : found->second.slots.size();
}

std::vector<topic_partition> offset_tracker::assigned() const {
  std::vector<topic_partition> out;
  out.reserve(partitions_.size());
  for (const auto& [where, p] : partitions_) out.push_back(where);
  return out;
}

}  // namespace social::kafka
