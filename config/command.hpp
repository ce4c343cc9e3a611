// What the three mains share: read the configuration, answer what needs no server, hand the rest to the composition.
#pragma once

#include <functional>

#include "config/invocation.hpp"
#include "config/process.hpp"

namespace social::config {

/// Given by a main; an executable without the push role leaves the vapid ones empty.
struct handlers {
  std::function<exit_code(const invocation&)> serve;
  /// What `serve` would refuse as configuration, before anything is opened; empty: nothing more than check_roles().
  std::function<result<void>(const invocation&)> check = {};
  std::function<exit_code(const invocation&)> vapid_show;
  std::function<exit_code(const invocation&)> vapid_rotate;
  /// What needs the stores that this executable knows; `backup` does not: it asks the running process.
  std::function<exit_code(const invocation&)> restore = {};
  std::function<exit_code(const invocation&)> verify = {};
};

/// The whole of main(): returns its exit code. `config show`, `version` and --help print to stdout; a refused
/// configuration says its sentence on stderr and is exit code 2. Exceptions end here.
int run_command(executable self, int argc, const char* const* argv, const handlers& with);

}  // namespace social::config
