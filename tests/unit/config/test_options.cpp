#include <set>

#include "config/options.hpp"
#include "tests/unit/config/fixture.hpp"

namespace social::config {
namespace {

using test::contains;

std::string written(const option& which, std::uint64_t number) {
  if (which.kind == value_kind::size) return std::to_string(number) + "B";
  if (which.kind == value_kind::duration) return std::to_string(number) + "ms";
  return std::to_string(number);
}

result<checked_value> check_text(const option& which, const std::string& text) {
  return check(which, std::vector{text});
}

bool is_number(const option& which) {
  return which.kind == value_kind::count || which.kind == value_kind::size || which.kind == value_kind::duration;
}

TEST_CASE("every option has a name of its own, in the environment, too") {
  std::set<std::string> names;
  std::set<std::string> variables;
  for (const auto& each : option_table()) {
    INFO(each.name);
    CHECK(names.insert(std::string(each.name)).second);
    CHECK(variables.insert(environment_name(each.name)).second);
    CHECK(each.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string_view::npos);
    CHECK(find_option(each.name) == &each);
  }
  CHECK(find_option("http.tls-cert") == nullptr);
  CHECK(environment_name("http.public-url") == "SOCIAL_HTTP_PUBLIC_URL");
  CHECK(environment_name("limits.connections-per-address") == "SOCIAL_LIMITS_CONNECTIONS_PER_ADDRESS");
}

TEST_CASE("every option says what it sets and why it has its default") {
  for (const auto& each : option_table()) {
    INFO(each.name);
    CHECK_FALSE(each.help.empty());
    CHECK_FALSE(each.reason.empty());
    CHECK(each.store != nullptr);
    CHECK((each.kind != value_kind::count || !each.unit.empty()));
    CHECK((each.kind != value_kind::choice || !each.choices.empty()));
    CHECK_FALSE(accepted(each).empty());
    CHECK((each.taken_by & everywhere) != 0);
  }
}

TEST_CASE("every default is accepted and in normal form") {
  for (const auto& each : option_table()) {
    if (each.fallback.empty()) continue;
    INFO(each.name);
    const auto checked = check_text(each, std::string(each.fallback));
    REQUIRE(checked);
    CHECK(checked->text == each.fallback);
  }
}

TEST_CASE("computed defaults stay within the bounds on machines of any size") {
  for (const auto& each : option_table()) {
    if (each.computed_fallback == nullptr) continue;
    for (const std::uint64_t cpus : {1, 2, 3, 64, 1000}) {
      for (const auto self : {executable::server, executable::api, executable::push}) {
        settings so_far;
        so_far.http.address = "127.0.0.1";
        so_far.data = "./data";
        const auto text = each.computed_fallback({self, cpus}, so_far);
        INFO(each.name << " = " << text);
        CHECK((text.empty() || check_text(each, text)));
      }
    }
  }
}

TEST_CASE("every number is accepted at its bounds and refused beyond them") {
  std::size_t tried = 0;
  for (const auto& each : option_table()) {
    if (!is_number(each)) continue;
    ++tried;
    INFO(each.name);
    REQUIRE(each.minimum < each.maximum);
    CHECK(check_text(each, written(each, each.minimum)));
    CHECK(check_text(each, written(each, each.maximum)));
    const auto above = check_text(each, written(each, each.maximum + 1));
    REQUIRE_FALSE(above);
    CHECK(contains(above.error().text(), accepted(each)));
    if (each.minimum == 0) continue;
    const auto below = check_text(each, written(each, each.minimum - 1));
    REQUIRE_FALSE(below);
    CHECK(contains(below.error().text(), accepted(each)));
  }
  CHECK(tried > 30);
}

TEST_CASE("what is shown is read again as the same value") {
  for (const auto& each : option_table()) {
    if (!is_number(each)) continue;
    for (const auto number : {each.minimum, each.maximum}) {
      const auto first = check_text(each, written(each, number));
      REQUIRE(first);
      const auto again = check_text(each, first->text);
      INFO(each.name << " " << first->text);
      REQUIRE(again);
      CHECK(again->text == first->text);
      CHECK(again->value == first->value);
    }
  }
}

TEST_CASE("no option takes text of another type") {
  for (const auto& each : option_table()) {
    INFO(each.name);
    if (each.kind != value_kind::path) CHECK_FALSE(check_text(each, "certainly not"));
    CHECK_FALSE(check_text(each, std::string("a\0b", 3)));
  }
}

TEST_CASE("a list is refused when one of its members is") {
  const auto& proxies = *find_option("http.trusted-proxy");
  const auto good = check(proxies, std::vector<std::string>{"10.0.0.0/8", "::1,192.168.0.0/16"});
  REQUIRE(good);
  CHECK(good->text == "10.0.0.0/8,::1/128,192.168.0.0/16");
  CHECK(std::get<std::vector<address_range>>(good->value).size() == 3);
  const auto bad = check(proxies, std::vector<std::string>{"10.0.0.0/8", "10.0.0.0/99"});
  REQUIRE_FALSE(bad);
  CHECK(contains(bad.error().text(), "'10.0.0.0/99'"));
  CHECK_FALSE(check(proxies, std::vector<std::string>{"10.0.0.0/8,"}));
}

TEST_CASE("contacts are what push services take") {
  const auto& subject = *find_option("push.subject");
  for (const auto* right : {"", "mailto:ops@example.org", "https://example.org/contact"})
    CHECK(check_text(subject, right));
  for (const auto* wrong : {"ops@example.org", "mailto:", "mailto:ops", "https://", "http://example.org",
                            "mailto:<ops@example.org>", "mailto: ops@example.org"})
    CHECK_FALSE(check_text(subject, wrong));
}

TEST_CASE("a secret is not repeated in a refusal") {
  option secret = *find_option("push.mode");
  secret.secret = true;
  const auto refused = check_text(secret, "hunter2");
  REQUIRE_FALSE(refused);
  CHECK_FALSE(contains(refused.error().text(), "hunter2"));
}

}  // namespace
}  // namespace social::config
