// How a life of the real producer ends: in time, and without a call into what is gone.
#include "tests/support/kafka_clients.hpp"

using namespace social;
using namespace social::test;

namespace {

const std::string topic = "v1.event.test";

std::int64_t milliseconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

TEST_CASE("kafka producer: flush waits for reports, not longer than its deadline") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  test_producer sends(cluster.settings(), {.name = "test", .linger_ms = 100});
  CHECK(sends->flush(0));
  sends.push(record_of(topic, "1", "x"), 1);
  CHECK(sends->flush(20'000));
  sends.collect();
  CHECK(sends.report(1));
  cluster.down();
  sends.push(record_of(topic, "1", "y"), 2);
  bool done = true;
  CHECK(milliseconds_of([&] { done = sends->flush(200); }) < 2'000);
  CHECK_FALSE(done);
}

TEST_CASE("kafka producer: flush does not wait for what lingers") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  test_producer sends(cluster.settings(), {.name = "test", .linger_ms = 60'000});
  sends.push(record_of(topic, "1", "x"), 1);
  CHECK(sends->flush(20'000));
  sends.collect();
  CHECK(sends.report(1));
}

TEST_CASE("kafka producer: it ends at once, whatever is queued and wherever its brokers are") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  const auto fill = [](test_producer& sends) {
    for (std::uint64_t token = 0; token < 1'000; ++token) sends.push(record_of(topic, "1", "x"), token);
  };
  SECTION("nothing listens there") {
    test_producer sends({.brokers = "127.0.0.1:1", .client_id = "test", .options = {}}, {.name = "test"});
    fill(sends);
    CHECK(eventually([&] {
      sends.collect();
      return sends.health()->look().errors > 0;
    }));
    CHECK(milliseconds_of([&] { sends.end(); }) < 2'000);
  }
  SECTION("the name does not exist") {
    test_producer sends({.brokers = "no-such-host.invalid:9092", .client_id = "test", .options = {}}, {.name = "test"});
    fill(sends);
    CHECK(milliseconds_of([&] { sends.end(); }) < 2'000);
  }
  SECTION("nobody answers there") {
    // TEST-NET-1 of RFC 5737
    test_producer sends({.brokers = "192.0.2.1:9092", .client_id = "test", .options = {}}, {.name = "test"});
    fill(sends);
    CHECK(milliseconds_of([&] { sends.end(); }) < 2'000);
  }
  SECTION("records are on their way") {
    test_producer sends(cluster.settings(), {.name = "test"});
    sends.push(record_of(topic, "1", "x"), 1'000);
    REQUIRE(sends.reported(1));
    cluster.slow(10'000);
    fill(sends);
    CHECK(milliseconds_of([&] { sends.end(); }) < 2'000);
  }
  SECTION("the broker went away") {
    test_producer sends(cluster.settings(), {.name = "test"});
    sends.push(record_of(topic, "1", "x"), 1'000);
    REQUIRE(sends.reported(1));
    cluster.down();
    fill(sends);
    CHECK(milliseconds_of([&] { sends.end(); }) < 2'000);
  }
}

TEST_CASE("kafka producer: nobody is woken after the end") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  for (int round = 0; round < 30; ++round) {
    auto health = std::make_shared<kafka::client_health>();
    const auto make = kafka::real_producer(cluster.settings(), {.name = "test", .linger_ms = 0}, health);
    auto alive = std::make_unique<std::atomic<int>>(0);
    auto made = make([flag = alive.get()] { ++*flag; });
    REQUIRE(made);
    for (std::uint64_t token = 0; token < 20; ++token) (*made)->push(record_of(topic, "1", "x"), token);
    made->reset();
    alive.reset();  // a late call would be found by the address sanitizer
  }
}
