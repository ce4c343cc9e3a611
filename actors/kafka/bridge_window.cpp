#include "actors/kafka/bridge_window.hpp"

#include <algorithm>
#include <cassert>

namespace social::kafka {
namespace {

// A token is the shard (16 bits) and the number of the record in its shard (48 bits: at a million records a second
// that lasts nine years).
constexpr int number_bits = 48;
constexpr std::uint64_t number_mask = (std::uint64_t{1} << number_bits) - 1;

}  // namespace

publish_window::publish_window(const std::vector<std::uint64_t>& cursors) {
  for (const auto cursor : cursors) shards_.push_back({cursor, 0, {}});
}

std::uint64_t publish_window::next_token(shard_t shard) const {
  const auto& of = shards_[shard];
  return (std::uint64_t{shard} << number_bits) | ((of.first_number + of.entries.size()) & number_mask);
}

void publish_window::sent(shard_t shard, std::uint64_t sequence, std::size_t bytes) {
  auto& of = shards_[shard];
  assert(sequence > of.reached && (of.entries.empty() || sequence >= of.entries.back().sequence));
  of.entries.push_back({sequence, static_cast<std::uint32_t>(bytes), false});
  ++records_;
  bytes_ += static_cast<std::uint32_t>(bytes);
}

void publish_window::reached(shard_t shard, std::uint64_t sequence) {
  auto& of = shards_[shard];
  of.reached = std::max(of.reached, sequence);
}

bool publish_window::acknowledged(std::uint64_t token) {
  const auto index = index_of(token);
  if (index == nowhere) return false;
  auto& of = shards_[shard_of(token)];
  of.entries[index].acknowledged = true;
  if (!of.entries.front().acknowledged) return false;
  while (!of.entries.empty() && of.entries.front().acknowledged) drop_first(of);
  return true;
}

void publish_window::restart() {
  for (shard_t shard = 0; shard < shards(); ++shard) {
    const auto again_after = cursor(shard);
    auto& of = shards_[shard];
    of.first_number += of.entries.size();
    of.entries.clear();
    of.reached = again_after;
  }
  records_ = 0;
  bytes_ = 0;
}

std::uint64_t publish_window::cursor(shard_t shard) const {
  const auto& of = shards_[shard];
  return of.entries.empty() ? of.reached : std::min(of.reached, of.entries.front().sequence - 1);
}

shard_t publish_window::shard_of(std::uint64_t token) {
  return static_cast<shard_t>(token >> number_bits);
}

std::uint64_t publish_window::sequence_of(std::uint64_t token) const {
  const auto index = index_of(token);
  return index == nowhere ? 0 : shards_[shard_of(token)].entries[index].sequence;
}

std::size_t publish_window::index_of(std::uint64_t token) const {
  const auto shard = shard_of(token);
  if (shard >= shards_.size()) return nowhere;
  const auto& of = shards_[shard];
  const auto number = token & number_mask;
  if (number < of.first_number || number - of.first_number >= of.entries.size()) return nowhere;
  return number - of.first_number;
}

void publish_window::drop_first(progress& of) {
  bytes_ -= of.entries.front().bytes;
  --records_;
  ++of.first_number;
  of.entries.pop_front();
}

}  // namespace social::kafka
