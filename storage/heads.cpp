#include "storage/heads.hpp"

#include <algorithm>

namespace social::storage {

namespace {

error undecodable(const std::string& what, shard_t shard) {
  return {error_code::store_damaged, what + " of shard " + std::to_string(shard) +
                                         " does not decode: restore a backup into an empty data directory"};
}

result<journal_range> load_range(rocksdb::Iterator& records, shard_t shard) {
  journal_range range;
  const auto first = encode_journal_key({shard, 0});
  const auto last = encode_journal_key({shard, ~std::uint64_t{0}});
  records.SeekForPrev(rocksdb::Slice(last.data(), last.size()));
  if (!records.status().ok()) return to_error(records.status());
  if (!records.Valid()) return range;
  const auto key = decode_journal_key(records.key().ToStringView());
  if (!key) return undecodable("the key of the newest journal record", shard);
  if (key->shard != shard) return range;
  const auto events = events_in_journal_value(records.value().ToStringView());
  if (events == 0) return undecodable("the newest journal record", shard);
  range.head = key->first_sequence + events - 1;
  records.Seek(rocksdb::Slice(first.data(), first.size()));
  if (!records.Valid()) return to_error(records.status());
  const auto oldest = decode_journal_key(records.key().ToStringView());
  if (!oldest) return undecodable("the key of the oldest journal record", shard);
  range.oldest = oldest->first_sequence;
  return range;
}

}  // namespace

result<std::vector<journal_range>> load_ranges(database& store, shard_t shards) {
  std::vector<journal_range> out;
  const std::unique_ptr<rocksdb::Iterator> records(
      store.db().NewIterator(rocksdb::ReadOptions(), store.handle(family::journal)));
  for (shard_t shard = 0; shard < shards; ++shard) {
    auto range = load_range(*records, shard);
    if (!range) return range.error();
    out.push_back(*range);
  }
  return out;
}

std::uint64_t watchers::add(std::function<void()> moved) {
  const std::lock_guard lock(mutex_);
  entries_.emplace_back(next_, std::move(moved));
  return next_++;
}

void watchers::remove(std::uint64_t watcher) {
  const std::lock_guard lock(mutex_);
  const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e.first == watcher; });
  if (entry == entries_.end()) return;
  if (signalling_) {
    entry->first = 0;  // the loop in `signal` is running on this thread: it skips and sweeps
  } else {
    entries_.erase(entry);
  }
}

void watchers::signal() {
  const std::lock_guard lock(mutex_);
  signalling_ = true;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].first == 0) continue;
    const auto moved = entries_[i].second;  // a copy: the callback may add watchers and so move the entries
    moved();
  }
  signalling_ = false;
  std::erase_if(entries_, [](const auto& entry) { return entry.first == 0; });
}

}  // namespace social::storage
