// http/openapi.yaml and the router's table say the same. Only the skeleton of the YAML is read here: a path has two
// spaces before it, a method four, a statement about either six.
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "http/api/routes.hpp"
#include "tests/support/catch.hpp"

using namespace social::http;

namespace {

struct described {
  bool needs_user = false;
  bool has_body = false;
  friend bool operator==(const described&, const described&) = default;
};
using operations = std::map<std::pair<std::string, std::string>, described>;

std::string upper(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

operations read_yaml() {
  const char* const root =
      std::getenv("SOCIAL_SOURCE_DIR");  // ctest sets it; by hand tests start in the project's root
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/http/openapi.yaml");
  REQUIRE(file.good());
  operations found;
  std::string line;
  std::string path;
  described* operation = nullptr;
  while (std::getline(file, line) && line != "paths:") continue;
  while (std::getline(file, line) && (line.empty() || line.front() == ' ')) {
    const auto indent = line.find_first_not_of(' ');
    if (indent == std::string::npos) continue;
    const auto word = line.substr(indent, line.find_last_of(':') - indent);
    if (indent == 2) path = word;
    if (indent == 4) operation = &found[{upper(word), path}];
    if (indent == 6 && line.starts_with("      security: [{apiKey")) operation->needs_user = true;
    if (indent == 6 && line == "      requestBody:") operation->has_body = true;
  }
  return found;
}

}  // namespace

TEST_CASE("the contract describes exactly the routes that exist", "[api][openapi]") {
  operations table;
  for (const auto& each : routes())
    table[{std::string(each.method), std::string(each.path)}] = {each.needs_user, each.body != body_kind::none};
  const auto contract = read_yaml();
  CHECK(table.size() == routes().size());
  for (const auto& [name, operation] : table) {
    INFO(name.first << " " << name.second);
    REQUIRE(contract.contains(name));
    CHECK(contract.at(name) == operation);
  }
  for (const auto& [name, operation] : contract) {
    INFO(name.first << " " << name.second);
    CHECK(table.contains(name));
  }
}
