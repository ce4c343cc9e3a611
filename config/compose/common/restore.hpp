// The subcommand `restore`.
#pragma once

#include "config/invocation.hpp"
#include "config/process.hpp"

namespace social::compose {

/// Puts the backup of the given directory into the data directory, whichever stores it has: the executables may share
/// one. Prints what was restored.
config::exit_code restore(const config::invocation& invocation);

}  // namespace social::compose
