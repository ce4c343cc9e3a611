// social-server, both roles, on a disk whose syncs take longer. Takes the options of social-server and:
//
//   --slow.sync-ms=N   each sync takes so much longer
#pragma once

#include <charconv>
#include <chrono>
#include <string_view>
#include <vector>

#include "config/command.hpp"
#include "config/compose/embedded/serve_both.hpp"
#include "tests/support/slow_file_system.hpp"

namespace social::test {

/// What main() answers.
inline int run_slow_server(int argc, char** argv) {
  constexpr std::string_view option = "--slow.sync-ms=";
  int delay_ms = 0;
  std::vector<const char*> words;
  for (int i = 0; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word.starts_with(option))
      std::from_chars(word.data() + option.size(), word.data() + word.size(), delay_ms);
    else
      words.push_back(argv[i]);
  }
  const auto files = slow_file_system::make(std::chrono::milliseconds(delay_ms));
  compose::host_overrides overrides;
  overrides.store_options = [&files](const std::string&, storage::storage_options& store) {
    store.file_system = files;
  };
  config::handlers handlers;
  handlers.serve = [&](const config::invocation& i) { return compose::serve_both(i, overrides); };
  return config::run_command(config::executable::server, static_cast<int>(words.size()), words.data(), handlers);
}

}  // namespace social::test
