#include "storage/batch_writer.hpp"

#include <chrono>

namespace social::storage {

namespace {

class stopwatch {
 public:
  [[nodiscard]] std::uint64_t microseconds() const {
    const auto passed = std::chrono::steady_clock::now() - start_;
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(passed).count());
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void count(counter& number, std::uint64_t by = 1) noexcept {
  number.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace

batch_writer::batch_writer(database& store, visible_heads& heads, storage_statistics& statistics,
                           const std::vector<journal_range>& ranges, std::size_t batch_bytes_max)
    : store_(store),
      heads_(heads),
      statistics_(statistics),
      batch_(batch_bytes_max / 4),
      synced_sequence_(store.db().GetLatestSequenceNumber()) {
  heads_.tail().clear();  // before any head moves: what was not synced may be gone, and its sequences be given again
  const auto shards = static_cast<shard_t>(ranges.size());
  for (shard_t shard = 0; shard < shards; ++shard) {
    written_.push_back(ranges[shard].head);
    moved_ = moved_ || heads_.head(shard) != ranges[shard].head;
    heads_.set(shard, ranges[shard]);
  }
}

rocksdb::Status batch_writer::append(pending_request& pending) {
  const auto& request = pending.request;
  rocksdb::Status status;
  if (request.events != 0) {
    pending.first_sequence = written_[request.shard] + 1;
    written_[request.shard] += request.events;
    unpublished_.push_back(request.shard);
    const auto key = encode_journal_key({request.shard, pending.first_sequence});
    status = batch_.Put(store_.handle(family::journal), rocksdb::Slice(key.data(), key.size()), request.journal_value);
  }
  if (request.trim_below != 0 && status.ok()) {
    // From the oldest, not from 0: range tombstones that overlap cost every later read.
    const auto from = encode_trim_bound({request.shard, heads_.oldest(request.shard)});
    const auto to = encode_trim_bound({request.shard, request.trim_below});
    status = batch_.DeleteRange(store_.handle(family::journal), from, to);
  }
  const char* key = request.keys.data();
  for (const auto& row : request.rows) {
    if (!status.ok()) break;
    const rocksdb::Slice name(key, row.key_size);
    status = row.value ? batch_.Put(store_.handle(row.where), name, *row.value)
                       : batch_.Delete(store_.handle(row.where), name);
    key += row.key_size;
  }
  return status;
}

rocksdb::Status batch_writer::write(std::span<pending_request> requests, bool sync) {
  batch_.Clear();
  std::uint64_t events = 0;
  rocksdb::Status status;
  for (auto& pending : requests) {
    if (status = append(pending); !status.ok()) return status;
    events += pending.request.events;
  }
  if (batch_.Count() == 0) return status;  // ids and rows may be asked to do nothing
  rocksdb::WriteOptions how;
  how.sync = sync;
  const stopwatch watch;
  status = store_.db().Write(how, &batch_);
  if (status.ok()) status = store_.log_trouble();
  if (!status.ok()) return status;
  if (sync) statistics_.sync_us.add(watch.microseconds());
  drop_hot_rows(requests);
  for (const auto& pending : requests)
    if (pending.request.trim_below != 0) heads_.set_oldest(pending.request.shard, pending.request.trim_below);
  count(statistics_.batches);
  count(statistics_.requests, requests.size());
  count(statistics_.events, events);
  count(statistics_.bytes, batch_.GetDataSize());
  statistics_.batch_requests.add(requests.size());
  heads_.tail().add(requests);
  unsynced_ = true;
  if (sync) {
    count(statistics_.syncs);
    publish();
  }
  return status;
}

/// Before anybody is answered.
void batch_writer::drop_hot_rows(std::span<const pending_request> requests) {
  auto& hot = store_.hot_rows();
  for (const auto& pending : requests) {
    std::string_view keys = pending.request.keys;
    for (const auto& row : pending.request.rows) {
      const auto name = keys.substr(0, row.key_size);
      if (hot.keeps(name)) hot.drop(name);
      keys.remove_prefix(row.key_size);
    }
  }
}

rocksdb::Status batch_writer::sync() {
  const stopwatch watch;
  auto status = store_.db().SyncWAL();
  if (status.ok()) status = store_.log_trouble();  // it may have been closed meanwhile, and says yes then
  if (!status.ok()) return status;
  statistics_.sync_us.add(watch.microseconds());
  count(statistics_.syncs);
  publish();
  return status;
}

void batch_writer::publish() {
  for (const auto shard : unpublished_) heads_.advance(shard, written_[shard]);
  moved_ = moved_ || !unpublished_.empty();
  unpublished_.clear();
  unsynced_ = false;
  synced_sequence_ = store_.db().GetLatestSequenceNumber();
}

}  // namespace social::storage
