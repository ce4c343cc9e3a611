#include "storage/log_guard.hpp"

#include <algorithm>

namespace social::storage {

/// Any file: refuses once the log has failed.
class log_guard::file : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  file(log_guard& owner, std::string path, std::unique_ptr<rocksdb::FSWritableFile> below)
      : FSWritableFileOwnerWrapper(std::move(below)), owner_(owner), path_(std::move(path)) {}

  status Append(const rocksdb::Slice& data, const io& how, debug* d) override {
    return owner_.failed() ? refused(path_) : target()->Append(data, how, d);
  }
  status Append(const rocksdb::Slice& data, const io& how, const rocksdb::DataVerificationInfo& check,
                debug* d) override {
    return owner_.failed() ? refused(path_) : target()->Append(data, how, check, d);
  }
  status Sync(const io& how, debug* d) override { return owner_.failed() ? refused(path_) : target()->Sync(how, d); }
  status Fsync(const io& how, debug* d) override { return owner_.failed() ? refused(path_) : target()->Fsync(how, d); }

 protected:
  log_guard& owner_;
  std::string path_;
};

/// A file whose synced bytes are counted. Another thread may append while one syncs: what a sync certainly covers is
/// what was there when it began.
class log_guard::counted_file : public log_guard::file {
 public:
  using file::file;
  status Append(const rocksdb::Slice& data, const io& how, debug* d) override {
    return appended(data.size(), file::Append(data, how, d));
  }
  status Append(const rocksdb::Slice& data, const io& how, const rocksdb::DataVerificationInfo& check,
                debug* d) override {
    return appended(data.size(), file::Append(data, how, check, d));
  }
  status Sync(const io& how, debug* d) override {
    const auto covered = appended_.load();
    const auto start = std::chrono::steady_clock::now();
    auto outcome = file::Sync(how, d);
    took(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start));
    return synced(covered, std::move(outcome));
  }
  status Fsync(const io& how, debug* d) override {
    const auto covered = appended_.load();
    return synced(covered, file::Fsync(how, d));
  }

 protected:
  virtual status appended(std::size_t bytes, status outcome) {
    if (outcome.ok()) appended_ += bytes;
    return outcome;
  }
  virtual status synced(std::uint64_t covered, status outcome) = 0;
  virtual void took(std::chrono::microseconds) {}

 private:
  std::atomic<std::uint64_t> appended_{0};
};

/// A log: its first failure is everybody's.
class log_guard::log_file final : public log_guard::counted_file {
 public:
  using counted_file::counted_file;

 private:
  status appended(std::size_t bytes, status outcome) override {
    return counted_file::appended(bytes, noticed(std::move(outcome)));
  }
  status synced(std::uint64_t covered, status outcome) override {
    if (outcome.ok()) owner_.note_synced_log(path_, covered);
    return reported(noticed(std::move(outcome)));
  }
  void took(std::chrono::microseconds sync) override { owner_.sync_us_.store(sync.count(), std::memory_order_relaxed); }
  status noticed(status outcome) {
    if (!outcome.ok()) owner_.failed_.store(true);
    return outcome;
  }
  [[nodiscard]] status reported(status outcome) const {
    if (outcome.ok() || owner_.is_current(path_)) return outcome;
    return status::OK();
  }
};

/// Its failures are RocksDB's own affair, which makes another manifest or gives up.
class log_guard::manifest_file final : public log_guard::counted_file {
 public:
  using counted_file::counted_file;

 private:
  status synced(std::uint64_t covered, status outcome) override {
    if (outcome.ok()) owner_.note_synced_manifest(path_, covered);
    return outcome;
  }
};

void log_guard::note_synced_log(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (path != current_log_) return;
  auto name = name_of(path);
  if (name == synced_log_.name) bytes = std::max(bytes, synced_log_.bytes);
  if (bytes != 0) synced_log_ = {std::move(name), bytes};
}

void log_guard::note_synced_manifest(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto name = name_of(path);
  if (name != made_manifest_.name) return;
  made_manifest_.bytes = std::max(bytes, made_manifest_.bytes);
  if (name == synced_manifest_.name) synced_manifest_ = made_manifest_;
}

log_guard::status log_guard::NewWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                                             std::unique_ptr<rocksdb::FSWritableFile>* out, debug* d) {
  if (failed()) return refused(path);
  std::unique_ptr<rocksdb::FSWritableFile> below;
  auto made = target()->NewWritableFile(path, how, &below, d);
  if (!made.ok()) return made;
  const auto name = name_of(path);
  if (is_of_store(path) && name.ends_with(".log")) {
    *out = std::make_unique<log_file>(*this, path, std::move(below));
    const std::lock_guard lock(mutex_);
    current_log_ = path;
  } else if (is_of_store(path) && name.starts_with("MANIFEST-")) {
    *out = std::make_unique<manifest_file>(*this, path, std::move(below));
    const std::lock_guard lock(mutex_);
    made_manifest_ = {name, 0};
  } else {
    *out = std::make_unique<file>(*this, path, std::move(below));
  }
  return made;
}

// Recovery opens old logs this way to cut their preallocated ends; nothing is appended to them.
log_guard::status log_guard::ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                                                std::unique_ptr<rocksdb::FSWritableFile>* out, debug* d) {
  if (failed()) return refused(path);
  return target()->ReopenWritableFile(path, how, out, d);
}

// RocksDB makes CURRENT name a new manifest when that is synced, by a rename.
log_guard::status log_guard::RenameFile(const std::string& from, const std::string& to, const io& how, debug* d) {
  if (failed()) return refused(to);
  auto renamed = target()->RenameFile(from, to, how, d);
  if (renamed.ok() && name_of(to) == "CURRENT" && is_of_store(to)) {
    const std::lock_guard lock(mutex_);
    if (!made_manifest_.name.empty()) synced_manifest_ = made_manifest_;
  }
  return renamed;
}

log_guard::status log_guard::DeleteFile(const std::string& path, const io& how, debug* d) {
  return failed() ? refused(path) : target()->DeleteFile(path, how, d);
}

}  // namespace social::storage
