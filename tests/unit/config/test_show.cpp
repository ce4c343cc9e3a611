#include "tests/unit/config/fixture.hpp"
#include "tests/unit/config/temporary_directory.hpp"

namespace social::config {
namespace {

using test::contains;
using test::read_project_file;
using test::start;

/// Values from all four sources, on a machine of four CPUs.
invocation sample() {
  const start with{.words = {"config", "show", "--config=social.toml", "--push.mode", "console", "--limits.rates=off",
                             "--http.trusted-proxy=10.1.2.3/8", "--http.trusted-proxy=::1",
                             "--kafka.option=sasl.password=hunter2", "--kafka.codec=topic=raw"},
                   .environment = {"SOCIAL_LOG_FORMAT=json", "SOCIAL_PUSH_TTL=120m", "SOCIAL_KAFKA_BROKERS=k:9092"},
                   .files = {{"social.toml", "shards = 16\n[limits]\nidle-timeout = '90000ms'\nrate-user = 0\n"}}};
  return with.parse().value();
}

// A difference shows what operators and scripts will see: change the file only together with docs and release notes.
TEST_CASE("config show prints every option with its origin") {
  CHECK(show(sample()) == read_project_file("tests/golden/config_show.txt"));
}

TEST_CASE("what config show prints is accepted as arguments and gives the same values") {
  const auto first = sample();
  start again;
  for (const auto& each : first.options) {
    if (each.text.empty() || each.which->only_arguments) continue;
    again.words.push_back("--" + std::string(each.which->name) + "=" + each.text);
  }
  const auto second = again.parse();
  REQUIRE(second);
  for (std::size_t i = 0; i < first.options.size(); ++i) {
    if (first.options[i].which->only_arguments) continue;
    CHECK(second->options[i].text == first.options[i].text);
  }
}

TEST_CASE("secrets are hidden") {
  option secret = *find_option("push.mode");
  secret.secret = true;
  CHECK(show_line({&secret, "hunter2", "environment SOCIAL_X"}) == "push.mode = ***  # environment SOCIAL_X\n");
  CHECK(show_line({&secret, "", "default"}) == "push.mode =   # default\n");
  CHECK_FALSE(show(sample()).find("hunter2") != std::string::npos);
}

TEST_CASE("help names every option of the executable and nothing else") {
  for (const auto self : {executable::server, executable::api, executable::push}) {
    const auto text = usage(self);
    for (const auto& each : option_table()) {
      INFO(name_of(self) << " " << each.name);
      CHECK((text.find("  --" + std::string(each.name) + " ") != std::string::npos) == each.taken(self));
    }
  }
  CHECK(contains(usage(executable::server), "vapid rotate"));
  CHECK(contains(usage(executable::push), "vapid rotate"));
  CHECK_FALSE(usage(executable::api).find("vapid rotate") != std::string::npos);
}

TEST_CASE("the example files are accepted") {
  for (const auto* name : {"development.toml", "production.toml"}) {
    const start with{.words = {"--config", name},
                     .files = {{name, test::read_project_file(std::string("config/examples/") + name)}}};
    CHECK(check_roles(with.parse().value()));
  }
}

}  // namespace
}  // namespace social::config
