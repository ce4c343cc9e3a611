// A file system for test executables that loses power, fills up and fails, below a real directory.
//
//   auto files = fault_file_system::make();
//   storage_options options; options.file_system = files;    // the store under test
//   files->fail({operation::sync, ".log", 1});               // the next sync of a log file fails
//   files->fail({operation::sync, ".log", 0, true});         // all do, and what they were to save is lost
//   files->set_free_bytes(0);                                // the disk is full ...
//   files->set_free_bytes(std::nullopt);                     // ... and no longer
//   files->set_sync_hook([](const std::string& path) {...}); // runs before each file sync, on the syncing thread
//   files->cut_power(power_cut::tear, seed);                 // from here on every change fails with an I/O error
//   store.reset();                                           // the old owner closes what it cannot write any more
//   files->restore_power();                                  // what is left on disk is what survived
//
// In a program of its own (tests/support/programs): cut the power, then `_exit`; the next start may use the plain file
// system. Files that were there before this object was made count as durable.
//
// The model. What was appended to a file after its last sync is lost (`drop`), becomes zeros (`zero`), or is partly
// kept, partly garbage, partly zeros (`tear`). With `drop` a new file whose directory was not synced since is gone, and
// a rename after which the directory was not synced is undone. Deletions are durable at once. Syncs do not reach the
// real disk: the test's machine stays on. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <rocksdb/file_system.h>

namespace social::test {

enum class power_cut : std::uint8_t { drop, zero, tear };

enum class operation : std::uint8_t { append, sync, create, rename, remove, sync_directory };

/// Fails `times` operations of files whose path contains `path_part` (0: until `clear_faults`).
struct fault {
  operation what = operation::sync;
  std::string path_part;
  int times = 1;
  /// Of `sync`: the bytes since the last one are gone, as Linux drops dirty pages that could not be written. Who has
  /// the file open goes on in one that nobody else sees.
  bool loses = false;
  bool no_space = false;  ///< the error is "no space"
};

class fault_file_system : public rocksdb::FileSystemWrapper {
 public:
  using status = rocksdb::IOStatus;
  using io = rocksdb::IOOptions;
  using debug = rocksdb::IODebugContext;

  static std::shared_ptr<fault_file_system> make() {
    return std::make_shared<fault_file_system>(rocksdb::FileSystem::Default());
  }
  explicit fault_file_system(const std::shared_ptr<rocksdb::FileSystem>& below) : FileSystemWrapper(below) {}
  const char* Name() const override { return "fault_file_system"; }

  // --- what tests steer ---

  void fail(fault what) {
    const std::lock_guard lock(mutex_);
    faults_.push_back(std::move(what));
  }
  void clear_faults() {
    const std::lock_guard lock(mutex_);
    faults_.clear();
  }
  /// Appends beyond it write what fits and fail with "no space". nullopt: plenty.
  void set_free_bytes(std::optional<std::uint64_t> bytes) {
    const std::lock_guard lock(mutex_);
    free_bytes_ = bytes;
  }
  void set_sync_hook(std::function<void(const std::string&)> hook) {
    const std::lock_guard lock(mutex_);
    sync_hook_ = hook ? std::make_shared<const std::function<void(const std::string&)>>(std::move(hook)) : nullptr;
  }
  /// Syncs say yes and do nothing: a disk that lies.
  void set_lying(bool lying) {
    const std::lock_guard lock(mutex_);
    lying_ = lying;
  }
  void cut_power(power_cut mode, std::uint64_t seed = 1);
  void restore_power() {
    const std::lock_guard lock(mutex_);
    powered_ = true;
  }
  /// Syncs of files that took effect, and failed operations.
  [[nodiscard]] std::uint64_t syncs() const noexcept { return syncs_.load(); }
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_.load(); }

  // --- rocksdb::FileSystem ---

  status NewWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                         std::unique_ptr<rocksdb::FSWritableFile>* out, debug* d) override;
  status ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                            std::unique_ptr<rocksdb::FSWritableFile>* out, debug* d) override;
  status NewDirectory(const std::string& path, const io& how, std::unique_ptr<rocksdb::FSDirectory>* out,
                      debug* d) override;
  status RenameFile(const std::string& from, const std::string& to, const io& how, debug* d) override;
  status DeleteFile(const std::string& path, const io& how, debug* d) override;
  status GetFreeSpace(const std::string& path, const io& how, std::uint64_t* free, debug* d) override {
    const std::lock_guard lock(mutex_);
    if (!free_bytes_) return target_->GetFreeSpace(path, how, free, d);
    *free = *free_bytes_;
    return status::OK();
  }

 private:
  class file;
  class directory;
  struct file_state {
    std::uint64_t synced = 0;  ///< bytes that survive
    std::uint64_t size = 0;
  };
  struct undone_rename {
    std::string from;
    std::string to;
    std::optional<std::string> overwritten;
  };

  static std::string folder_of(const std::string& path) {
    return std::filesystem::path(path).lexically_normal().parent_path().string();
  }
  static std::string read_all(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  /// Into a new inode: files that are still open in the old one cannot touch it any more.
  static void replace(const std::string& path, const std::string& bytes) {
    std::ofstream(path + ".power", std::ios::binary | std::ios::trunc) << bytes;
    std::filesystem::rename(path + ".power", path);
  }

  status failed(const std::string& path) {
    ++failures_;
    return no_space_ ? status::NoSpace("injected fault", path) : status::IOError("injected fault", path);
  }
  /// With the mutex held: does this operation fail?
  bool fails(operation what, const std::string& path) {
    no_space_ = false;
    if (!powered_) return true;
    for (auto it = faults_.begin(); it != faults_.end(); ++it) {
      if (it->what != what || path.find(it->path_part) == std::string::npos) continue;
      if (it->loses) lose_unsynced(path);
      no_space_ = it->no_space;
      const bool last = it->times == 1;
      if (it->times > 0) --it->times;
      if (last) faults_.erase(it);
      return true;
    }
    return false;
  }
  void lose_unsynced(const std::string& path) {
    auto& state = files_[path];
    if (state.synced == state.size || !std::filesystem::exists(path)) return;
    auto kept = read_all(path);
    kept.resize(std::min<std::size_t>(kept.size(), state.synced));
    replace(path, kept);
  }
  status sync_file(const std::string& path);
  std::string survivors(const file_state& state, std::string bytes, power_cut mode, std::mt19937_64& random) const;

  mutable std::mutex mutex_;
  bool powered_ = true;
  bool lying_ = false;
  bool no_space_ = false;  // what the operation that just failed says
  std::optional<std::uint64_t> free_bytes_;
  std::vector<fault> faults_;
  std::shared_ptr<const std::function<void(const std::string&)>> sync_hook_;
  std::map<std::string, file_state> files_;
  std::vector<std::string> new_files_;  // since the last sync of their directory
  std::vector<undone_rename> renames_;  // likewise
  std::atomic<std::uint64_t> syncs_{0};
  std::atomic<std::uint64_t> failures_{0};
};

class fault_file_system::file final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  file(fault_file_system& owner, std::string path, std::unique_ptr<rocksdb::FSWritableFile> below)
      : FSWritableFileOwnerWrapper(std::move(below)), owner_(owner), path_(std::move(path)) {}

  status Append(const rocksdb::Slice& data, const io& how, debug* d) override {
    const std::lock_guard lock(owner_.mutex_);
    if (owner_.fails(operation::append, path_)) return owner_.failed(path_);
    rocksdb::Slice fitting = data;
    const bool full = owner_.free_bytes_ && *owner_.free_bytes_ < data.size();
    if (full) fitting = {data.data(), static_cast<std::size_t>(*owner_.free_bytes_)};
    auto written = fitting.empty() ? status::OK() : target()->Append(fitting, how, d);
    if (!written.ok()) return written;
    owner_.files_[path_].size += fitting.size();
    if (owner_.free_bytes_) *owner_.free_bytes_ -= fitting.size();
    if (!full) return status::OK();
    ++owner_.failures_;
    return status::NoSpace("injected: the disk is full", path_);
  }
  status Append(const rocksdb::Slice& data, const io& how, const rocksdb::DataVerificationInfo&, debug* d) override {
    return Append(data, how, d);
  }
  status Truncate(std::uint64_t size, const io& how, debug* d) override {
    const std::lock_guard lock(owner_.mutex_);
    if (!owner_.powered_) return owner_.failed(path_);
    auto& state = owner_.files_[path_];
    state.size = size;
    state.synced = std::min(state.synced, size);
    return target()->Truncate(size, how, d);
  }
  status Sync(const io&, debug*) override { return owner_.sync_file(path_); }
  status Fsync(const io&, debug*) override { return owner_.sync_file(path_); }
  status RangeSync(std::uint64_t, std::uint64_t, const io&, debug*) override { return status::OK(); }

 private:
  fault_file_system& owner_;
  std::string path_;
};

class fault_file_system::directory final : public rocksdb::FSDirectoryWrapper {
 public:
  directory(fault_file_system& owner, std::string path, std::unique_ptr<rocksdb::FSDirectory> below)
      : FSDirectoryWrapper(std::move(below)), owner_(owner), path_(folder_of(path + "/entry")) {}

  status Fsync(const io&, debug*) override {
    const std::lock_guard lock(owner_.mutex_);
    if (owner_.fails(operation::sync_directory, path_)) return owner_.failed(path_);
    if (owner_.lying_) return status::OK();
    std::erase_if(owner_.new_files_, [&](const auto& entry) { return folder_of(entry) == path_; });
    std::erase_if(owner_.renames_, [&](const auto& entry) { return folder_of(entry.to) == path_; });
    return status::OK();
  }
  status FsyncWithDirOptions(const io& how, debug* d, const rocksdb::DirFsyncOptions&) override {
    return Fsync(how, d);
  }

 private:
  fault_file_system& owner_;
  std::string path_;
};

inline fault_file_system::status fault_file_system::sync_file(const std::string& path) {
  std::shared_ptr<const std::function<void(const std::string&)>> hook;
  {
    const std::lock_guard lock(mutex_);
    hook = sync_hook_;
  }
  if (hook) (*hook)(path);  // without the lock: it may cut the power or wait for other threads
  const std::lock_guard lock(mutex_);
  if (fails(operation::sync, path)) return failed(path);
  if (lying_) return status::OK();
  auto& state = files_[path];
  state.synced = state.size;
  ++syncs_;
  return status::OK();
}

inline fault_file_system::status fault_file_system::NewWritableFile(const std::string& path,
                                                                    const rocksdb::FileOptions& how,
                                                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                                                    debug* d) {
  const std::lock_guard lock(mutex_);
  if (fails(operation::create, path)) return failed(path);
  std::unique_ptr<rocksdb::FSWritableFile> below;
  auto made = target_->NewWritableFile(path, how, &below, d);
  if (!made.ok()) return made;
  files_[path] = {};
  new_files_.push_back(path);
  *out = std::make_unique<file>(*this, path, std::move(below));
  return made;
}

inline fault_file_system::status fault_file_system::ReopenWritableFile(const std::string& path,
                                                                       const rocksdb::FileOptions& how,
                                                                       std::unique_ptr<rocksdb::FSWritableFile>* out,
                                                                       debug* d) {
  const std::lock_guard lock(mutex_);
  if (fails(operation::create, path)) return failed(path);
  std::unique_ptr<rocksdb::FSWritableFile> below;
  auto made = target_->ReopenWritableFile(path, how, &below, d);
  if (!made.ok()) return made;
  const auto size = std::filesystem::file_size(path);
  files_.try_emplace(path, file_state{size, size});  // unknown until now: durable
  *out = std::make_unique<file>(*this, path, std::move(below));
  return made;
}

inline fault_file_system::status fault_file_system::NewDirectory(const std::string& path, const io& how,
                                                                 std::unique_ptr<rocksdb::FSDirectory>* out, debug* d) {
  std::unique_ptr<rocksdb::FSDirectory> below;
  auto made = target_->NewDirectory(path, how, &below, d);
  if (made.ok()) *out = std::make_unique<directory>(*this, path, std::move(below));
  return made;
}

inline fault_file_system::status fault_file_system::RenameFile(const std::string& from, const std::string& to,
                                                               const io& how, debug* d) {
  const std::lock_guard lock(mutex_);
  if (fails(operation::rename, to)) return failed(to);
  undone_rename undo{from, to, std::nullopt};
  if (std::filesystem::exists(to)) undo.overwritten = read_all(to);
  auto renamed = target_->RenameFile(from, to, how, d);
  if (!renamed.ok()) return renamed;
  renames_.push_back(std::move(undo));
  if (auto node = files_.extract(from)) {
    files_.erase(to);
    node.key() = to;
    files_.insert(std::move(node));
  }
  return renamed;
}

inline fault_file_system::status fault_file_system::DeleteFile(const std::string& path, const io& how, debug* d) {
  const std::lock_guard lock(mutex_);
  if (fails(operation::remove, path)) return failed(path);
  auto removed = target_->DeleteFile(path, how, d);
  if (!removed.ok()) return removed;
  files_.erase(path);
  std::erase(new_files_, path);
  std::erase_if(renames_, [&](const auto& entry) { return entry.to == path; });
  return removed;
}

inline std::string fault_file_system::survivors(const file_state& state, std::string bytes, power_cut mode,
                                                std::mt19937_64& random) const {
  const std::size_t synced = std::min<std::size_t>(state.synced, bytes.size());
  if (mode == power_cut::drop) bytes.resize(synced);
  if (mode == power_cut::zero) std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(synced), bytes.end(), '\0');
  if (mode != power_cut::tear) return bytes;
  const std::size_t kept = synced + random() % (bytes.size() - synced + 1);
  const std::size_t garbage = kept + random() % (bytes.size() - kept + 1);
  for (std::size_t i = kept; i < bytes.size(); ++i) bytes[i] = i < garbage ? static_cast<char>(random()) : '\0';
  bytes.resize(kept + random() % (bytes.size() - kept + 1));
  return bytes;
}

inline void fault_file_system::cut_power(power_cut mode, std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  if (!powered_) return;
  powered_ = false;
  std::mt19937_64 random(seed);
  for (const auto& [path, state] : files_) {
    if (state.synced < state.size && std::filesystem::exists(path))
      replace(path, survivors(state, read_all(path), mode, random));
  }
  if (mode == power_cut::drop) {
    for (auto undo = renames_.rbegin(); undo != renames_.rend(); ++undo) {
      if (std::filesystem::exists(undo->to)) std::filesystem::rename(undo->to, undo->from);
      if (undo->overwritten) replace(undo->to, *undo->overwritten);
    }
    for (const auto& path : new_files_) std::filesystem::remove(path);
  }
  files_.clear();
  new_files_.clear();
  renames_.clear();
  faults_.clear();
  free_bytes_.reset();
}

}  // namespace social::test
