// What a process was started to do: subcommand and settings, from arguments, environment, file and defaults.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "config/arguments.hpp"
#include "config/options.hpp"

namespace social::config {

/// Everything that parse() reads besides the arguments; tests pass their own.
struct surroundings {
  std::vector<std::string> environment;  ///< `NAME=value`
  /// Errors: a sentence without a full stop, to which advice is added.
  std::function<result<std::string>(const std::string& path)> read_file;
  std::uint64_t cpus = 1;
};

/// Of this process.
surroundings own_surroundings();

/// One option with the value that won.
struct resolved_option {
  const option* which = nullptr;
  std::string text;    ///< in normal form
  std::string origin;  ///< `command line`, `environment SOCIAL_X`, `file PATH`, `default`
};

struct invocation {
  executable self = executable::server;
  subcommand what = subcommand::serve;
  config::settings settings;
  std::vector<resolved_option> options;  ///< those this executable takes, in table order
  std::filesystem::path directory = {};  ///< of `backup` and `restore`, as given
};

/// `arguments` without the program's name. Precedence: command line, environment, file, default; each source is
/// checked even where another one wins. In environment and file, which two executables may share, options of the other
/// one are checked and then ignored. Errors: invalid_input, one sentence naming option, source and what to do: exit 2.
result<invocation> parse(executable self, const std::vector<std::string>& words, const surroundings& around);

/// Rules between options that `serve` has: which roles can run alone. Errors as parse().
result<void> check_roles(const invocation& parsed);

/// `name = value  # origin`, one line each; counts of limits name their unit behind the origin.
std::string show(const invocation& parsed);

/// One line of show().
std::string show_line(const resolved_option& each);

/// The text of --help.
std::string usage(executable self);

}  // namespace social::config
