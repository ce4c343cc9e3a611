// Putting a backup into an empty data directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "actors/base/result.hpp"
#include "config/backup/manifest.hpp"

namespace social::backup {

/// Makes a copied store fit to go on from: what was given out after the backup is never given out again.
using prepare_store = std::function<result<void>(const std::filesystem::path& store, std::uint64_t shards)>;

/// Copies the backup in `directory` into `data`, which must not exist or be empty, checks every file by its digest,
/// prepares each store, and syncs all of it. Until then a marker in `data` keeps every executable from starting on it.
/// After an error `data` is as it was; after a kill the marker is left. Errors: those of read_manifest, store_damaged
/// (a file is missing or altered), io_error (`data` is not empty, or the disk), those of `prepare`.
result<manifest> restore_backup(const std::filesystem::path& directory, const std::filesystem::path& data,
                                const prepare_store& prepare);

}  // namespace social::backup
