#include "storage/verify.hpp"

#include <optional>

#include "storage/backup.hpp"
#include "storage/values.hpp"

namespace social::storage {

namespace {

using iterator = std::unique_ptr<rocksdb::Iterator>;

/// What is read once does not belong into the cache, which the lookups of a check need.
rocksdb::ReadOptions once() {
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  how.readahead_size = std::size_t{1} << 20;
  return how;
}

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "0x";
  for (const char c : bytes) {
    out.push_back(digits[static_cast<std::uint8_t>(c) >> 4]);
    out.push_back(digits[static_cast<std::uint8_t>(c) & 15]);
  }
  return out;
}

std::string family_name(family where) {
  return std::string(family_names[static_cast<std::size_t>(where)]);
}

/// One walk; see stopped_store::walk.
class walker {
 public:
  walker(const database& store, const ports::finding_sink& report) : store_(store), report_(report) {}

  walked run() {
    check_files();
    walk_meta();
    for (const auto where : {family::state, family::view, family::delivery}) walk_rows(where);
    walk_journal();
    return seen_;
  }

 private:
  void check_files() {
    const auto status = store_.db().VerifyChecksum(once());
    if (!status.ok()) report_({"checksum", "files", "a table file does not check: " + status.ToString()});
  }

  [[nodiscard]] iterator open(family where) const {
    return iterator(store_.db().NewIterator(once(), store_.handle(where)));
  }
  void check_end(const rocksdb::Iterator& rows, family where) {
    if (!rows.status().ok())
      report_({"read", "family " + family_name(where),
               "cannot be read to its end, what follows was not checked: " + rows.status().ToString()});
  }

  void walk_meta() {
    const auto rows = open(family::meta);
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      const auto key = rows->key().ToStringView();
      const auto value = rows->value().ToStringView();
      if (key == encode_meta_key()) continue;  // was read when the store was opened
      const auto block = decode_id_block_key(key);
      if (!block) {
        report_({"key", "meta " + hexadecimal(key), "no row of this family has such a key"});
        continue;
      }
      const auto name = "id block " + ports::name_of(block->kind) + " of shard " + std::to_string(block->shard);
      const auto decoded = decode_record<id_block_value>(value);
      if (!decoded) {
        report_({"decode", name, std::string(decoded.error().text())});
      } else if (block->shard >= store_.meta().shards) {
        report_({"shard", name, "the store has " + std::to_string(store_.meta().shards) + " shards"});
      }
    }
    check_end(*rows, family::meta);
  }

  void walk_rows(family where) {
    const auto rows = open(where);
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      ++seen_.rows;
      const auto bytes = rows->key().ToStringView();
      if (bytes.size() < row_key_size_min) {
        report_({"key", family_name(where) + " " + hexadecimal(bytes), "is shorter than any key"});
      } else if (family_of(static_cast<domain::table>(bytes[0])) != where) {
        report_({"key", ports::name_of(*decode_row_key(bytes)),
                 "lies in the family " + family_name(where) + ", where nobody reads it"});
      }
    }
    check_end(*rows, where);
  }

  void walk_journal() {
    const auto rows = open(family::journal);
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      const auto key = decode_journal_key(rows->key().ToStringView());
      if (!key) {
        report_({"key", "journal " + hexadecimal(rows->key().ToStringView()), "is no key of a record"});
        continue;
      }
      walk_record(*key, rows->value().ToStringView());
    }
    check_end(*rows, family::journal);
  }

  void walk_record(const journal_key& key, std::string_view value) {
    ++seen_.records;
    if (shard_ != key.shard) next_.reset();
    shard_ = key.shard;
    const auto name = ports::name_of_record(key.shard, key.first_sequence);
    const auto shards = store_.meta().shards;
    if (key.shard >= shards) report_({"shard", name, "the store has " + std::to_string(shards) + " shards"});
    const auto record = decode_journal_record(key, value);
    if (!record) {
      report_({"decode", name, std::string(record.error().text())});
      next_.reset();  // how many events it had is not known
      return;
    }
    check_sequence(key.first_sequence, name, record->events.front());
    next_ = key.first_sequence + record->events.size();
    seen_.events += record->events.size();
    for (const auto& event : record->events)
      if (event.kind != marker_kind && shard_of(event.id, shards) != key.shard)
        report_({"shard", name,
                 "has an event of " + ports::name_of(event.kind) + " " + std::to_string(event.id) +
                     ", which lives in shard " + std::to_string(shard_of(event.id, shards))});
  }

  void check_sequence(std::uint64_t first, const std::string& name, const domain::encoded_event& event) {
    if (!next_ || first == *next_) return;
    if (first < *next_) {
      report_({"sequence", name, "begins inside the record before it, which ends with " + std::to_string(*next_ - 1)});
      return;
    }
    const bool restored = event.kind == marker_kind && first == *next_ - 1 + sequences_skipped;
    if (!restored)
      report_(
          {"sequence", name,
           "follows a hole: events " + std::to_string(*next_) + " to " + std::to_string(first - 1) + " are missing"});
  }

  const database& store_;
  const ports::finding_sink& report_;
  walked seen_;
  shard_t shard_ = 0;
  std::optional<std::uint64_t> next_;  ///< sequence that must follow; nothing: unknown
};

}  // namespace

result<id_blocks> read_id_blocks(const database& store) {
  id_blocks out;
  const auto prefix = id_block_prefix();
  const iterator rows(store.db().NewIterator(rocksdb::ReadOptions(), store.handle(family::meta)));
  for (rows->Seek(prefix); rows->Valid() && rows->key().starts_with(prefix); rows->Next()) {
    const auto key = decode_id_block_key(rows->key().ToStringView());
    const auto value = decode_record<id_block_value>(rows->value().ToStringView());
    if (key && value) out[{static_cast<std::uint8_t>(key->kind), key->shard}] = value->upper;
  }
  if (!rows->status().ok()) return to_error(rows->status());
  return out;
}

result<std::vector<ports::journal_record>> read_records(const database& store, shard_t shard, std::uint64_t after,
                                                        std::size_t records_max, std::size_t bytes_max) {
  std::vector<ports::journal_record> out;
  auto how = once();
  const auto from = encode_journal_key({shard, 0});
  const auto wanted = encode_journal_key({shard, after + 1});
  const auto end = encode_journal_key({shard, ~std::uint64_t{0}});
  const rocksdb::Slice from_slice(from.data(), from.size());
  const rocksdb::Slice end_slice(end.data(), end.size());
  how.iterate_lower_bound = &from_slice;
  how.iterate_upper_bound = &end_slice;
  const iterator records(store.db().NewIterator(how, store.handle(family::journal)));
  // The record that holds the next event may begin before it.
  records->SeekForPrev(rocksdb::Slice(wanted.data(), wanted.size()));
  if (!records->Valid() && records->status().ok()) records->SeekToFirst();
  std::size_t bytes = 0;
  for (; records->Valid() && out.size() < records_max && bytes < bytes_max; records->Next()) {
    const auto key = decode_journal_key(records->key().ToStringView());
    if (!key) return error{error_code::corrupt_record, "journal key of shard " + std::to_string(shard)};
    auto record = decode_journal_record(*key, records->value().ToStringView());
    if (!record) return record.error();
    if (record->first_sequence + record->events.size() - 1 <= after) continue;
    bytes += records->value().size();
    out.push_back(std::move(*record));
  }
  if (!records->status().ok()) return to_error(records->status());
  return out;
}

walked walk_store(const database& store, const ports::finding_sink& report) {
  return walker(store, report).run();
}

}  // namespace social::storage
