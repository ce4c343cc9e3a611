#include "config/backup/restore.hpp"

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

#include "config/backup/files.hpp"
#include "config/data_directory.hpp"

namespace social::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t spare_bytes = std::uint64_t{16} << 20;  ///< what preparing adds

error damaged(const fs::path& directory, const std::string& what) {
  return {error_code::store_damaged,
          "the backup in " + directory.string() + " is damaged: " + what + "; use another backup"};
}

/// Before anything is written: half a backup shows in its sizes.
result<void> check_files(const fs::path& directory, const manifest& what) {
  for (const auto& file : what.files) {
    std::error_code failure;
    const auto bytes = fs::file_size(directory / file.path, failure);
    if (failure) return damaged(directory, file.path + " is missing or cannot be read (" + failure.message() + ")");
    if (bytes != file.bytes)
      return damaged(directory, file.path + " has " + std::to_string(bytes) + " bytes where " +
                                    std::to_string(file.bytes) + " belong");
  }
  return {};
}

/// The data directory while it is being filled. Unless all went well, what was put there goes again.
class target {
 public:
  explicit target(fs::path data) : data_(std::move(data)) {}
  ~target() {
    if (!is_open_) return;
    std::error_code failure;
    for (const auto& each : fs::directory_iterator(data_, failure))
      if (each.path() != marker()) fs::remove_all(each.path(), failure);
    fs::remove(marker(), failure);
    if (was_made_) fs::remove(data_, failure);
  }
  target(const target&) = delete;
  target& operator=(const target&) = delete;

  /// Errors: io_error.
  result<void> open() {
    std::error_code failure;
    if (fs::exists(marker(), failure)) return config::restore_unfinished(data_);
    if (data_.has_parent_path()) fs::create_directories(data_.parent_path(), failure);
    was_made_ = ::mkdir(data_.c_str(), 0700) == 0;
    if (!was_made_ && errno != EEXIST) return failed("the data directory " + data_.string() + " cannot be made", errno);
    if (!is_empty_directory(data_))
      return error{error_code::io_error, "the data directory " + data_.string() +
                                             " is not an empty directory, and a restore replaces nothing: give an "
                                             "empty or a new one with --data"};
    if (::chmod(data_.c_str(), 0700) != 0) return failed(data_.string() + " cannot be closed to others", errno);
    // Whoever makes it owns the directory, of two that restore at once.
    if (auto marked = write_new(marker(), "A restore into this directory has not finished.\n"); !marked)
      return marked.error();
    is_open_ = true;
    return sync_directory(data_);
  }

  /// From here on executables start on it. Errors: io_error.
  result<void> finish() {
    if (auto synced = sync_directories(data_); !synced) return synced;
    if (was_made_)
      if (auto synced = sync_directory(data_.parent_path()); !synced) return synced;
    if (::unlink(marker().c_str()) != 0) return failed(marker().string() + " cannot be removed", errno);
    is_open_ = false;
    return sync_directory(data_);
  }

 private:
  [[nodiscard]] fs::path marker() const { return data_ / config::restore_marker; }
  const fs::path data_;
  bool was_made_ = false;
  bool is_open_ = false;
};

result<void> copy_files(const fs::path& directory, const manifest& what, const fs::path& data) {
  for (const auto& file : what.files) {
    const fs::path name(file.path);
    if (auto made = make_directories(data, name.parent_path()); !made) return made;
    const auto copied = copy_file(directory / name, data / name, [] { return true; });
    if (!copied) return copied.error();
    if (copied->sha256 != file.sha256 || copied->bytes != file.bytes)
      return damaged(directory, file.path + " was altered after it was made");
  }
  return {};
}

}  // namespace

result<manifest> restore_backup(const fs::path& directory, const fs::path& given, const prepare_store& prepare) {
  auto what = read_manifest(directory);
  if (!what) return what;
  if (auto whole = check_files(directory, *what); !whole) return whole.error();
  std::error_code failure;
  auto data = fs::absolute(given, failure).lexically_normal();
  if (failure) return failed(given.string() + " has no absolute path", failure.value());
  if (!data.has_filename()) data = data.parent_path();  // `data/`
  target into(data);
  if (auto opened = into.open(); !opened) return opened.error();
  if (auto room = check_space(data, what->bytes() + spare_bytes); !room) return room.error();
  if (auto copied = copy_files(directory, *what, data); !copied) return copied.error();
  for (const auto& store : what->stores)
    if (auto prepared = prepare(data / store.name, store.shards); !prepared) return prepared.error();
  if (auto finished = into.finish(); !finished) return finished.error();
  return what;
}

}  // namespace social::backup
