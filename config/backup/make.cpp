#include "config/backup/make.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "config/version.hpp"

namespace social::backup {
namespace {

namespace fs = std::filesystem;

/// For the manifest and what a file system adds to files.
constexpr std::uint64_t spare_bytes = std::uint64_t{4} << 20;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

error wrong_target(const fs::path& directory, const std::string& why) {
  return {error_code::invalid_input, "no backup can be made in " + directory.string() + ": " + why};
}

/// On the file system of the stores, so that their files can be linked.
fs::path frozen_directory(const fs::path& data, const std::string& store) {
  return data / "run" / ("backup-" + store);
}

/// A copy of one store at one moment; it goes with this object.
struct frozen {
  frozen(const source& of, const fs::path& data) : store(of.store), place(frozen_directory(data, of.store.name)) {}
  [[nodiscard]] fs::path directory() const { return place.path() / "store"; }
  store_entry store;
  scratch place;
};

result<std::vector<std::unique_ptr<frozen>>> freeze(const std::vector<source>& sources, const fs::path& data) {
  std::vector<std::unique_ptr<frozen>> all;
  for (const auto& each : sources) {
    remove_leftovers(data, each.store.name);
    all.push_back(std::make_unique<frozen>(each, data));
    if (auto made = make_directories(data / "run", all.back()->place.path().filename()); !made) return made.error();
    if (auto copied = each.copy(all.back()->directory()); !copied) return copied.error();
  }
  return all;
}

/// Name in the backup -> where it lies now. Keys that the operator keeps elsewhere belong to a whole backup, too.
using file_map = std::map<fs::path, fs::path>;

result<void> add_files(file_map& to, const fs::path& name, const fs::path& root) {
  const auto found = plain_files(root);
  if (!found) return found.error();
  for (const auto& file : *found) to[name / file] = root / file;
  return {};
}

result<file_map> files_of_secrets(const places& from) {
  file_map all;
  const fs::path name = "secrets";
  if (auto added = add_files(all, name, from.data / name); !added) return added.error();
  if (auto added = add_files(all, name / "vapid", from.vapid_dir); !added) return added.error();
  std::error_code ignored;
  if (!from.jwt_key.empty() && fs::exists(from.jwt_key, ignored)) all[name / "jwt.key"] = from.jwt_key;
  return all;
}

result<std::uint64_t> size_of(const file_map& files) {
  std::uint64_t bytes = spare_bytes;
  for (const auto& [name, file] : files) {
    std::error_code failure;
    bytes += fs::file_size(file, failure);
    if (failure) return failed(file.string() + " cannot be examined", failure.value());
  }
  return bytes;
}

/// The room on the disk that a backup is written to, before and while it is.
class room {
 public:
  room(fs::path directory, const fs::path& data, const disk_view& disks)
      : directory_(std::move(directory)), disks_(disks), is_of_server_(disks.is_one(directory_, data)) {}

  /// Errors: io_error.
  result<void> demand(std::uint64_t bytes) {
    if (is_of_server_) reserve_ = std::max(live_reserve_bytes_min, bytes / 4);
    const auto free = disks_.free(directory_);
    if (!free) return free.error();
    if (*free >= bytes + reserve_) return {};
    return error{error_code::io_error,
                 "there is no room in " + directory_.parent_path().string() + ": " + std::to_string(bytes) +
                     " bytes are needed" +
                     (is_of_server_ ? " and " + std::to_string(reserve_) +
                                          " more that the running server keeps for itself on the same disk"
                                    : std::string()) +
                     ", and " + std::to_string(*free) + " are free; free space, or name a directory on another disk"};
  }

  /// Errors: io_error.
  [[nodiscard]] result<void> check() const {
    if (!is_of_server_) return {};
    const auto free = disks_.free(directory_);
    if (!free) return free.error();
    if (*free >= reserve_ / 2) return {};
    return error{error_code::io_error, "the disk filled while it was made: " + std::to_string(*free) +
                                           " bytes are free in " + directory_.parent_path().string() +
                                           ", where the running server needs " + std::to_string(reserve_ / 2) +
                                           " for itself; free space, or name a directory on another disk"};
  }

 private:
  const fs::path directory_;
  const disk_view& disks_;
  const bool is_of_server_;
  std::uint64_t reserve_ = 0;
};

result<void> copy_files(const file_map& files, const fs::path& to, manifest& into, const go_on& wanted,
                        const room& left) {
  for (const auto& [name, file] : files) {
    if (auto made = make_directories(to, name.parent_path()); !made) return made.error();
    result<void> enough;
    auto copied = copy_file(file, to / name, [&] {
      enough = left.check();
      return enough.has_value() && wanted();
    });
    if (!enough) return enough.error();
    if (!copied) return copied.error();
    copied->path = name.generic_string();
    into.files.push_back(std::move(*copied));
  }
  return {};
}

/// The manifest, then everything on disk, then the name that people know.
result<void> publish(const fs::path& made, const manifest& what, const fs::path& directory) {
  const auto temporary = made / ".manifest";
  const auto file = made / manifest_name;
  if (auto written = write_new(temporary, to_text(what)); !written) return written.error();
  if (std::rename(temporary.c_str(), file.c_str()) != 0) return failed(file.string() + " cannot be made", errno);
  if (auto synced = sync_directories(made); !synced) return synced.error();
  // Of an empty directory takes the place, of anything else does not.
  if (std::rename(made.c_str(), directory.c_str()) != 0) return failed(directory.string() + " cannot be made", errno);
  return sync_directory(directory.parent_path());
}

/// A new directory beside `directory` that nobody takes for a backup.
result<fs::path> make_staging(const fs::path& directory) {
  std::string name = (directory.parent_path() / ("." + directory.filename().string() + ".partial-XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr)
    return failed("nothing can be made in " + directory.parent_path().string(), errno);
  return fs::path(name);
}

/// What root puts together belongs to whom the parts belong to.
void give_to_owner_of(const fs::path& part, const fs::path& file) {
  struct stat status{};
  if (::geteuid() != 0 || ::stat(part.c_str(), &status) != 0) return;
  [[maybe_unused]] const auto given = ::chown(file.c_str(), status.st_uid, status.st_gid);
}

/// The push service alone knows the keys that its devices subscribed with: the others see at most a place where such
/// keys would be.
bool is_of_push(const manifest& part, const std::string& path) {
  return path.starts_with("secrets/vapid/") &&
         std::any_of(part.stores.begin(), part.stores.end(), [](const auto& store) { return store.name == "push"; });
}

result<void> take_file(const fs::path& part, const file_entry& file, const fs::path& into, manifest& all) {
  const auto known =
      std::find_if(all.files.begin(), all.files.end(), [&](const auto& other) { return other.path == file.path; });
  if (known == all.files.end())
    all.files.push_back(file);
  else
    *known = file;
  const fs::path name(file.path);
  if (auto made = make_directories(into, name.parent_path()); !made) return made;
  if (std::rename((part / name).c_str(), (into / name).c_str()) != 0)
    return failed((into / name).string() + " cannot be made", errno);
  give_to_owner_of(into, (into / name).parent_path());
  return {};
}

/// Stores as they are; of the secrets those that the whole lacks, and those that the part knows better.
result<void> take_over(const fs::path& part, const manifest& its, const fs::path& into, manifest& all) {
  for (const auto& store : its.stores) {
    const auto target = into / store.name;
    if (std::rename((part / store.name).c_str(), target.c_str()) != 0)
      return failed(target.string() + " cannot be made", errno);
    all.stores.push_back(store);
  }
  for (const auto& file : its.files) {
    if (!file.path.starts_with("secrets/")) {
      all.files.push_back(file);
      continue;
    }
    const bool lacks =
        std::none_of(all.files.begin(), all.files.end(), [&](const auto& other) { return other.path == file.path; });
    if (!lacks && !is_of_push(its, file.path)) continue;
    if (auto taken = take_file(part, file, into, all); !taken) return taken;
  }
  return {};
}

}  // namespace

void remove_leftovers(const fs::path& data, const std::string& store) {
  const scratch gone(frozen_directory(data, store));
}

result<fs::path> check_target(const fs::path& given, const fs::path& data) {
  auto directory = given.lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();  // `backup/`
  if (!directory.is_absolute()) return wrong_target(given, "name it with its whole path, from / on");
  if (!directory.has_filename()) return wrong_target(directory, "name a directory below it");
  std::error_code ignored;
  const auto parent = directory.parent_path();
  if (!fs::is_directory(parent, ignored))
    return wrong_target(directory, "there is no directory " + parent.string() + "; make it first");
  const auto way = (fs::weakly_canonical(parent, ignored) / directory.filename())
                       .lexically_relative(fs::weakly_canonical(data, ignored));
  if (!way.empty() && *way.begin() != "..")
    return wrong_target(directory, "it lies in the data directory; name one outside of it");
  if (fs::symlink_status(directory, ignored).type() == fs::file_type::not_found) return directory;
  if (!is_empty_directory(directory)) return wrong_target(directory, "it is there and not empty; name another one");
  struct stat own{};
  struct stat above{};
  if (::stat(directory.c_str(), &own) == 0 && ::stat(parent.c_str(), &above) == 0 && own.st_dev != above.st_dev)
    return wrong_target(directory, "it is the root of a file system; name a directory below it");
  return directory;
}

result<manifest> make_backup(const std::vector<source>& sources, const places& from, const fs::path& given,
                             const go_on& wanted, const disk_view& disks) {
  const auto directory = check_target(given, from.data);
  if (!directory) return directory.error();
  const auto stage = make_staging(*directory);
  if (!stage) return stage.error();
  scratch staging(*stage);
  manifest made;
  made.time = now_ms();
  made.version = config::version;
  const auto stores = freeze(sources, from.data);
  if (!stores) return stores.error();
  file_map files;
  for (const auto& each : *stores) {
    made.stores.push_back(each->store);
    if (auto added = add_files(files, each->store.name, each->directory()); !added) return added.error();
  }
  const auto bytes = size_of(files);
  if (!bytes) return bytes.error();
  room left(staging.path(), from.data, disks);
  if (auto enough = left.demand(*bytes); !enough) return enough.error();
  if (auto copied = copy_files(files, staging.path(), made, wanted, left); !copied) return copied.error();
  const auto secrets = files_of_secrets(from);
  if (!secrets) return secrets.error();
  if (auto copied = copy_files(*secrets, staging.path(), made, wanted, left); !copied) return copied.error();
  if (auto published = publish(staging.path(), made, *directory); !published) return published.error();
  staging.keep();
  return made;
}

result<manifest> merge_backups(const std::vector<fs::path>& parts, const fs::path& directory) {
  // The last part has the newest secrets and becomes the whole; what it lacks of them comes from the others.
  const auto& whole = parts.back();
  auto all = read_manifest(whole);
  if (!all) return all;
  for (auto part = parts.begin(); *part != whole; ++part) {
    const auto its = read_manifest(*part);
    if (!its) return its.error();
    all->time = std::min(all->time, its->time);
    // From here on the whole has more than its manifest says: it is none until the new one is written.
    if (::unlink((whole / manifest_name).c_str()) != 0 && errno != ENOENT)
      return failed((whole / manifest_name).string() + " cannot be removed", errno);
    if (auto taken = take_over(*part, *its, whole, *all); !taken) return taken.error();
  }
  if (auto published = publish(whole, *all, directory); !published) return published.error();
  give_to_owner_of(directory, directory / manifest_name);
  for (const auto& part : parts) const scratch gone(part);
  return all;
}

}  // namespace social::backup
