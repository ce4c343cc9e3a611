#include "storage/journal.hpp"

#include <cassert>

#include "storage/values.hpp"

namespace social::storage {

namespace {

/// A reader that is no further behind its shard's head follows it.
constexpr std::uint64_t tail_events = 1024;

rocksdb::Slice slice_of(const journal_key_bytes& key) {
  return {key.data(), key.size()};
}

/// Positions at the record that holds `sequence`, or at the first one after it. A reader stands at the border of a
/// record nearly always, so that is tried first: seeking backwards is the dearer direction.
void seek_event(rocksdb::Iterator& records, shard_t shard, std::uint64_t sequence) {
  const auto wanted = encode_journal_key({shard, sequence});
  records.Seek(slice_of(wanted));
  if (records.Valid() && records.key() == slice_of(wanted)) return;
  records.SeekForPrev(slice_of(wanted));
  const auto found = records.Valid() ? decode_journal_key(records.key().ToStringView()) : std::nullopt;
  if (found && found->shard == shard &&
      found->first_sequence + events_in_journal_value(records.value().ToStringView()) > sequence)
    return;
  records.Seek(slice_of(wanted));
}

}  // namespace

void rocks_journal::submit(ports::commit_request request, ports::commit_callback done) {
  assert(request.shard < heads_.shards());
  commits_.submit(prepare(std::move(request)), std::move(done), true);
}

result<std::vector<ports::journal_record>> rocks_journal::read(shard_t shard, std::uint64_t after,
                                                               std::size_t records_max, std::size_t bytes_max) const {
  std::vector<ports::journal_record> out;
  const auto count = read_over(shard, after, records_max, bytes_max, out);
  if (!count) return count.error();
  out.resize(*count);
  return out;
}

result<std::size_t> rocks_journal::read_over(shard_t shard, std::uint64_t after, std::size_t records_max,
                                             std::size_t bytes_max, std::vector<ports::journal_record>& out) const {
  const auto head = heads_.head(shard);
  if (after >= head || records_max == 0) return 0;
  // What was removed is not read again, though it may lie in memory still.
  if (after + 1 >= heads_.oldest(shard))
    if (auto newest = heads_.tail().read_over(shard, after, head, records_max, bytes_max, out)) return *newest;
  const auto inside = gate_.enter();
  if (!inside) return error{error_code::store_unavailable, "the store is being reopened"};
  rocksdb::ReadOptions how;
  // Each record is read once, so that blocks of a backlog would only push rows out of the cache. Close to the head the
  // records come from the memtable, but the search for them meets, in every table, the block where the shard ends
  // there: the same one with each look.
  how.fill_cache = head - after <= tail_events;
  const auto end = encode_journal_key({shard, head + 1});
  const auto end_slice = slice_of(end);
  how.iterate_upper_bound = &end_slice;
  const std::unique_ptr<rocksdb::Iterator> records(inside->db().NewIterator(how, inside->handle(family::journal)));
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (seek_event(*records, shard, after + 1); records->Valid(); records->Next()) {
    if (count == records_max || bytes >= bytes_max) return count;
    const auto key = decode_journal_key(records->key().ToStringView());
    if (!key) return error{error_code::corrupt_record, "journal key of shard " + std::to_string(shard)};
    if (count == out.size()) out.emplace_back();
    const auto value = records->value().ToStringView();
    if (const auto decoded = decode_journal_record(*key, value, out[count]); !decoded) return decoded.error();
    bytes += value.size();
    ++count;
  }
  if (!records->status().ok()) return to_error(records->status());
  return count;
}

}  // namespace social::storage
