#include "storage/row_cache.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

namespace social::storage {

row_cache::row_cache(std::size_t rows_max) {
  if (rows_max == 0) return;
  sets_ = std::bit_ceil(std::max(rows_max, rows_of_set)) / rows_of_set;
  all_ = std::make_unique<set[]>(sets_);
}

bool row_cache::keeps(std::string_view name) const noexcept {
  if (sets_ == 0 || name.size() != row_key_size_min) return false;
  const auto where = static_cast<domain::table>(name[0]);
  if (where == domain::table::connection) return true;
  // The kind is the last byte of `a`: there are fewer than 256.
  return where == domain::table::state && name[8] == static_cast<char>(domain::aggregate_kind::user);
}

row_cache::set& row_cache::set_of(std::string_view name) const noexcept {
  return all_[std::hash<std::string_view>{}(name) & (sets_ - 1)];
}

row_cache::entry* row_cache::set::find(std::string_view name) noexcept {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const entry& e) {
    return e.used && std::memcmp(e.name.data(), name.data(), row_key_size_min) == 0;
  });
  return found == entries.end() ? nullptr : &*found;
}

std::optional<std::string> row_cache::find(std::string_view name, ticket& on_miss) {
  auto& place = set_of(name);
  const std::lock_guard lock(place.mutex);
  if (const auto* found = place.find(name)) {
    ++place.looked_up.hits;
    return found->value;
  }
  ++place.looked_up.misses;
  on_miss.generation = place.generation;
  return std::nullopt;
}

void row_cache::offer(std::string_view name, std::string_view value, ticket taken) {
  if (value.size() > value_bytes_max) return;
  auto& place = set_of(name);
  const std::lock_guard lock(place.mutex);
  if (place.generation != taken.generation || place.find(name) != nullptr) return;
  auto& oldest = place.entries[place.next];
  place.next = static_cast<std::uint8_t>((place.next + 1) % rows_of_set);
  std::copy_n(name.begin(), row_key_size_min, oldest.name.begin());
  oldest.value.assign(value);
  oldest.used = true;
}

void row_cache::drop(std::string_view name) {
  auto& place = set_of(name);
  const std::lock_guard lock(place.mutex);
  ++place.generation;
  if (auto* found = place.find(name)) found->used = false;
}

row_cache::counts row_cache::looked_up() const {
  counts out;
  for (std::size_t i = 0; i < sets_; ++i) {
    const std::lock_guard lock(all_[i].mutex);
    out.hits += all_[i].looked_up.hits;
    out.misses += all_[i].looked_up.misses;
  }
  return out;
}

}  // namespace social::storage
