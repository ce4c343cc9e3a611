#include "storage/trim.hpp"

#include "storage/values.hpp"

namespace social::storage {

result<trim_plan> plan_trim(const database& store, shard_t shard, const trim_limits& limits) {
  trim_plan plan;
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  const auto from = encode_journal_key({shard, limits.from});
  const auto end = encode_journal_key({shard, limits.head + 1});
  const rocksdb::Slice end_slice(end.data(), end.size());
  how.iterate_upper_bound = &end_slice;
  const std::unique_ptr<rocksdb::Iterator> records(store.db().NewIterator(how, store.handle(family::journal)));
  std::size_t seen = 0;
  for (records->Seek(rocksdb::Slice(from.data(), from.size())); records->Valid() && seen < limits.records_max; ++seen) {
    const auto key = decode_journal_key(records->key().ToStringView());
    if (!key) return error{error_code::corrupt_record, "journal key of shard " + std::to_string(shard)};
    const auto record = decode_journal_record(*key, records->value().ToStringView());
    if (!record) return record.error();
    if (record->time >= limits.before || key->first_sequence + record->events.size() - 1 > limits.hold) break;
    records->Next();
    if (!records->Valid()) break;  // the newest stays
    const auto next = decode_journal_key(records->key().ToStringView());
    if (!next) return error{error_code::corrupt_record, "journal key of shard " + std::to_string(shard)};
    plan.below = next->first_sequence;
    plan.events += record->events.size();
  }
  if (!records->status().ok()) return to_error(records->status());
  return plan;
}

}  // namespace social::storage
