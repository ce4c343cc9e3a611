// Options of the operator, and how the connection looks from outside.
#include "actors/kafka/client_config.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/kafka_clients.hpp"

using namespace social;
using namespace social::test;

namespace {

std::string refusal(std::string name, std::string value) {
  const kafka::client_settings settings{.brokers = "127.0.0.1:1", .client_id = "test", .options = {{name, value}}};
  const auto checked = kafka::check_settings(settings);
  if (checked) return "taken";
  CHECK(checked.error().code == error_code::invalid_input);
  return std::string(checked.error().text());
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("kafka settings: security and tuning are taken") {
  CHECK(refusal("socket.keepalive.enable", "true") == "taken");
  CHECK(refusal("message.max.bytes", "2000000") == "taken");
  CHECK(refusal("linger.ms", "20") == "taken");
  CHECK(refusal("isolation.level", "read_uncommitted") == "taken");
  const kafka::client_settings secured{.brokers = "127.0.0.1:1",
                                       .client_id = "test",
                                       .options = {{"security.protocol", "sasl_plaintext"},
                                                   {"sasl.mechanisms", "PLAIN"},
                                                   {"sasl.username", "somebody"},
                                                   {"sasl.password", "secret"}}};
  CHECK(kafka::check_settings(secured));
}

TEST_CASE("kafka settings: what order, durability and placement rest on is ours") {
  for (const auto* name : {"bootstrap.servers",
                           "metadata.broker.list",
                           "client.id",
                           "group.id",
                           "acks",
                           "request.required.acks",
                           "enable.idempotence",
                           "enable.gapless.guarantee",
                           "max.in.flight",
                           "max.in.flight.requests.per.connection",
                           "message.timeout.ms",
                           "delivery.timeout.ms",
                           "retries",
                           "message.send.max.retries",
                           "partitioner",
                           "partition.assignment.strategy",
                           "enable.auto.commit",
                           "auto.commit.enable",
                           "enable.auto.offset.store",
                           "auto.offset.reset",
                           "transactional.id",
                           "log.queue",
                           "group.instance.id",
                           "test.mock.num.brokers"}) {
    INFO(name);
    CHECK(contains(refusal(name, "1"), "'" + std::string(name) + "' cannot be set"));
  }
}

TEST_CASE("kafka settings: a refusal names the option and never the value") {
  const std::string value = "hunter2";
  for (const auto* name :
       {"no.such.option", "security.protocol", "linger.ms", "debug", "socket.keepalive.enable", "compression.type"}) {
    const auto text = refusal(name, value);
    INFO(text);
    CHECK(text != "taken");
    CHECK_FALSE(contains(text, value));
  }
  CHECK(contains(refusal("no.such.option", value), "No such configuration property: \"no.such.option\""));
  CHECK(contains(refusal("linger.ms", value), "linger.ms"));
  CHECK(contains(refusal("compression.type", value), "Invalid value"));
  CHECK(contains(refusal("compression.type", value), "\"compression.codec\""));
  CHECK(contains(refusal("security.protocol", value), "'security.protocol'"));
  CHECK(contains(refusal("debug", "all," + value), "'debug'"));
  CHECK_FALSE(contains(refusal("debug", "all," + value), value));

  // These are read when a client is made.
  const kafka::client_settings secured{
      .brokers = "127.0.0.1:1",
      .client_id = "test",
      .options = {{"security.protocol", "ssl"}, {"ssl.key.pem", value}, {"ssl.key.password", value}}};
  const auto checked = kafka::check_settings(secured);
  REQUIRE(!checked);
  CHECK(checked.error().code == error_code::invalid_input);
  CHECK(contains(std::string(checked.error().text()), "ssl.key.pem"));
  CHECK_FALSE(contains(std::string(checked.error().text()), value));
}

TEST_CASE("kafka health: connected until all brokers are down, and what it says is not repeated") {
  captured_log lines;
  kafka::client_health health;
  CHECK_FALSE(health.look().connected);
  health.failed("first", true);
  for (int i = 0; i < 100; ++i) health.failed("again", true);
  CHECK(lines.count(log::level::warning, "no Kafka broker answers") == 1);
  CHECK(health.look().errors == 101);
  CHECK(health.look().last_error == "again");

  health.connected();
  health.connected();
  CHECK(health.look().connected);
  CHECK(lines.count(log::level::info, "Kafka answers again") == 1);
  health.failed("one of three", false);
  health.failed("one of three", false);
  CHECK(health.look().connected);
  CHECK(lines.count(log::level::warning, "a Kafka broker does not answer") == 1);
  health.failed("all", true);
  CHECK_FALSE(health.look().connected);
  CHECK(lines.count(log::level::warning, "no Kafka broker answers") == 2);

  health.restarted();
  CHECK(health.look().restarts == 1);
}

TEST_CASE("kafka health: a client without brokers writes a line, not one for each attempt") {
  captured_log lines;
  test_producer sends({.brokers = "127.0.0.1:1,127.0.0.1:2",
                       .client_id = "test",
                       .options = {{"reconnect.backoff.ms", "5"}, {"reconnect.backoff.max.ms", "10"}}},
                      {.name = "test"});
  REQUIRE(eventually([&] {
    sends.collect();
    return sends.health()->look().errors >= 3;
  }));
  CHECK(lines.count(log::level::warning, "") + lines.count(log::level::error, "") <= 3);
}

TEST_CASE("kafka lines: the first of a kind, then one in thirty seconds") {
  kafka::rd::line_limit limit;
  CHECK(limit.pass("a", 1'000) == 0);
  CHECK(limit.pass("b", 1'000) == 0);
  CHECK_FALSE(limit.pass("a", 2'000));
  CHECK_FALSE(limit.pass("a", 30'999));
  CHECK(limit.pass("a", 31'000) == 2);
  CHECK_FALSE(limit.pass("a", 31'001));
}
