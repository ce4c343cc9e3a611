// The real producer against a mock cluster: what is in a record, where it goes, which report it gets, and how a life
// ends.
#include "tests/support/kafka_clients.hpp"

using namespace social;
using namespace social::test;
using kafka::producer;

namespace {

const std::string topic = "v1.event.test";

/// Values of one key in the order in which they lie in their partition.
std::vector<std::string> values_of(const std::vector<kafka::received>& records, const std::string& key) {
  std::vector<std::string> out;
  for (const auto& r : records)
    if (r.content.key == key) out.push_back(*r.content.value);
  return out;
}

std::vector<std::string> numbers(int count) {
  std::vector<std::string> out;
  out.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) out.push_back(std::to_string(i));
  return out;
}

}  // namespace

TEST_CASE("kafka producer: a record arrives byte for byte") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  test_producer sends(cluster.settings(), {.name = "test"});
  kafka::record full = record_of(topic, std::string("k\0ey", 4), std::string("v\0alue", 6));
  full.headers = {{"a", "1"}, {"a", "2"}, {"null", std::nullopt}, {"empty", ""}, {"bytes", std::string("\0\xff", 2)}};
  kafka::record bare;
  bare.topic = topic;
  kafka::record empty = record_of(topic, "", "");
  sends.push(full, 1);
  sends.push(bare, 2);
  sends.push(empty, 3);
  REQUIRE(sends.reported(3));

  auto lies = cluster.records(topic);
  REQUIRE(lies.size() == 3);
  for (auto* sent : {&full, &bare, &empty}) sent->partition = 0;
  CHECK(lies[0].content == full);
  CHECK(lies[1].content == bare);
  CHECK(lies[2].content == empty);
  for (std::uint64_t token = 1; token <= 3; ++token) {
    REQUIRE(sends.report(token));
    CHECK(sends.report(token)->partition == 0);
    CHECK(sends.report(token)->offset == static_cast<std::int64_t>(token) - 1);
  }
}

TEST_CASE("kafka producer: each life after the first is counted as a restart") {
  mock_kafka cluster;
  const auto health = std::make_shared<kafka::client_health>();
  const auto make = kafka::real_producer(cluster.settings(), {.name = "test"}, health);
  REQUIRE(make([] {}));
  CHECK(health->look().restarts == 0);
  REQUIRE(make([] {}));
  CHECK(health->look().restarts == 1);
}

TEST_CASE("kafka producer: keys lie where Java's client puts them") {
  // org.apache.kafka.common.utils.UtilsTest.testMurmur2
  const std::map<std::string, std::int32_t> hashes = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  mock_kafka cluster;
  cluster.create_topic(topic, 7);
  test_producer sends(cluster.settings(), {.name = "test"});
  std::uint64_t token = 0;
  for (const auto& [key, hash] : hashes) sends.push(record_of(topic, key, "x"), ++token);
  REQUIRE(sends.reported(hashes.size()));
  token = 0;
  for (const auto& [key, hash] : hashes) {
    INFO(key);
    REQUIRE(sends.report(++token));
    CHECK(sends.report(token)->partition == (hash & 0x7fffffff) % 7);
  }
}

TEST_CASE("kafka producer: an explicit partition is taken; one that is not there is the record's fault") {
  mock_kafka cluster;
  cluster.create_topic(topic, 3);
  test_producer sends(cluster.settings(), {.name = "test"});
  auto what = record_of(topic, "21", "x");
  what.partition = 2;
  sends.push(what, 1);
  REQUIRE(sends.reported(1));
  REQUIRE(sends.report(1));
  CHECK(sends.report(1)->partition == 2);

  what.partition = 3;
  CHECK(sends->push(what, 2) == producer::taken::rejected);
  CHECK(sends->why_rejected().code == error_code::invalid_input);
  CHECK(sends->why_rejected().text().find("has no partition 3") != std::string_view::npos);
}

TEST_CASE("kafka producer: the part of the key before the slash can decide the partition") {
  mock_kafka cluster;
  cluster.create_topic(topic, 7);
  test_producer sends(cluster.settings(), {.name = "test", .partition_by_key_prefix = true});
  sends.push(record_of(topic, "foobar/1", "x"), 1);
  sends.push(record_of(topic, "foobar/2/3", "x"), 2);
  sends.push(record_of(topic, "foobar", "x"), 3);
  sends.push(record_of(topic, "/", "x"), 4);
  REQUIRE(sends.reported(4));
  for (std::uint64_t token = 1; token <= 3; ++token) {
    REQUIRE(sends.report(token));
    CHECK(sends.report(token)->partition == (-790332482 & 0x7fffffff) % 7);
  }
  REQUIRE(sends.report(4));
}

TEST_CASE(
    "kafka producer: every record is reported exactly once, in the order of its key, through errors of the broker") {
  mock_kafka cluster(3);
  cluster.create_topic(topic, 5);
  test_producer sends(cluster.settings(), {.name = "test", .linger_ms = 1});
  cluster.refuse(mock_kafka::api::produce,
                 {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NO_ERROR,
                  RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NO_ERROR,
                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
                  RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT});
  constexpr int keys = 20;
  constexpr int each = 200;
  std::uint64_t token = 0;
  for (int i = 0; i < each; ++i)
    for (int key = 0; key < keys; ++key) sends.push(record_of(topic, std::to_string(key), std::to_string(i)), ++token);
  REQUIRE(sends.reported(token, std::chrono::seconds(60)));
  sends.collect();
  for (const auto& [which, outcomes] : sends.reports()) {
    REQUIRE(outcomes.size() == 1);
    REQUIRE(outcomes.front());
  }
  CHECK(sends.reports().size() == token);
  const auto lies = cluster.records(topic);
  CHECK(lies.size() == token);
  for (int key = 0; key < keys; ++key) CHECK(values_of(lies, std::to_string(key)) == numbers(each));
}

TEST_CASE("kafka producer: nothing overtakes a record that was refused at first, nor passes it off as stored") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  auto settings = cluster.settings();
  settings.options.emplace_back("batch.num.messages", "1");
  test_producer sends(settings, {.name = "test", .linger_ms = 0});
  // As a leader does that has just learned of its partition; the next ones would find it ready.
  cluster.refuse(mock_kafka::api::produce, {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART});
  for (std::uint64_t token = 0; token < 5; ++token) sends.push(record_of(topic, "1", std::to_string(token)), token);
  REQUIRE(sends.reported(5));
  CHECK(values_of(cluster.records(topic), "1") == numbers(5));
  for (std::uint64_t token = 0; token < 5; ++token) {
    REQUIRE(sends.report(token));
    CHECK(sends.report(token)->offset == static_cast<std::int64_t>(token));
  }
}

TEST_CASE("kafka producer: a record that no broker takes in time was never sent") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  cluster.down();
  test_producer sends(cluster.settings(), {.name = "test", .message_timeout_ms = 300});
  sends.push(record_of(topic, "1", "x"), 7);
  REQUIRE(sends.reported(1));
  REQUIRE(!sends.report(7));
  CHECK(sends.report(7).error().code == error_code::unavailable);
  CHECK(!sends->fatal());
  CHECK(eventually([&] {
    sends.collect();
    return sends.health()->look().errors > 0 && !sends.health()->look().connected;
  }));
  CHECK(!sends.health()->look().last_error.empty());
}

TEST_CASE("kafka producer: a record that was sent and not acknowledged in time has an unknown outcome") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  test_producer sends(cluster.settings(), {.name = "test", .message_timeout_ms = 1'000});
  sends.push(record_of(topic, "1", "x"), 1);
  REQUIRE(sends.reported(1));
  REQUIRE(sends.report(1));
  CHECK(sends.health()->look().connected);

  cluster.slow(5'000);
  sends.push(record_of(topic, "1", "y"), 2);
  REQUIRE(sends.reported(2));
  REQUIRE(!sends.report(2));
  CHECK(sends.report(2).error().code == error_code::outcome_unknown);
}

TEST_CASE("kafka producer: without a time limit a record waits for its broker") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  cluster.down();
  test_producer sends(cluster.settings(), {.name = "test"});
  for (std::uint64_t token = 0; token < 100; ++token) sends.push(record_of(topic, "1", std::to_string(token)), token);
  CHECK_FALSE(sends.reported(1, std::chrono::milliseconds(500)));
  cluster.up();
  REQUIRE(sends.reported(100));
  CHECK(values_of(cluster.records(topic), "1") == numbers(100));
  CHECK(sends.health()->look().connected);
}

TEST_CASE("kafka producer: a topic that is not there is nobody's fault") {
  mock_kafka cluster;
  cluster.hide_topic(topic);
  auto settings = cluster.settings();
  settings.options.emplace_back("topic.metadata.propagation.max.ms", "200");
  test_producer sends(settings, {.name = "test"});
  sends.push(record_of(topic, "1", "x"), 1);
  REQUIRE(sends.reported(1));
  REQUIRE(!sends.report(1));
  CHECK(sends.report(1).error().code == error_code::unavailable);
  // Now that it is known, librdkafka refuses at once; the token comes back all the same.
  sends.push(record_of(topic, "1", "x"), 2);
  REQUIRE(sends.reported(2));
  REQUIRE(!sends.report(2));
  CHECK(sends.report(2).error().code == error_code::unavailable);
}

TEST_CASE("kafka producer: the queue has a limit, and takes again after reports") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  cluster.down();
  test_producer sends(cluster.settings(), {.name = "test", .queue_records_max = 10});
  for (std::uint64_t token = 0; token < 10; ++token) sends.push(record_of(topic, "1", std::to_string(token)), token);
  CHECK(sends->push(record_of(topic, "1", "10"), 10) == producer::taken::full);
  cluster.up();
  sends.push(record_of(topic, "1", "10"), 10);
  REQUIRE(sends.reported(11));
  CHECK(values_of(cluster.records(topic), "1") == numbers(11));
}

TEST_CASE("kafka producer: what can never be sent is rejected at once") {
  mock_kafka cluster;
  test_producer sends(cluster.settings(), {.name = "test"});
  CHECK(sends->push(record_of(topic, "1", std::string(2'000'000, 'x')), 1) == producer::taken::rejected);
  CHECK(sends->why_rejected().code == error_code::invalid_input);
  for (const std::string& bad : {std::string(""), std::string("a b"), std::string(".."), std::string(250, 'a')}) {
    CHECK(sends->push(record_of(bad, "1", "x"), 2) == producer::taken::rejected);
    CHECK(sends->why_rejected().code == error_code::invalid_input);
  }
  CHECK(sends.reports().empty());
}

TEST_CASE("kafka producer: the number of topics has a limit") {
  mock_kafka cluster;
  cluster.down();
  test_producer sends(cluster.settings(), {.name = "test"});
  for (int i = 0; i < 1'000; ++i)
    REQUIRE(sends->push(record_of("t" + std::to_string(i), "1", "x"), 1) == producer::taken::queued);
  CHECK(sends->push(record_of("t1000", "1", "x"), 1) == producer::taken::rejected);
  CHECK(sends->push(record_of("t999", "1", "x"), 1) == producer::taken::queued);
}

TEST_CASE("kafka producer: a broken sequence ends the life, and nothing behind it counts as sent") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  test_producer sends(cluster.settings(), {.name = "test"});
  sends.push(record_of(topic, "1", "first"), 1);
  REQUIRE(sends.reported(1));
  CHECK(!sends->fatal());
  cluster.refuse(mock_kafka::api::produce, {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  sends.push(record_of(topic, "1", "second"), 2);
  REQUIRE(sends.reported(2));
  REQUIRE(!sends.report(2));
  REQUIRE(sends->fatal());
  CHECK(sends->fatal()->code == error_code::unavailable);
  // What comes after is reported, too.
  sends.push(record_of(topic, "1", "third"), 3);
  REQUIRE(sends.reported(3));
  CHECK(!sends.report(3));
  CHECK(cluster.records(topic).size() == 1);

  sends.renew();
  CHECK(!sends->fatal());
  sends.push(record_of(topic, "1", "second"), 2);
  REQUIRE(sends.reported(1));
  CHECK(sends.report(2));
}

TEST_CASE("kafka producer: in a batch that is too large the records are told apart by the next life") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  test_producer sends(cluster.settings(), {.name = "test", .linger_ms = 200});
  cluster.refuse(mock_kafka::api::produce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  for (std::uint64_t token = 1; token <= 3; ++token) sends.push(record_of(topic, "1", "x"), token);
  REQUIRE(sends.reported(3));
  for (std::uint64_t token = 1; token <= 3; ++token) {
    REQUIRE(!sends.report(token));
    CHECK(sends.report(token).error().code == error_code::unavailable);
  }
  REQUIRE(sends->fatal());

  sends.renew();
  cluster.refuse(mock_kafka::api::produce, {RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  for (std::uint64_t token = 1; token <= 3; ++token) sends.push(record_of(topic, "1", std::to_string(token)), token);
  REQUIRE(sends.reported(3));
  CHECK(sends.report(1));
  REQUIRE(!sends.report(2));
  CHECK(sends.report(2).error().code == error_code::invalid_input);
}

TEST_CASE("kafka producer: after a record that was given up for good nothing overtakes it") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  test_producer sends(cluster.settings(), {.name = "test", .linger_ms = 0});
  cluster.refuse(mock_kafka::api::produce, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  sends.push(record_of(topic, "1", "first"), 1);
  REQUIRE(sends.reported(1));
  REQUIRE(!sends.report(1));
  CHECK(sends.report(1).error().code == error_code::unavailable);
  CHECK(eventually([&] { return sends->fatal().has_value(); }));
  sends.push(record_of(topic, "1", "second"), 2);
  REQUIRE(sends.reported(2));
  CHECK(!sends.report(2));
  CHECK(cluster.records(topic).empty());
}

TEST_CASE("kafka producer: reports come in parts of the size asked for, each part announced") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  test_producer sends(cluster.settings(), {.name = "test"});
  for (std::uint64_t token = 0; token < 50; ++token) sends.push(record_of(topic, "1", "x"), token);
  REQUIRE(sends->flush(20'000));
  std::vector<kafka::delivery_report> out;
  for (std::size_t part = 1; part <= 5; ++part) {
    const auto before = sends.wakes();
    sends->collect(out, 10);
    CHECK(out.size() == part * 10);
    CHECK(sends.wakes() > before);
  }
  sends->collect(out, 10);
  CHECK(out.size() == 50);
}
