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

/// How a backup looks at disks.
struct disk_view {
  std::function<result<std::uint64_t>(const std::filesystem::path&)> free = free_bytes;
  std::function<bool(const std::filesystem::path&, const std::filesystem::path&)> is_one = on_one_disk;
};

/// Left free where the stores lie on the same disk as the backup, besides what is copied: the server goes on writing,
/// and the links to its files keep what compaction has replaced until all is copied. A store on a full disk takes no
/// writes. At least this, and a quarter of the stores.
inline constexpr std::uint64_t live_reserve_bytes_min = std::uint64_t{256} << 20;

/// What a crash may have left of a backup of that store. To be called while no backup is under way.
void remove_leftovers(const std::filesystem::path& data, const std::string& store);

/// Makes a backup in `directory`, which must not exist or be empty: stores in the order of `sources`, frozen one after
/// the other before anything is copied, then the secrets, then the manifest. All of it appears at once, under its name,
/// when it is on disk; after an error there is nothing. Blocks for as long as copying takes. On the disk of the stores
/// it begins only when the reserve would be left, and gives up when half of that is used up meanwhile. Errors:
/// invalid_input (the directory cannot be one), shutting_down (given up), io_error and those of the stores.
result<manifest> make_backup(const std::vector<source>& sources, const places& from,
                             const std::filesystem::path& directory, const go_on& wanted, const disk_view& disks = {});

/// Puts the backups of several processes on one data directory together into one, in `directory`, under the rules of
/// make_backup. Each process knows its own options only: secrets are those of the last part, with what it lacks from
/// the others, and the keys of pushes as the part with the push store has them. `parts` are gone when it succeeds. All
/// on one file system.
result<manifest> merge_backups(const std::vector<std::filesystem::path>& parts, const std::filesystem::path& directory);

/// Whether a backup may be made there; the path without a slash at its end. Errors: invalid_input with a sentence.
result<std::filesystem::path> check_target(const std::filesystem::path& directory, const std::filesystem::path& data);

}  // namespace social::backup
