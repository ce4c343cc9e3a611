#include "http/auth/generation_table.hpp"

#include <algorithm>

namespace social::http::auth {
namespace {

/// Ids of one shard differ by the number of shards: their low bits are all alike, so all bits are mixed first.
std::size_t mixed(id_t user) noexcept {
  return static_cast<std::size_t>((user * 0x9E3779B97F4A7C15ULL) >> 40);
}

}  // namespace

generation_table::generation_table(std::size_t entries_max)
    : part_max_(std::max<std::size_t>(1, entries_max / parts)) {}

generation_table::part& generation_table::part_of(id_t user) noexcept {
  return parts_[mixed(user) % parts];
}
const generation_table::part& generation_table::part_of(id_t user) const noexcept {
  return parts_[mixed(user) % parts];
}

void generation_table::make_room(part& where) {
  while (where.generations.size() >= part_max_) where.generations.erase(where.generations.begin());
}

void generation_table::set(id_t user, std::uint64_t generation) {
  auto& where = part_of(user);
  const std::unique_lock guard(where.lock);
  if (const auto found = where.generations.find(user); found != where.generations.end()) {
    found->second = std::max(found->second, generation);
    return;
  }
  make_room(where);
  where.generations.emplace(user, generation);
}

std::optional<std::uint64_t> generation_table::find(id_t user) const {
  const auto& where = part_of(user);
  const std::shared_lock guard(where.lock);
  const auto found = where.generations.find(user);
  if (found == where.generations.end()) return std::nullopt;
  return found->second;
}

std::size_t generation_table::size() const {
  std::size_t total = 0;
  for (const auto& each : parts_) {
    const std::shared_lock guard(each.lock);
    total += each.generations.size();
  }
  return total;
}

}  // namespace social::http::auth
