#include "storage/backup.hpp"

#include <array>
#include <chrono>

#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include "storage/engine.hpp"
#include "storage/heads.hpp"
#include "storage/store.hpp"

namespace social::storage {

namespace {

/// Kinds whose ids are counted in a store.
constexpr std::array counted_kinds = {domain::aggregate_kind::user, domain::aggregate_kind::post,
                                      domain::aggregate_kind::comment, domain::aggregate_kind::subscription};

ports::commit_request marker() {
  ports::commit_request out;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  out.time = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  out.events.push_back({marker_kind, 0, restored_marker_type, std::string()});
  return out;
}

rocksdb::Status mark_journal(rocksdb::WriteBatch& batch, const database& store, const journal_range& range,
                             shard_t shard) {
  const auto key = encode_journal_key({shard, range.head + sequences_skipped});
  return batch.Put(store.handle(family::journal), rocksdb::Slice(key.data(), key.size()),
                   encode_journal_value(marker()));
}

rocksdb::Status move_id_block(rocksdb::WriteBatch& batch, database& store, const id_block_key& key) {
  const auto name = encode_id_block_key(key);
  std::string bytes;
  id_block_value block;
  const auto found = store.db().Get(rocksdb::ReadOptions(), store.handle(family::meta), name, &bytes);
  if (found.ok()) {
    const auto stored = decode_record<id_block_value>(bytes);
    if (!stored) return rocksdb::Status::Corruption("an id block does not decode");
    block = *stored;
  } else if (!found.IsNotFound()) {
    return found;
  }
  block.upper += ids_skipped;
  return batch.Put(store.handle(family::meta), name, encode_record(block));
}

}  // namespace

result<void> skip_ahead(const storage_options& options) {
  engine machine(options);
  auto store = machine.open();
  if (!store) return store.error();
  auto ranges = load_ranges(**store, options.shards);
  if (!ranges) return ranges.error();
  rocksdb::WriteBatch batch;
  rocksdb::Status status;
  for (shard_t shard = 0; shard < options.shards && status.ok(); ++shard) {
    status = mark_journal(batch, **store, (*ranges)[shard], shard);
    for (const auto kind : counted_kinds)
      if (status.ok()) status = move_id_block(batch, **store, {kind, shard});
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  if (status.ok()) status = (*store)->db().Write(synced, &batch);
  if (!status.ok()) return to_error(status);
  return {};
}

// A checkpoint: tables are linked where the file system can, what is not in a table yet is flushed first.
result<void> copy_database(database& store, const std::filesystem::path& to) {
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(&store.db(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(to.string());
  if (!status.ok())
    return error{error_code::io_error, "the copy in " + to.string() + " could not be made: " + status.ToString()};
  return {};
}

}  // namespace social::storage
