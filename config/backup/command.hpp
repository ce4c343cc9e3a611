// The subcommand `backup`: asks the running processes on a data directory, which have its stores open.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "config/backup/manifest.hpp"
#include "config/invocation.hpp"
#include "config/process.hpp"

namespace social::backup {

/// Makes a backup of all processes that serve the data directory, the one with the push store first, and prints what
/// was made. Blocks until it is made.
config::exit_code run_backup(const config::invocation& invocation);

/// `{"<what>":{"dir":...,"createdAt":...,"stores":[...],"files":12,"bytes":3456}}` and a line end, for stdout.
std::string line_of(std::string_view what, const std::filesystem::path& directory, const manifest& from);

}  // namespace social::backup
