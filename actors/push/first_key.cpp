#include "actors/push/first_key.hpp"

#include <limits>
#include <string>
#include <system_error>

namespace social::push {
namespace {

namespace fs = std::filesystem;

bool has_key_files(const fs::path& directory) {
  std::error_code problem;
  for (fs::directory_iterator entry(directory, problem), end; !problem && entry != end; entry.increment(problem))
    if (entry->path().extension() == ".pem") return true;
  return false;
}

/// The files that are missing, and where they may be.
std::string what_to_do(const key_places& at) {
  std::error_code ignored;
  if (!fs::equivalent(at.wanted, at.usual, ignored) && has_key_files(at.usual))
    return "copy the files key-*.pem of " + at.usual.string() +
           " there (a restore puts the keys of a backup into that directory), or do without --push.vapid-dir";
  return "put the files key-*.pem there, from secrets/vapid of a backup or of another push process, or name their "
         "directory with --push.vapid-dir";
}

}  // namespace

result<void> check_first_key(const ports::row_reader& rows, const key_places& at) {
  const auto found =
      rows.scan_table(domain::table::subscriber_user, std::nullopt, std::numeric_limits<std::uint64_t>::max(), 1);
  if (found.what != ports::row_value::status::found) return found.failure;
  if (found.rows.empty()) return {};
  return error{error_code::io_error,
               "there is no VAPID key in " + at.wanted.string() + ", but the devices in " + at.store.string() +
                   " are bound to the keys that they subscribed with, so none is made: " + what_to_do(at)};
}

result<void> check_first_key_of_command(bool is_store_there, const key_places& at) {
  if (!is_store_there) return {};
  return error{error_code::io_error, "there is no VAPID key in " + at.wanted.string() + ", and " + at.store.string() +
                                         " may have devices that are bound to one, so none is made: " + what_to_do(at) +
                                         "; the start of a server makes one if there are no devices"};
}

}  // namespace social::push
