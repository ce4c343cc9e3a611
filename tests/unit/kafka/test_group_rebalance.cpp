// Members that come and go, partitions that are lost or given up, Kafka that is away: nothing is lost or done twice
// without a reason, and the end does not hang.
#include "tests/unit/kafka/group_fixture.hpp"

using namespace social;
using namespace social::test;
using namespace social::test::group;

// A broker takes commits while a group prepares a rebalance; the mock cluster refuses them (REBALANCE_IN_PROGRESS), and
// then some records are read twice. With a real broker, in tests/integration, the count is exact.
TEST_CASE("kafka group: members come and go under load; no record is lost, and none is read twice without a reason") {
  mock_kafka cluster(3);
  cluster.create_topic(topic, 6);
  test_producer sends(cluster.settings("writer"), {.name = "writer", .linger_ms = 1});
  std::uint64_t token = 0;
  const auto send = [&](int count) {
    for (int i = 0; i < count; ++i, ++token) sends.push(record_of(topic, std::to_string(token), "x"), token);
    REQUIRE(sends.reported(token));
  };
  process first(cluster);
  process second(cluster);
  first.start();
  send(500);
  REQUIRE(first.has_partitions(6));
  second.start();
  // Under load, until both have theirs.
  REQUIRE(eventually(
      [&] {
        send(100);
        return first.consumer.metrics().assignment.size() == 3 && second.consumer.metrics().assignment.size() == 3;
      },
      std::chrono::seconds(60)));
  send(500);
  first.consumer.stop();
  send(500);
  REQUIRE(second.has_partitions(6));
  std::map<topic_partition, std::set<std::int64_t>> distinct;
  const auto complete = [&] {
    auto all = first.handler.got();
    for (auto& r : second.handler.got()) all.push_back(std::move(r));
    for (const auto& r : all) distinct[r.place()].insert(r.offset);
    std::size_t sum = 0;
    for (const auto& [where, offsets] : distinct) sum += offsets.size();
    return sum == token;
  };
  CHECK(eventually(complete, std::chrono::seconds(30)));
  second.consumer.stop();

  for (const auto& [where, offsets] : distinct)
    CHECK(*offsets.rbegin() + 1 == static_cast<std::int64_t>(offsets.size()));
  const bool twice = first.handler.count() + second.handler.count() > token;
  CHECK((!twice || first.handler.refused_commits() + second.handler.refused_commits() > 0));
  CHECK(first.handler.strangers() + second.handler.strangers() == 0);
  for (const auto* member : {&first, &second})
    for (const bool lost : member->handler.losses()) CHECK_FALSE(lost);
  CHECK(first.consumer.metrics().rebalances >= 2);
}

TEST_CASE("kafka group: partitions that are lost are said to be, and come again from what was committed") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  put(cluster, 10, 1);
  process one(cluster);
  one.start();
  REQUIRE(one.has(10));
  std::atomic<bool> committed{false};
  one.handler.run([&](group_control& control) { committed = control.commit({{{topic, 0}, 4}}, true).has_value(); });
  REQUIRE(eventually([&] { return committed.load(); }));
  cluster.refuse(mock_kafka::api::heartbeat, {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID});
  REQUIRE(one.has(16));
  CHECK(one.handler.losses() == std::vector{true});
  CHECK(one.handler.assignments().size() == 2);
  auto expected = up_to(10);
  for (std::int64_t offset = 4; offset < 10; ++offset) expected.push_back(offset);
  CHECK(offsets_of(one.handler.got())[{topic, 0}] == expected);
}

TEST_CASE("kafka group: a partition that librdkafka has given up comes back by a new assignment") {
  mock_kafka cluster;
  cluster.create_topic(topic, 2);
  put(cluster, 10, 2);
  auto with = options();
  with.start_patience_ms = 500;
  process one(cluster, with);
  cluster.refuse(mock_kafka::api::offset_fetch, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  one.start();
  REQUIRE(one.has(10));
  CHECK(one.handler.assignments().size() == 2);
  for (const auto& [where, offsets] : offsets_of(one.handler.got())) CHECK(offsets == up_to(5));
}

TEST_CASE("kafka group: Kafka away for a while") {
  mock_kafka cluster;
  cluster.create_topic(topic, 2);
  put(cluster, 10, 2);
  process one(cluster);
  SECTION("from the start") {
    cluster.down();
    one.start();
    CHECK_FALSE(eventually([&] { return one.handler.count() > 0; }, std::chrono::milliseconds(500)));
    CHECK_FALSE(one.health->look().connected);
    cluster.up();
    REQUIRE(one.has(10));
    CHECK(one.health->look().connected);
  }
  SECTION("later, and nothing is read twice") {
    one.start();
    REQUIRE(one.has(10));
    cluster.down();
    REQUIRE(eventually([&] { return !one.health->look().connected; }));
    cluster.up();
    CHECK(eventually([&] { return one.health->look().connected; }));
    put(cluster, 10, 2);
    REQUIRE(one.has(20));
    for (const auto& [where, offsets] : offsets_of(one.handler.got())) CHECK(offsets == up_to(10));
  }
}

TEST_CASE("kafka group: it ends in time, whatever its brokers do") {
  mock_kafka cluster;
  cluster.create_topic(topic, 2);
  put(cluster, 10, 2);
  process one(cluster);
  SECTION("before it was started") {
    CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 500);
  }
  SECTION("with them") {
    one.start();
    REQUIRE(one.has(10));
    CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 2'000);
    CHECK(one.handler.losses() == std::vector{false});
  }
  SECTION("they are gone") {
    one.start();
    REQUIRE(one.has(10));
    cluster.down();
    REQUIRE(eventually([&] { return !one.health->look().connected; }));
    CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 6'000);
    CHECK(one.handler.losses().size() == 1);
    CHECK(!one.handler.last_commit());
  }
  SECTION("they were never there") {
    cluster.down();
    one.start();
    CHECK_FALSE(eventually([&] { return one.handler.count() > 0; }, std::chrono::milliseconds(300)));
    CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 6'000);
    CHECK(one.handler.losses().empty());
  }
  SECTION("they do not answer any more") {
    one.start();
    REQUIRE(one.has(10));
    cluster.slow(60'000);
    CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 15'000);
    CHECK(one.handler.losses().size() == 1);
  }
}

TEST_CASE("kafka group: what was paused when it went away flows when it comes again") {
  mock_kafka cluster;
  cluster.create_topic(topic, 2);
  put(cluster, 10, 2);
  process one(cluster);
  one.start();
  REQUIRE(one.has(10));
  one.handler.run([](group_control& control) { control.pause({{topic, 0}, {topic, 1}}); });
  const auto turns = one.handler.turns();
  REQUIRE(eventually([&] { return one.handler.turns() > turns + 5; }));
  SECTION("because it is lost") {
    cluster.refuse(mock_kafka::api::heartbeat, {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID});
    REQUIRE(eventually([&] { return one.handler.assignments().size() == 2; }, std::chrono::seconds(30)));
  }
  SECTION("because another member comes and goes") {
    process second(cluster);
    second.start();
    REQUIRE(one.has_partitions(1));
    second.consumer.stop();
  }
  REQUIRE(one.has_partitions(2));
  put(cluster, 4, 2);
  REQUIRE(eventually(
      [&] {
        auto offsets = offsets_of(one.handler.got());
        return offsets[{topic, 0}].back() == 6 && offsets[{topic, 1}].back() == 6;
      },
      std::chrono::seconds(20)));
}

TEST_CASE("kafka group: a coordinator that is slow has the last commit all the same") {
  mock_kafka cluster;
  cluster.create_topic(topic, 2);
  put(cluster, 10, 2);
  process one(cluster);
  one.start();
  REQUIRE(one.has(10));
  cluster.slow(1'500);  // longer than it is asked whether it is there
  CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 10'000);
  CHECK(one.handler.losses() == std::vector{false});
  CHECK(one.handler.last_commit());
  cluster.slow(0);
  put(cluster, 2, 2);
  process next(cluster);
  next.start();
  REQUIRE(next.has(2));
  for (const auto& [where, offsets] : offsets_of(next.handler.got())) CHECK(offsets == std::vector<std::int64_t>{5});
}

TEST_CASE("kafka group: bad settings are refused at the start") {
  mock_kafka cluster;
  recorder handler;
  auto settings = cluster.settings();
  settings.options.emplace_back("no.such.option", "1");
  group_consumer consumer(settings, options(), handler, std::make_shared<kafka::client_health>());
  const auto started = consumer.start();
  REQUIRE(!started);
  CHECK(started.error().code == error_code::invalid_input);
}
