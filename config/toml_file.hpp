// The file of --config, through toml++: `[http] port = 8080` is http.port.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/options.hpp"

namespace social::config {

struct file_entry {
  std::string name;
  std::vector<std::string> texts;
};

/// Every key of the file, each checked to be a known option with a value of the right type; their limits are checked
/// later. `path` is for sentences. Errors: invalid_input naming key, line and what to write.
result<std::vector<file_entry>> parse_toml(std::string_view text, std::string_view path);

}  // namespace social::config
