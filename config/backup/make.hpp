// Making a backup of the stores of one process, while it runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "actors/base/result.hpp"
#include "config/backup/files.hpp"
#include "config/backup/manifest.hpp"

namespace social::backup {

/// A store of this process.
struct source {
  store_entry store;
  /// Makes a consistent copy in a directory that does not exist yet; cheap where files can be linked.
  std::function<result<void>(const std::filesystem::path& to)> copy;
};

/// Where a process has what is not in a store.
struct places {
  std::filesystem::path data;       ///< the data directory
  std::filesystem::path jwt_key;    ///< may lie elsewhere; empty: this role has none
  std::filesystem::path vapid_dir;  ///< may lie elsewhere
};

/// What a crash may have left of a backup of that store. To be called while no backup is under way.
void remove_leftovers(const std::filesystem::path& data, const std::string& store);

/// Makes a backup in `directory`, which must not exist or be empty: stores in the order of `sources`, frozen one after
/// the other before anything is copied, then the secrets, then the manifest. All of it appears at once, under its name,
/// when it is on disk; after an error there is nothing. Blocks for as long as copying takes. Errors: invalid_input (the
/// directory cannot be one), shutting_down (given up), io_error and those of the stores.
result<manifest> make_backup(const std::vector<source>& sources, const places& from,
                             const std::filesystem::path& directory, const go_on& wanted);

/// Puts the backups of several processes on one data directory together into one, in `directory`, under the rules of
/// make_backup. `parts` are gone when it succeeds. All on one file system.
result<manifest> merge_backups(const std::vector<std::filesystem::path>& parts, const std::filesystem::path& directory);

/// Whether a backup may be made there; the path without a slash at its end. Errors: invalid_input with a sentence.
result<std::filesystem::path> check_target(const std::filesystem::path& directory, const std::filesystem::path& data);

}  // namespace social::backup
