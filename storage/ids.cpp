#include "storage/ids.hpp"

#include <cassert>

#include "storage/values.hpp"

namespace social::storage {

struct rocks_ids::slot {
  std::mutex mutex;
  std::uint64_t next = 0;  // the block in use: [next, end)
  std::uint64_t end = 0;
  std::uint64_t spare_next = 0;  // the block after it, when it is synced already
  std::uint64_t spare_end = 0;
  std::uint64_t upper = 1;  // where the next block begins
  bool asking = false;      // a block is on its way to disk
  std::vector<waiter> waiters;

  [[nodiscard]] std::uint64_t left() const noexcept { return (end - next) + (spare_end - spare_next); }
};

rocks_ids::~rocks_ids() {
  for (auto& slots : slots_) delete[] slots.load();
}

rocks_ids::slot& rocks_ids::slot_of(domain::aggregate_kind kind, shard_t shard) {
  assert(shard < shards_);
  auto& slots = slots_[static_cast<std::uint8_t>(kind)];
  if (auto* made = slots.load(std::memory_order_acquire); made != nullptr) return made[shard];
  const std::lock_guard lock(making_);
  if (slots.load() == nullptr) slots.store(new slot[shards_], std::memory_order_release);
  return slots.load()[shard];
}

result<void> rocks_ids::load(database& store) {
  const auto prefix = id_block_prefix();
  const std::unique_ptr<rocksdb::Iterator> rows(
      store.db().NewIterator(rocksdb::ReadOptions(), store.handle(family::meta)));
  for (rows->Seek(prefix); rows->Valid() && rows->key().starts_with(prefix); rows->Next()) {
    const auto key = decode_id_block_key(rows->key().ToStringView());
    const auto value = decode_record<id_block_value>(rows->value().ToStringView());
    if (!key || key->shard >= shards_ || !value)
      return error{error_code::store_damaged,
                   "an id block does not decode: restore a backup into an empty data directory"};
    slot_of(key->kind, key->shard).upper = value->upper;
  }
  if (!rows->status().ok()) return to_error(rows->status());
  return {};
}

id_t rocks_ids::take(domain::aggregate_kind kind, shard_t shard) {
  auto& slot = slot_of(kind, shard);
  std::unique_lock lock(slot.mutex);
  if (slot.next == slot.end) {
    slot.next = std::exchange(slot.spare_next, 0);
    slot.end = std::exchange(slot.spare_end, 0);
  }
  id_t id = 0;
  if (slot.next != slot.end) id = make_id(slot.next++, shards_, shard);
  const bool low = slot.left() < id_block_low && !slot.asking;
  if (low) slot.asking = true;
  lock.unlock();
  if (low) ask(slot, kind, shard);
  return id;
}

void rocks_ids::refill(domain::aggregate_kind kind, shard_t shard, std::function<void(result<void>)> done) {
  auto& slot = slot_of(kind, shard);
  std::unique_lock lock(slot.mutex);
  if (slot.left() != 0) {  // came meanwhile; an empty request carries the answer to the commit thread
    lock.unlock();
    commits_.submit({}, [done = std::move(done)](const result<std::uint64_t>&) { done({}); }, false);
    return;
  }
  slot.waiters.push_back(std::move(done));
  const bool first = !std::exchange(slot.asking, true);
  lock.unlock();
  if (first) ask(slot, kind, shard);
}

// Whoever set `asking` calls this, so there is one block in flight per slot.
void rocks_ids::ask(slot& of, domain::aggregate_kind kind, shard_t shard) {
  std::uint64_t begin = 0;
  {
    const std::lock_guard lock(of.mutex);
    begin = of.upper;
    of.upper += id_block_size;
  }
  commits_.submit(
      prepare_meta(encode_id_block_key({kind, shard}), encode_record(id_block_value{begin + id_block_size})),
      [this, &of, begin](const result<std::uint64_t>& outcome) { arrived(of, begin, outcome); }, false);
}

void rocks_ids::arrived(slot& at, std::uint64_t begin, const result<std::uint64_t>& outcome) {
  std::vector<waiter> waiters;
  {
    const std::lock_guard lock(at.mutex);
    at.asking = false;
    waiters.swap(at.waiters);
    if (outcome) {
      statistics_.id_blocks.fetch_add(1, std::memory_order_relaxed);
      at.spare_next = begin;
      at.spare_end = begin + id_block_size;
    } else if (outcome.error().code == error_code::store_unavailable) {
      at.upper = begin;  // nothing was done
    }
    // An unknown outcome: the block may be on disk, so it is skipped, never asked for again.
  }
  for (auto& done : waiters) done(outcome ? result<void>() : result<void>(outcome.error()));
}

}  // namespace social::storage
