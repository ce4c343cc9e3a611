#include "config/compose/common/kafka_settings.hpp"
#include "config/compose/common/service.hpp"
#include "tests/support/catch.hpp"

namespace social::compose {
namespace {

using std::chrono::milliseconds;

TEST_CASE("a stop's phases share one time", "[compose]") {
  const stop_budget budget(std::chrono::hours(1));
  CHECK(budget.until(0.5) <= std::chrono::minutes(30));
  CHECK(budget.until(0.5) > std::chrono::minutes(29));
  CHECK(budget.until(1.0) > std::chrono::minutes(59));
  CHECK(budget.until(0.0) == milliseconds(0));  // never negative
  CHECK(stop_budget(milliseconds(0)).until(1.0) == milliseconds(0));
}

result<void> check(std::vector<std::string> words) {
  config::surroundings around;
  around.read_file = [](const std::string&) -> result<std::string> { return std::string("a.b=1\n"); };
  const auto parsed = config::parse(config::executable::server, words, around);
  REQUIRE(parsed);
  return check_kafka(*parsed);
}

std::string refused(std::vector<std::string> words) {
  const auto checked = check(std::move(words));
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == error_code::invalid_input);
  return std::string(checked.error().text());
}

bool contains(std::string_view text, std::string_view part) {
  UNSCOPED_INFO("'" << text << "' should contain '" << part << "'");
  return text.find(part) != std::string_view::npos;
}

TEST_CASE("what only Kafka's code can judge is refused by name", "[compose]") {
  const std::string brokers = "--kafka.brokers=localhost:9092";
  CHECK(check({brokers}));
  CHECK(check({brokers, "--kafka.option=socket.keepalive.enable=true"}));
  CHECK(contains(refused({brokers, "--kafka.option=socket.keepalife=true"}), "socket.keepalife"));
  CHECK(contains(refused({brokers, "--kafka.option-file=k.conf"}), "a.b"));
  CHECK(contains(refused({brokers, "--kafka.option=acks=1"}), "acks"));
  CHECK(check({brokers, "--kafka.codec=v1.event.post-liked=raw", "--kafka.type-id=replies.of.others=X"}));
  CHECK(contains(refused({brokers, "--kafka.codec=v1.event.post-like=raw"}), "v1.event.post-like,"));
  CHECK(contains(refused({brokers, "--kafka.type-id=v1.push.replies=X"}), "kafka.type-id"));
  CHECK(check({"--kafka.option=socket.keepalife=true"}));  // without brokers nothing of it is used
}

TEST_CASE("options of Kafka are tried on the clients that the roles really make", "[compose]") {
  const std::string brokers = "--kafka.brokers=localhost:9092";
  // The group's fetches are smaller than what librdkafka wants for such messages; the api role has no group.
  CHECK(contains(refused({brokers, "--kafka.option=message.max.bytes=5000000"}), "message.max.bytes"));
  CHECK(check({brokers, "--roles=api", "--kafka.option=message.max.bytes=5000000"}));
  CHECK(contains(refused({brokers, "--roles=api", "--kafka.option=message.max.bytes=17000000"}), "message.max.bytes"));
  CHECK(check({brokers, "--kafka.option=message.max.bytes=4000000"}));
  // An own record would never fit.
  CHECK(contains(refused({brokers, "--kafka.option=message.max.bytes=1000"}), "message.max.bytes' is 1000"));
  CHECK(check({brokers, "--kafka.option=message.max.bytes=100000"}));
  // A request would be given up before it is sent.
  CHECK(contains(refused({brokers, "--kafka.option=linger.ms=5000"}), "linger.ms"));
  CHECK(check({brokers, "--kafka.option=linger.ms=4000"}));
  CHECK(check({brokers, "--kafka.option=linger.ms=5000", "--kafka.request-timeout=6s"}));
  CHECK(contains(refused({brokers, "--kafka.option=receive.message.max.bytes=1000"}), "receive.message.max.bytes"));
}

TEST_CASE("formats hold codec and type id of each topic", "[compose]") {
  config::settings s;
  s.kafka.codecs = {{"a", "raw"}, {"b", "json"}, {"a", "json-string"}};
  s.kafka.type_ids = {{"a", "X"}, {"c", "Y"}};
  const auto formats = kafka_formats(s);
  CHECK(formats.size() == 3);
  CHECK(formats.at("a").codec == kafka::value_codec::json_string);
  CHECK(formats.at("a").type_id == "X");
  CHECK(formats.at("b").type_id.empty());
  CHECK(formats.at("c").codec == kafka::value_codec::json);
}

}  // namespace
}  // namespace social::compose
