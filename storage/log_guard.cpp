#include "storage/log_guard.hpp"

namespace social::storage {

/// Any file: refuses once the log has failed.
class log_guard::file : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  file(log_guard& owner, std::string path, std::unique_ptr<rocksdb::FSWritableFile> below)
      : FSWritableFileOwnerWrapper(std::move(below)), owner_(owner), path_(std::move(path)) {}

  status Append(const rocksdb::Slice& data, const io& how, debug* d) override {
    return owner_.failed() ? refused(path_) : noticed(target()->Append(data, how, d));
  }
  status Append(const rocksdb::Slice& data, const io& how, const rocksdb::DataVerificationInfo& check,
                debug* d) override {
    return owner_.failed() ? refused(path_) : noticed(target()->Append(data, how, check, d));
  }
  status Sync(const io& how, debug* d) override {
    return owner_.failed() ? refused(path_) : noticed(target()->Sync(how, d));
  }
  status Fsync(const io& how, debug* d) override {
    return owner_.failed() ? refused(path_) : noticed(target()->Fsync(how, d));
  }

 protected:
  virtual status noticed(status outcome) { return outcome; }
  log_guard& owner_;
  std::string path_;
};

/// A log: its first failure is everybody's.
class log_guard::log_file final : public log_guard::file {
 public:
  using file::file;
  status Append(const rocksdb::Slice& data, const io& how, debug* d) override {
    return appended(data.size(), file::Append(data, how, d));
  }
  status Append(const rocksdb::Slice& data, const io& how, const rocksdb::DataVerificationInfo& check,
                debug* d) override {
    return appended(data.size(), file::Append(data, how, check, d));
  }
  status Sync(const io& how, debug* d) override { return synced(file::Sync(how, d)); }
  status Fsync(const io& how, debug* d) override { return synced(file::Fsync(how, d)); }

 private:
  status noticed(status outcome) override {
    if (!outcome.ok()) owner_.failed_.store(true);
    return outcome;
  }
  status appended(std::size_t bytes, status outcome) {
    if (outcome.ok()) appended_ += bytes;
    return outcome;
  }
  status synced(status outcome) {
    if (outcome.ok()) owner_.note_synced(path_, appended_);
    return reported(outcome);
  }
  [[nodiscard]] status reported(status outcome) const {
    if (outcome.ok() || owner_.is_current(path_)) return outcome;
    return status::OK();
  }

  std::uint64_t appended_ = 0;  // by the one thread that writes the log
};

log_guard::status log_guard::NewWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                                             std::unique_ptr<rocksdb::FSWritableFile>* out, debug* d) {
  if (failed()) return refused(path);
  std::unique_ptr<rocksdb::FSWritableFile> below;
  auto made = target()->NewWritableFile(path, how, &below, d);
  if (!made.ok()) return made;
  if (path.ends_with(".log")) {
    *out = std::make_unique<log_file>(*this, path, std::move(below));
    const std::lock_guard lock(mutex_);
    current_log_ = path;
    synced_bytes_ = 0;
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

log_guard::status log_guard::RenameFile(const std::string& from, const std::string& to, const io& how, debug* d) {
  return failed() ? refused(to) : target()->RenameFile(from, to, how, d);
}

log_guard::status log_guard::DeleteFile(const std::string& path, const io& how, debug* d) {
  return failed() ? refused(path) : target()->DeleteFile(path, how, d);
}

}  // namespace social::storage
