// RocksDB's manifest after a power cut.
//
// RocksDB opens a manifest whose last record is cut short or zero, but refuses one whose last record was torn (some
// sectors written, others not), although that record was never synced and so never mattered. This finds such a tail and
// cuts it. Format of the file: RocksDB's log format (db/log_format.h): blocks of 32 KiB of records, each a masked
// CRC-32C, a length and a type before its bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "actors/base/result.hpp"
#include "storage/synced_mark.hpp"

namespace rocksdb {
class FileSystem;
}

namespace social::storage {

/// What CURRENT says: the name of a manifest. Nothing: it names none.
std::optional<std::string> manifest_named(std::string_view current);

/// Length of the beginning of `log` that consists of whole, valid records.
std::size_t whole_records(std::string_view log);

/// Length of the beginning of `log` that consists of whole, valid records, when what follows is a torn tail: nothing
/// valid comes after it. Nothing when the log is sound, or when something valid does follow: then it is damaged, not
/// torn.
std::optional<std::size_t> sound_length(std::string_view log);

/// A cut that can be taken back until it is known to have helped.
class manifest_cut {
 public:
  /// Cuts the torn tail of the manifest that CURRENT names. Nothing when there is no such tail, or one that reaches
  /// into what is known to be synced. The bytes that were there stay beside it until `keep` or `take_back`.
  static result<std::optional<manifest_cut>> make(rocksdb::FileSystem& files, const std::filesystem::path& store,
                                                  const synced_file& synced);

  void keep();
  void take_back();
  [[nodiscard]] std::size_t kept() const noexcept { return kept_; }
  [[nodiscard]] std::size_t cut() const noexcept { return cut_; }

 private:
  manifest_cut(rocksdb::FileSystem& files, std::string path, std::size_t kept, std::size_t cut)
      : files_(&files), path_(std::move(path)), kept_(kept), cut_(cut) {}
  [[nodiscard]] std::string saved() const { return path_ + ".torn"; }

  rocksdb::FileSystem* files_;
  std::string path_;
  std::size_t kept_;
  std::size_t cut_;
};

}  // namespace social::storage
