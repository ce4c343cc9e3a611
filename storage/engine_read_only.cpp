// Opening a store for a look: nothing on disk is changed. What `open` mends on disk is mended in memory here, or the
// sentence says that the server has to mend it first.
#include <rocksdb/file_system.h>

#include "storage/engine.hpp"
#include "storage/manifest_tail.hpp"
#include "storage/synced_mark.hpp"

namespace social::storage {

namespace {

/// As the server would mend it. That it is whole as far as it was synced was seen before.
bool is_manifest_torn(rocksdb::FileSystem& files, const std::filesystem::path& store) {
  std::string current;
  std::string bytes;
  auto status = rocksdb::ReadFileToString(&files, (store / "CURRENT").string(), &current);
  const auto name = manifest_named(current);
  if (!status.ok() || !name) return false;
  status = rocksdb::ReadFileToString(&files, (store / *name).string(), &bytes);
  return status.ok() && sound_length(bytes).value_or(0) != 0;
}

}  // namespace

result<std::unique_ptr<database>> engine::open_read_only() {
  const auto mark = read_mark(files(), options_.path);
  if (auto whole = check_files(mark); !whole) return whole.error();
  guard_->reset();
  opened store;
  const auto first = try_open(rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords, true, store);
  auto status = first;
  if (first.IsCorruption()) status = try_open(rocksdb::WALRecoveryMode::kPointInTimeRecovery, true, store);
  if (status.IsCorruption() && is_manifest_torn(files(), options_.path))
    return error{error_code::store_damaged,
                 "the manifest of the store in " + options_.path.string() +
                     " ends in a record that does not check, as after a power cut: start the server once, which mends "
                     "that, stop it and try again (" +
                     status.ToString() + ")"};
  if (!status.ok()) return describe_failure(status);
  auto meta = read_meta(store, mark.sequence, first);
  if (!meta) {
    for (auto* handle : store.handles) store.db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    return meta.error();
  }
  return std::make_unique<database>(std::move(store.db), std::move(store.handles), news_, guard_, std::move(*meta), 0);
}

result<meta_value> engine::read_meta(opened& store, std::uint64_t mark, const rocksdb::Status& first) const {
  const auto kept = store.db->GetLatestSequenceNumber();
  if (kept < mark)
    return damaged("its log can be read up to write " + std::to_string(kept) + ", but write " + std::to_string(mark) +
                   " is known to have been synced" + (first.ok() ? "" : " (" + first.ToString() + ")"));
  std::string bytes;
  auto* handle = store.handles[static_cast<std::size_t>(family::meta)];
  const auto status = store.db->Get(rocksdb::ReadOptions(), handle, encode_meta_key(), &bytes);
  if (status.IsNotFound()) return damaged("its description is missing");
  if (!status.ok()) return describe_failure(status);
  auto meta = decode_record<meta_value>(bytes);
  if (!meta || meta->format > format_version || meta->shards == 0)
    return error{error_code::store_mismatch,
                 "the store in " + options_.path.string() +
                     " has a description that this program cannot read: use the newer version that wrote it"};
  return std::move(*meta);
}

}  // namespace social::storage
