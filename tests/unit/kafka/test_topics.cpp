// The topics of docs/events.md, and looking after them. Creating and comparing needs a real broker: the integration
// suites do it.
#include <set>

#include "actors/kafka/topics.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mock_kafka.hpp"

namespace social::kafka::test {
namespace {

using social::test::eventually;
using social::test::mock_kafka;

std::string setting_of(const topic_plan& plan, std::string_view name) {
  for (const auto& [key, value] : plan.settings)
    if (key == name) return value;
  return "";
}

const topic_plan& find(const std::vector<topic_plan>& plans, std::string_view name) {
  for (const auto& plan : plans)
    if (plan.name == name) return plan;
  throw std::runtime_error("no plan for " + std::string(name));
}

const std::vector<topic_plan> one_and_two = {{"one", 3, 1, {}}, {"two", 3, 1, {}}};

}  // namespace

TEST_CASE("every topic of the contract is planned once, consumed ones with their dead letters", "[kafka]") {
  const auto plans = topics_of_the_contract(5, 1);
  std::set<std::string> names;
  for (const auto& plan : plans) {
    CHECK(names.insert(plan.name).second);
    CHECK(plan.partitions == 5);
    CHECK(plan.replication == 1);
    CHECK(setting_of(plan, "min.insync.replicas").empty());
  }
  CHECK(names.size() == 13 + 4 + 1 + 7);
  for (const auto& name : topics_of_push_events()) {
    CHECK(names.contains(name));
    CHECK(names.contains(name + "-dlt"));
  }
  CHECK(names.contains("v1.event.subscription.request-dlt"));
  CHECK(names.contains("v1.push.request-dlt"));
}

TEST_CASE("what each role waits for is planned, and no more than what it uses", "[kafka]") {
  std::set<std::string> planned;
  for (const auto& plan : topics_of_the_contract(3, 1)) planned.insert(plan.name);
  std::set<std::string> push;
  for (const auto& name : topics_of_push()) {
    CHECK(planned.contains(name));
    CHECK(push.insert(name).second);
  }
  CHECK(push.size() == 5 + 2 + 7 + 2 + 1);
  std::set<std::string> api;
  for (const auto& names : {topics_of_api_events(), topics_of_requests(), topics_of_replies()})
    for (const auto& name : names) {
      CHECK(planned.contains(name));
      CHECK(api.insert(name).second);
      CHECK_FALSE(name.ends_with("-dlt"));
    }
  CHECK(api.size() == 7 + 2 + 2);
  CHECK_FALSE(api.contains("v1.push.subscription"));
}

TEST_CASE("requests and replies are kept for an hour, the table of subscriptions by key", "[kafka]") {
  const auto plans = topics_of_the_contract(3, 3);
  for (const auto name :
       {"v1.event.subscription.request", "v1.event.subscription.response", "v1.push.request", "v1.push.response"}) {
    CHECK(setting_of(find(plans, name), "retention.ms") == "3600000");
    // Only a segment that is finished is deleted.
    CHECK(setting_of(find(plans, name), "segment.ms") == "600000");
  }
  CHECK(setting_of(find(plans, "v1.push.subscription"), "cleanup.policy") == "compact");
  CHECK(setting_of(find(plans, "v1.push.subscription"), "delete.retention.ms") == "604800000");
  CHECK(setting_of(find(plans, "v1.event.user-joined"), "min.insync.replicas") == "2");
  for (const auto& plan : plans)
    CHECK(setting_of(plan, "cleanup.policy") == (plan.name == "v1.push.subscription" ? "compact" : "delete"));
}

TEST_CASE("it is ready when all topics are there, and says which differ", "[kafka]") {
  social::test::captured_log lines;
  mock_kafka kafka;
  kafka.create_topic("one", 3);
  kafka.create_topic("two", 2);
  std::atomic<int> ready{0};
  topic_keeper keeper(kafka.settings(), one_and_two, {gate_of_all(one_and_two, [&] { ++ready; })},
                      std::make_shared<client_health>());
  REQUIRE(eventually([&] { return keeper.is_ready() && ready == 1; }));
  const auto status = keeper.status();
  REQUIRE(status.size() == 2);
  CHECK((status[0].exists && status[0].difference.empty()));
  CHECK(status[1].partitions == 2);
  CHECK(status[1].difference.find("2 partitions instead of 3") != std::string::npos);
  CHECK(eventually([&] { return lines.count(log::level::warning, "a topic differs") == 1; }));
  keeper.stop();
  CHECK(ready == 1);
}

TEST_CASE("a topic that cannot be made holds up only those who need it", "[kafka]") {
  social::test::captured_log lines;
  mock_kafka kafka;
  kafka.create_topic("one", 3);
  kafka.hide_topic("two");
  std::atomic<int> first{0};
  std::atomic<int> second{0};
  topic_keeper keeper(kafka.settings(), {{"one", 3, 1, {}}, {"two", 4, 1, {}}},
                      {{{"two"}, [&] { ++second; }}, {{"one"}, [&] { ++first; }}}, std::make_shared<client_health>(),
                      std::chrono::milliseconds(20));
  REQUIRE(eventually([&] { return first == 1; }));
  CHECK(second == 0);
  CHECK_FALSE(keeper.is_ready());
  REQUIRE(eventually([&] { return !keeper.status()[1].difference.empty(); }));
  CHECK(keeper.status()[1].difference.find("could not be created") != std::string::npos);
  CHECK(keeper.status()[0].exists);
  kafka.show_topic("two");
  REQUIRE(eventually([&] { return second == 1; }));
  CHECK(eventually([&] { return keeper.is_ready() && keeper.status()[1].difference.empty(); }));
  keeper.stop();
  CHECK(first == 1);
  CHECK(second == 1);
}

TEST_CASE("while no broker answers it goes on trying, and stops when it is told to", "[kafka]") {
  mock_kafka kafka;
  kafka.create_topic("one", 3);
  kafka.down();
  std::atomic<bool> ready{false};
  topic_keeper keeper(kafka.settings(), {{"one", 3, 1, {}}}, {{{"one"}, [&] { ready = true; }}},
                      std::make_shared<client_health>());
  SECTION("it comes") {
    CHECK(!keeper.is_ready());
    kafka.up();
    CHECK(eventually([&] { return ready.load(); }));
  }
  SECTION("it does not") {
    const auto start = std::chrono::steady_clock::now();
    keeper.stop();
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
    CHECK(!ready);
  }
}

TEST_CASE("a topic that goes away while we run is missed, tried again, and seen when it is back", "[kafka]") {
  social::test::captured_log lines;
  mock_kafka kafka;
  kafka.create_topic("one", 3);
  kafka.create_topic("two", 2);
  std::atomic<int> ready{0};
  topic_keeper keeper(kafka.settings(), one_and_two, {gate_of_all(one_and_two, [&] { ++ready; })},
                      std::make_shared<client_health>(), std::chrono::milliseconds(20));
  REQUIRE(eventually([&] { return ready == 1; }));
  kafka.hide_topic("one");
  REQUIRE(eventually([&] { return !keeper.status()[0].exists; }));
  CHECK(eventually([&] { return lines.count(log::level::warning, "a topic is gone") == 1; }));
  CHECK(eventually([&] { return lines.count(log::level::warning, "could not be created") == 1; }));
  CHECK(keeper.status()[1].exists);
  kafka.show_topic("one");
  CHECK(eventually([&] { return keeper.status()[0].exists && keeper.status()[0].difference.empty(); }));
  keeper.stop();
  CHECK(ready == 1);
}

}  // namespace social::kafka::test
