// Files and directories as backups need them: copied with a digest, closed to others, on the disk before they count.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/result.hpp"
#include "config/backup/manifest.hpp"

namespace social::backup {

/// False: what is under way is to be given up. Asked once per chunk of a file.
using go_on = std::function<bool()>;

/// Copies a plain file: mode 0600, synced, `to` must not exist. What is written is handed to the disk in portions, so
/// that it does not pile up before the fsync of somebody else. Blocks. Errors: io_error (with what the system says),
/// shutting_down (given up). `file_entry::path` is left empty.
result<file_entry> copy_file(const std::filesystem::path& from, const std::filesystem::path& to, const go_on& wanted);

/// A new file with that content, as copy_file would make it. Errors: io_error.
result<void> write_new(const std::filesystem::path& file, std::string_view content);

/// Errors: io_error; also when the file is longer.
result<std::string> read_whole(const std::filesystem::path& file, std::size_t bytes_max);

/// Mode 0700, with those above it that are missing below `root`. Errors: io_error.
result<void> make_directories(const std::filesystem::path& root, const std::filesystem::path& below);

/// Names in a directory survive a power cut when it is synced. Errors: io_error.
result<void> sync_directory(const std::filesystem::path& directory);
/// With all directories below it.
result<void> sync_directories(const std::filesystem::path& root);

/// Plain files at any depth as paths relative to `root`, sorted; names that begin with a dot are somebody's unfinished
/// files and left out. A directory that does not exist has none. Errors: io_error.
result<std::vector<std::filesystem::path>> plain_files(const std::filesystem::path& root);

/// What is free to us on the disk of `directory`. Errors: io_error.
result<std::uint64_t> free_bytes(const std::filesystem::path& directory);
/// True also when it cannot be told: the careful answer.
bool on_one_disk(const std::filesystem::path& one, const std::filesystem::path& other);

/// Is there room for so many bytes? Errors: io_error that names both numbers.
result<void> check_space(const std::filesystem::path& directory, std::uint64_t bytes);

/// True for a directory without anything in it.
bool is_empty_directory(const std::filesystem::path& directory);

/// A directory that goes away with everything in it, unless it is kept.
class scratch {
 public:
  explicit scratch(std::filesystem::path directory) : directory_(std::move(directory)) {}
  ~scratch();
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  void keep() noexcept { directory_.clear(); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return directory_; }

 private:
  std::filesystem::path directory_;
};

/// `what` with errno's words.
error failed(const std::string& what, int number);

}  // namespace social::backup
