// What a backup says about itself: the file `manifest.json` in its directory. It is written last, so that a directory
// without one is no backup.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/result.hpp"

namespace social::backup {

inline constexpr std::uint64_t format_version = 1;
inline constexpr std::string_view manifest_name = "manifest.json";
inline constexpr std::size_t manifest_bytes_max = std::size_t{64} << 20;

struct store_entry {
  std::string name;          ///< `api` or `push`: its directory here and below a data directory
  std::string id;            ///< given when the store was made
  std::uint64_t shards = 0;  ///< fixed when the store was made
  friend bool operator==(const store_entry&, const store_entry&) = default;
};

struct file_entry {
  std::string path;  ///< relative, below `api/`, `push/` or `secrets/`
  std::uint64_t bytes = 0;
  std::string sha256;  ///< 64 hexadecimal digits
  friend bool operator==(const file_entry&, const file_entry&) = default;
};

struct manifest {
  std::int64_t time = 0;  ///< ms since the epoch: everything acknowledged before it is in the backup
  std::string version;    ///< of the executable that made it
  std::vector<store_entry> stores;
  std::vector<file_entry> files;
  friend bool operator==(const manifest&, const manifest&) = default;

  [[nodiscard]] std::uint64_t bytes() const noexcept;
};

/// JSON with a digest of itself: `{"manifest":{...},"sha256":"..."}` and a line end.
std::string to_text(const manifest& from);

/// Errors: store_damaged (no manifest, altered, or one that names files outside of a backup), store_mismatch (of a
/// newer version). Sentences without the file's name.
result<manifest> parse_manifest(std::string_view text);

/// That of the backup in `directory`. Errors: invalid_input (there is no such directory), those of parse_manifest,
/// store_damaged (there is none: half a backup, or something else), io_error; each names the directory.
result<manifest> read_manifest(const std::filesystem::path& directory);

}  // namespace social::backup
