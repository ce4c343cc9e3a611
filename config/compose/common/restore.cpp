#include "config/compose/common/restore.hpp"

#include "config/backup/command.hpp"
#include "config/backup/restore.hpp"
#include "storage/backup.hpp"

namespace social::compose {

config::exit_code restore(const config::invocation& invocation) {
  const auto prepare = [](const std::filesystem::path& store, std::uint64_t shards) {
    storage::storage_options options;
    options.path = store;
    options.shards = static_cast<shard_t>(shards);
    return storage::skip_ahead(options);
  };
  const auto restored = backup::restore_backup(invocation.directory, invocation.settings.data, prepare);
  if (!restored) return config::fail(restored.error());
  config::print_line(backup::line_of("restored", invocation.settings.data, *restored));
  return config::exit_code::done;
}

}  // namespace social::compose
