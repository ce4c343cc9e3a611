// The command line through CLI11, which is used for splitting arguments only: its own reading of files and environment
// puts the file above the environment, and it does not tell where a value came from.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"

namespace social::config {

enum class subcommand : std::uint8_t {
  serve,
  config_show,
  vapid_show,
  vapid_rotate,
  backup,
  restore,
  verify,
  version,
  help
};

struct arguments {
  subcommand what = subcommand::serve;
  std::map<std::string, std::vector<std::string>, std::less<>> given;  ///< option name -> its texts, unchecked
  std::string directory = {};                                          ///< of `backup` and `restore`, as given
};

/// `arguments` without the program's name. Errors: invalid_input with a sentence that says what to do.
result<arguments> parse_arguments(executable self, std::vector<std::string> words);

/// The option whose name is most alike, if any is alike: for "did you mean".
const option* nearest_option(std::string_view name);

}  // namespace social::config
