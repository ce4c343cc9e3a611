#include "storage/engine.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <random>

#include <rocksdb/convenience.h>
#include <rocksdb/listener.h>

#include "storage/manifest_tail.hpp"
#include "storage/synced_mark.hpp"
#include "storage/tuning.hpp"

namespace social::storage {

namespace {

/// RocksDB's own warnings and errors in our log instead of a LOG file of its own.
class forwarding_logger final : public rocksdb::Logger {
 public:
  explicit forwarding_logger(log_function out) : Logger(rocksdb::WARN_LEVEL), out_(std::move(out)) {}
  ~forwarding_logger() override { Close().PermitUncheckedError(); }
  using rocksdb::Logger::Logv;
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (!out_ || level < rocksdb::WARN_LEVEL || level >= rocksdb::HEADER_LEVEL) return;
    char buffer[1024];
    if (std::vsnprintf(buffer, sizeof(buffer), format, arguments) < 0) return;
    // Said whenever a checkpoint is made, because two parts of it keep files from being deleted.
    if (std::string_view(buffer).find("File Deletions Enable, but not really enabled") != std::string_view::npos)
      return;
    out_(level == rocksdb::WARN_LEVEL ? log_level::warning : log_level::error, std::string("rocksdb: ") + buffer);
  }

 private:
  log_function out_;
};

class news_listener final : public rocksdb::EventListener {
 public:
  explicit news_listener(std::shared_ptr<background_news> out) : out_(std::move(out)) {}
  void OnMemTableSealed(const rocksdb::MemTableInfo&) override { out_->switch_log(); }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* why) override { out_->fail(why->ToString()); }
  // The commit thread reopens; RocksDB, which waits for space on a thread of its own, would race with it.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* automatic) override {
    *automatic = false;
  }

 private:
  std::shared_ptr<background_news> out_;
};

std::string new_store_id() {
  std::random_device entropy;
  std::string out;
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t word = entropy();
    for (int shift = 28; shift >= 0; shift -= 4) out.push_back("0123456789abcdef"[(word >> shift) & 15]);
  }
  return out;
}

void close(rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*>& handles) {
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  handles.clear();
}

}  // namespace

error to_error(const rocksdb::Status& status) {
  if (status.IsCorruption()) return {error_code::store_damaged, "the store is damaged: " + status.ToString()};
  return {error_code::io_error, "the store cannot be read or written: " + status.ToString()};
}

void background_news::reset() {
  log_switched_.store(false, std::memory_order_relaxed);
  failed_.store(false);
}

void background_news::fail(const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    if (!failed_.load()) why_ = why;
    failed_.store(true);
  }
  if (alarm_) alarm_();
}

rocksdb::Status background_news::trouble() const {
  if (!failed_.load()) return rocksdb::Status::OK();
  const std::lock_guard lock(mutex_);
  return rocksdb::Status::IOError("in the background", why_);
}

// --- snapshots
// --------------------------------------------------------------------------------------------------------

const rocksdb::Snapshot* snapshot_book::take() {
  const std::lock_guard lock(mutex_);
  if (db_ == nullptr) return nullptr;
  const auto* snapshot = db_->GetSnapshot();
  taken_.insert(snapshot);
  return snapshot;
}

void snapshot_book::give_back(const rocksdb::Snapshot* snapshot) {
  const std::lock_guard lock(mutex_);
  if (db_ != nullptr && taken_.erase(snapshot) != 0) db_->ReleaseSnapshot(snapshot);
}

void snapshot_book::close() {
  const std::lock_guard lock(mutex_);
  for (const auto* snapshot : taken_) db_->ReleaseSnapshot(snapshot);
  taken_.clear();
  db_ = nullptr;
}

// --- database
// ---------------------------------------------------------------------------------------------------------

database::database(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> handles,
                   std::shared_ptr<background_news> news, std::shared_ptr<const log_guard> guard, meta_value meta,
                   std::size_t hot_rows_max)
    : db_(std::move(db)),
      handles_(std::move(handles)),
      news_(std::move(news)),
      guard_(std::move(guard)),
      meta_(std::move(meta)),
      snapshots_(std::make_shared<snapshot_book>(*db_)),
      hot_rows_(hot_rows_max) {}

database::~database() {
  snapshots_->close();
  close(db_.get(), handles_);
  db_->Close().PermitUncheckedError();  // a failed store cannot be closed in order; what was synced is on disk
}

rocksdb::Status database::log_trouble() const {
  return guard_->failed() ? rocksdb::Status::IOError("the log has failed") : rocksdb::Status::OK();
}

rocksdb::Status database::trouble() const {
  auto status = log_trouble();
  return status.ok() ? news_->trouble() : status;
}

void database::settle() {
  rocksdb::CancelAllBackgroundWork(db_.get(), true);
}

// --- engine
// -----------------------------------------------------------------------------------------------------------

engine::engine(const storage_options& options)
    : options_(options),
      memory_(options.memory ? options.memory
                             : make_memory_budget(options.block_cache_bytes, options.write_buffer_bytes)),
      files_(options.file_system ? options.file_system : rocksdb::FileSystem::Default()),
      guard_(std::make_shared<log_guard>(files_, options.path)),
      env_(rocksdb::NewCompositeEnv(guard_)),
      logger_(std::make_shared<forwarding_logger>(options.log)),
      news_(std::make_shared<background_news>()) {}

engine::~engine() = default;

error engine::damaged(const std::string& what) const {
  return {error_code::store_damaged, "the store in " + options_.path.string() + " is damaged: " + what +
                                         "; restore a backup into an empty data directory"};
}

error engine::describe_failure(const rocksdb::Status& status) const {
  const auto text = status.ToString();
  const auto path = options_.path.string();
  if (status.IsCorruption()) return damaged(text);
  if (text.find("/LOCK") != std::string::npos)
    return {error_code::store_locked, "the store in " + path +
                                          " is in use by another process: stop that process or choose another data "
                                          "directory (" +
                                          text + ")"};
  if (text.find("olumn famil") != std::string::npos)
    return {
        error_code::store_mismatch,
        "the store in " + path + " was written by a newer version of this program: start that version (" + text + ")"};
  return {error_code::io_error, "the store in " + path +
                                    " cannot be opened: check that the directory can be read and written and that the "
                                    "disk has space (" +
                                    text + ")"};
}

rocksdb::Status engine::try_open(rocksdb::WALRecoveryMode mode, bool read_only, opened& out) {
  rocksdb::DBOptions tuning = database_tuning(options_, *memory_);
  tuning.env = env_.get();
  tuning.info_log = logger_;
  tuning.wal_recovery_mode = mode;
  tuning.listeners.push_back(std::make_shared<news_listener>(news_));
  const auto families = family_tuning(options_, *memory_);
  rocksdb::DB* db = nullptr;
  const auto status = read_only
                          ? rocksdb::DB::OpenForReadOnly(tuning, options_.path.string(), families, &out.handles, &db)
                          : rocksdb::DB::Open(tuning, options_.path.string(), families, &out.handles, &db);
  if (status.ok()) out.db.reset(db);
  return status;
}

// A tail that a power cut tore and damage below it look the same to RocksDB. The mark tells them apart, before anything
// is changed on disk: the look is read-only.
result<void> engine::open_torn(std::uint64_t mark, const rocksdb::Status& first, opened& out) {
  std::uint64_t kept = 0;
  {
    opened look;
    const auto status = try_open(rocksdb::WALRecoveryMode::kPointInTimeRecovery, true, look);
    if (!status.ok()) return damaged(status.ToString());
    kept = look.db->GetLatestSequenceNumber();
    close(look.db.get(), look.handles);
  }
  if (kept < mark)
    return damaged("its log can be read up to write " + std::to_string(kept) + ", but write " + std::to_string(mark) +
                   " is known to have been synced (" + first.ToString() + ")");
  const auto status = try_open(rocksdb::WALRecoveryMode::kPointInTimeRecovery, false, out);
  if (!status.ok()) return describe_failure(status);
  log(log_level::warning, "the log of " + options_.path.string() +
                              " ended in a record that a power cut tore: kept up to write " + std::to_string(kept) +
                              ", known synced up to " + std::to_string(mark) + " (" + first.ToString() + ")");
  return {};
}

result<meta_value> engine::check_meta(opened& store, std::uint64_t mark) {
  auto* handle = store.handles[static_cast<std::size_t>(family::meta)];
  std::string bytes;
  auto status = store.db->Get(rocksdb::ReadOptions(), handle, encode_meta_key(), &bytes);
  if (status.IsNotFound() && (mark != 0 || store.db->GetLatestSequenceNumber() != 0))
    return damaged("its description is missing");
  if (status.IsNotFound()) {  // made just now, or a crash came between making it and this row, its first write
    meta_value fresh;
    fresh.shards = options_.shards;
    fresh.store_id = new_store_id();
    rocksdb::WriteOptions synced;
    synced.sync = true;
    status = store.db->Put(synced, handle, encode_meta_key(), encode_record(fresh));
    if (!status.ok()) return describe_failure(status);
    return fresh;
  }
  if (!status.ok()) return describe_failure(status);
  auto meta = decode_record<meta_value>(bytes);
  const auto path = options_.path.string();
  if (!meta || meta->format > format_version)
    return error{error_code::store_mismatch, "the store in " + path + " has " +
                                                 (meta ? "format " + std::to_string(meta->format)
                                                       : std::string("a description that this program cannot read")) +
                                                 ", this program knows up to " + std::to_string(format_version) +
                                                 ": start the newer version that wrote it"};
  if (meta->shards != options_.shards)
    return error{error_code::store_mismatch,
                 "the store in " + path + " was made with " + std::to_string(meta->shards) + " shards and " +
                     std::to_string(options_.shards) +
                     " were asked for: the number is fixed when a store is made, start with " +
                     std::to_string(meta->shards)};
  return std::move(*meta);
}

result<std::unique_ptr<database>> engine::open() {
  std::error_code failed;
  if (std::filesystem::create_directories(options_.path, failed))
    std::filesystem::permissions(options_.path, std::filesystem::perms::owner_all, failed);
  guard_->reset();
  news_->reset();
  const auto mark = read_mark(files(), options_.path);
  if (auto whole = check_files(mark); !whole) return whole.error();
  opened store;
  auto status = try_open(rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords, false, store);
  if (!status.IsCorruption()) return checked(mark.sequence, status, store);
  auto cut = manifest_cut::make(files(), options_.path, mark.manifest);
  if (!cut || !*cut) return checked(mark.sequence, status, store);
  status = try_open(rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords, false, store);
  auto out = checked(mark.sequence, status, store);
  if (!out) {
    (*cut)->take_back();
    return out;
  }
  (*cut)->keep();
  log(log_level::warning, "the manifest of " + options_.path.string() +
                              " ended in a record that a power cut tore: kept " + std::to_string((*cut)->kept()) +
                              " bytes, cut " + std::to_string((*cut)->cut()));
  return out;
}

result<std::unique_ptr<database>> engine::checked(std::uint64_t mark, const rocksdb::Status& first, opened& store) {
  if (first.IsCorruption()) {
    if (auto torn = open_torn(mark, first, store); !torn) return torn.error();
  } else if (!first.ok()) {
    return describe_failure(first);
  }
  const auto kept = store.db->GetLatestSequenceNumber();
  auto meta = kept < mark
                  ? result<meta_value>(damaged("its log ends at write " + std::to_string(kept) + ", but write " +
                                               std::to_string(mark) + " is known to have been synced"))
                  : check_meta(store, mark);
  if (!meta) {
    close(store.db.get(), store.handles);
    return meta.error();
  }
  return std::make_unique<database>(std::move(store.db), std::move(store.handles), news_, guard_, std::move(*meta),
                                    options_.hot_rows_max);
}

result<void> engine::probe() {
  // As much as a small flush writes, so that a disk with a few free sectors is not taken for a healthy one.
  const std::string block(std::size_t{256} << 10, '\0');
  const std::string path = (options_.path / "write-probe").string();
  const rocksdb::IOOptions io;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  auto status = files().NewWritableFile(path, rocksdb::FileOptions(), &file, nullptr);
  if (status.ok()) status = file->Append(block, io, nullptr);
  if (status.ok()) status = file->Sync(io, nullptr);
  if (status.ok()) status = file->Close(io, nullptr);
  file.reset();
  const auto removed = files().DeleteFile(path, io, nullptr);
  if (status.ok()) status = removed;
  if (!status.ok()) return error{error_code::io_error, status.ToString()};
  return {};
}

}  // namespace social::storage
