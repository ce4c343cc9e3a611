// A start with arguments, environment and files of the test's choice.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/invocation.hpp"
#include "tests/support/catch.hpp"

namespace social::config::test {

struct start {
  executable self = executable::server;
  std::vector<std::string> words = {};
  std::vector<std::string> environment = {};
  std::map<std::string, std::string> files = {};

  [[nodiscard]] result<invocation> parse() const {
    surroundings around;
    around.environment = environment;
    around.cpus = 4;
    around.read_file = [this](const std::string& path) -> result<std::string> {
      const auto found = files.find(path);
      if (found == files.end()) return error(error_code::invalid_input, "the file " + path + " cannot be read");
      return found->second;
    };
    return config::parse(self, words, around);
  }

  /// The settings of a start that must succeed.
  [[nodiscard]] settings accepted() const {
    auto parsed = parse();
    INFO((parsed ? std::string() : std::string(parsed.error().text())));
    REQUIRE(parsed);
    return parsed->settings;
  }

  /// The sentence of a start that must be refused as a matter of configuration.
  [[nodiscard]] std::string refused() const {
    const auto parsed = parse();
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == error_code::invalid_input);
    return std::string(parsed.error().text());
  }
};

inline bool contains(std::string_view text, std::string_view part) {
  UNSCOPED_INFO("'" << text << "' should contain '" << part << "'");
  return text.find(part) != std::string_view::npos;
}

/// The line of `config show` for one option.
inline std::string shown(const invocation& parsed, std::string_view name) {
  for (const auto& each : parsed.options)
    if (each.which->name == name) return show_line(each);
  return {};
}

}  // namespace social::config::test
