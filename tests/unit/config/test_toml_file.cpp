#include "config/toml_file.hpp"
#include "tests/unit/config/fixture.hpp"

namespace social::config {
namespace {

using test::contains;
using test::start;

std::string refused(std::string_view text) {
  const auto parsed = parse_toml(text, "s.toml");
  REQUIRE_FALSE(parsed);
  return std::string(parsed.error().text());
}

TEST_CASE("tables and dotted keys reach the option of their path") {
  for (const auto* text :
       {"[http]\nport = 81\n[limits]\njson-body = '1MiB'\n", "http.port = 81\nlimits.json-body='1MiB'",
        "http = {port = 81}\nlimits = {json-body = \"1MiB\"}"}) {
    const auto all = start{.words = {"--config", "s.toml"}, .files = {{"s.toml", text}}}.accepted();
    CHECK(all.http.port == 81);
    CHECK(all.limits.json_body_bytes == 1'048'576);
  }
}

TEST_CASE("the file may be named by the environment") {
  const start with{.environment = {"SOCIAL_CONFIG=s.toml"}, .files = {{"s.toml", "shards = 8\n[push]\noff = true"}}};
  CHECK(with.accepted().shards == 8);
  CHECK(with.accepted().push.off);
  CHECK(with.accepted().config_file == "s.toml");
}

TEST_CASE("lists are lists or one text") {
  const auto proxies = [](std::string_view value) {
    const auto text = "[http]\ntrusted-proxy = " + std::string(value);
    return start{.words = {"--config=s.toml"}, .files = {{"s.toml", text}}}.accepted().http.trusted_proxies.size();
  };
  CHECK(proxies("['10.0.0.0/8', '::1']") == 2);
  CHECK(proxies("'10.0.0.0/8'") == 1);
  CHECK(proxies("[]") == 0);
}

TEST_CASE("an unknown key is named with its line") {
  CHECK(refused("[http]\n\nprot = 1") == "http.prot (file s.toml, line 3) is no option; did you mean http.port?");
  CHECK(contains(refused("[htpt]\nport = 1"), "htpt.port (file s.toml, line 2) is no option; did you mean http.port?"));
  CHECK(contains(refused("http = 5"), "http (file s.toml, line 1) is no option"));
  CHECK(contains(refused("something-else-entirely = 5"), "remove it"));
  CHECK(contains(refused("[http.port]\nx = 1"), "http.port"));
  CHECK(contains(refused("config = 'other.toml'"), "cannot stand in a file"));
}

TEST_CASE("a value of the wrong type is named with what belongs there") {
  CHECK(refused("[http]\nport = '8080'") ==
        "http.port (file s.toml, line 2) has a value of the wrong type, write a whole number without quotes (a whole "
        "number from 0 to 65535)");
  CHECK(contains(refused("http.port = 80.0"), "wrong type"));
  CHECK(contains(refused("http.port = true"), "wrong type"));
  CHECK(contains(refused("http.port = [80]"), "wrong type"));
  CHECK(contains(refused("push.off = 1"), "write true or false"));
  CHECK(contains(refused("push.ttl = 5"), "write text in quotes"));
  CHECK(contains(refused("push.ttl = 1979-05-27"), "wrong type"));
  CHECK(contains(refused("data = ['a']"), "wrong type"));
  CHECK(contains(refused("push.ca-file = ['a', 1]"), "a list of such"));
  CHECK(contains(refused("push.ca-file = [['a']]"), "wrong type"));
  CHECK(parse_toml("limits.rates = 'off'\npush.off = true", "s.toml"));
}

TEST_CASE("a negative number is out of bounds, not another type") {
  CHECK(contains(start{.words = {"--config=s.toml"}, .files = {{"s.toml", "http.port = -1"}}}.refused(),
                 "http.port (file s.toml) is '-1', give a whole number from 0 to 65535"));
}

TEST_CASE("what is not TOML is named with its line") {
  CHECK(contains(refused("[http\nport"), "the file s.toml is not TOML"));
  CHECK(contains(refused("[http]\nport = 1\nport = 2"), "line 3"));
  CHECK(contains(refused("a = \xff"), "not TOML"));
}

TEST_CASE("a file that cannot be read is refused") {
  CHECK(contains(start{.words = {"--config=none.toml"}}.refused(), "none.toml"));
  const auto own = own_surroundings();
  const auto none = own.read_file("/nonexistent/social.toml");
  REQUIRE_FALSE(none);
  CHECK(contains(none.error().text(), "/nonexistent/social.toml"));
  CHECK_FALSE(own.read_file("/"));
}

}  // namespace
}  // namespace social::config
