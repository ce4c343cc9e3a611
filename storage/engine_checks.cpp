// What is looked at before RocksDB is called. Called on a damaged store, RocksDB takes a manifest that has become
// shorter for a whole one and a missing CURRENT for a new store, deletes the tables that are named no longer, and
// retires the log: then the good file could not be put back.
#include <algorithm>

#include <rocksdb/file_system.h>

#include "storage/engine.hpp"
#include "storage/manifest_tail.hpp"
#include "storage/synced_mark.hpp"

namespace social::storage {

namespace {

/// Of a store that is being made; replaced by another one before its first opening is done.
constexpr std::string_view first_manifest = "MANIFEST-000001";

/// Names of one kind: their numbers have six digits, then more.
bool is_newer(const std::string& name, const std::string& than) {
  return name.size() > than.size() || (name.size() == than.size() && name > than);
}

std::string known(std::uint64_t bytes) {
  return "but a length of " + std::to_string(bytes) + " is known to have been synced";
}

}  // namespace

result<std::vector<std::string>> engine::names_there() const {
  std::vector<std::string> out;
  const auto status = files().GetChildren(options_.path.string(), rocksdb::IOOptions(), &out, nullptr);
  if (!status.ok()) return describe_failure(status);
  return out;
}

// Another process may have the store open, and a newer manifest then takes the place of the one just named: once more.
result<void> engine::check_files(const synced_mark& mark) const {
  const auto path = (options_.path / "CURRENT").string();
  const rocksdb::IOOptions io;
  std::string before;
  for (;;) {
    if (files().FileExists(path, io, nullptr).IsNotFound()) return check_nothing_there(mark);
    std::string current;
    if (const auto status = rocksdb::ReadFileToString(&files(), path, &current); !status.ok())
      return describe_failure(status);
    const auto name = manifest_named(current);
    if (!name) return damaged("CURRENT names no manifest");
    auto whole = check_manifest(mark, *name);
    if (whole) return check_log_length(mark);
    if (current == before) return whole;
    before = std::move(current);
  }
}

// RocksDB makes CURRENT and its manifest, durably, before anything else. So without CURRENT there is at most that first
// manifest, of a creation that was cut short: that is made anew.
result<void> engine::check_nothing_there(const synced_mark& mark) const {
  const std::string missing = "CURRENT, which names its manifest, is missing";
  if (mark.sequence != 0)
    return damaged(missing + ", but write " + std::to_string(mark.sequence) + " is known to have been synced");
  const auto there = names_there();
  if (!there) return there.error();
  for (const auto& name : *there)
    if (name.ends_with(".sst") || name.ends_with(".log") || (name.starts_with("MANIFEST-") && name != first_manifest))
      return damaged(std::string(missing).append(", but ").append(name).append(" is there"));
  return {};
}

result<void> engine::check_manifest(const synced_mark& mark, const std::string& name) const {
  const auto path = (options_.path / name).string();
  if (files().FileExists(path, rocksdb::IOOptions(), nullptr).IsNotFound())
    return damaged("its manifest " + name + ", which CURRENT names, is missing");
  if (name == first_manifest) {
    const auto there = names_there();
    if (!there) return there.error();
    const bool used =
        std::any_of(there->begin(), there->end(), [](const auto& file) { return file.ends_with(".sst"); });
    if (used || mark.sequence != 0) return damaged("CURRENT names " + name + ", which is that of an empty store");
  }
  if (mark.manifest.name.empty() || is_newer(name, mark.manifest.name)) return {};
  if (name != mark.manifest.name)
    return damaged("CURRENT names " + name + ", but " + mark.manifest.name + " is known to have taken its place");
  std::string bytes;
  if (const auto status = rocksdb::ReadFileToString(&files(), path, &bytes); !status.ok())
    return describe_failure(status);
  const auto whole = whole_records(bytes);
  if (whole >= mark.manifest.bytes) return {};
  return damaged("its manifest " + name + " has " + std::to_string(bytes.size()) + " bytes, of which " +
                 std::to_string(whole) + " can be read, " + known(mark.manifest.bytes));
}

// RocksDB removes a log only after it has begun a newer one.
result<void> engine::check_log_length(const synced_mark& mark) const {
  if (mark.log.name.empty() || mark.log.bytes == 0) return {};
  std::uint64_t bytes = 0;
  const auto path = (options_.path / mark.log.name).string();
  const auto status = files().GetFileSize(path, rocksdb::IOOptions(), &bytes, nullptr);
  if (!status.ok()) {
    const auto there = names_there();
    if (!there) return there.error();
    const bool retired = std::any_of(there->begin(), there->end(), [&](const auto& file) {
      return file.ends_with(".log") && is_newer(file, mark.log.name);
    });
    if (retired) return {};
  }
  if (status.ok() && bytes >= mark.log.bytes) return {};
  return damaged("its log " + mark.log.name +
                 (status.ok() ? " has " + std::to_string(bytes) + " bytes" : " is missing") + ", " +
                 known(mark.log.bytes));
}

}  // namespace social::storage
