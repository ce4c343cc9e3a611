#include <nlohmann/json.hpp>

#include "config/compose/common/kafka_report.hpp"
#include "config/compose/push/push_kafka_report.hpp"
#include "tests/support/catch.hpp"

namespace social::compose {
namespace {

using nlohmann::json;

bool contains(std::string_view text, std::string_view part) {
  UNSCOPED_INFO("'" << text << "' should contain '" << part << "'");
  return text.find(part) != std::string_view::npos;
}

kafka::bridge_status outbox() {
  kafka::bridge_status o;
  o.name = "kafka";
  o.cursors = {4, 0, 7};
  return o;
}

kafka::feed_status feed() {
  kafka::feed_status f;
  f.caught_up = true;
  f.group.rebalances = 2;
  f.group.assignment = {{"a", 0}};
  f.lags = {{{"a", 0}, 5, 9, 4, 1'250, true}, {{"b", 1}, -1, -1, 0, 0, false}};
  return f;
}

TEST_CASE("seconds keep their milliseconds", "[compose]") {
  CHECK(seconds_json(0) == "0.000");
  CHECK(seconds_json(1) == "0.001");
  CHECK(seconds_json(61'250) == "61.250");
}

TEST_CASE("an outbox is told in the promised words", "[compose]") {
  auto o = outbox();
  o.depth = 12;
  o.age_ms = 345;
  o.published = 6;
  o.window = 3;
  o.failures = 2;
  o.restarts = 1;
  const auto told = json::parse(to_json(o));
  CHECK(told == json::parse(R"({"depth":12,"ageMillis":345,"published":6,"window":3,"restarts":1,"undecodable":0,
                                "failures":2,"skipped":0,"ahead":0,"cursors":[4,0,7]})"));
  o.last_failure = "Local: \"timed\" out";
  CHECK(json::parse(to_json(o))["lastFailure"] == o.last_failure);
  const auto listed = json::parse(subscriber_json(o));
  CHECK(listed["name"] == "kafka");
  CHECK(listed["lag"] == 12);
  CHECK(listed["handled"] == 6);
  CHECK(listed["cursors"].size() == 3);
}

TEST_CASE("an outbox is degraded once its oldest event has waited for half a minute", "[compose]") {
  auto o = outbox();
  CHECK_FALSE(check_outbox("kafka.outbox", o).degraded);
  o.depth = 5;
  o.age_ms = outbox_age_degraded_ms - 1;
  CHECK_FALSE(check_outbox("kafka.outbox", o).degraded);
  o.age_ms = outbox_age_degraded_ms;
  o.last_failure = "Local: timed out";
  const auto late = check_outbox("kafka.outbox", o);
  CHECK(late.ok);  // the api serves on
  CHECK(late.degraded);
  CHECK(contains(late.reason, "5 events"));
  CHECK(contains(late.reason, "30 s"));
  CHECK(contains(late.reason, "Local: timed out"));
  o = outbox();
  o.ahead = 1;
  CHECK(contains(check_outbox("kafka.outbox", o).reason, "ahead"));
  o = outbox();
  o.depth = 3;
  o.refused = "v1.event.post-created, event 4-12: too large";
  CHECK(contains(check_outbox("kafka.outbox", o).reason, "; 3 events wait"));
  CHECK(contains(check_outbox("kafka.outbox", o).reason, o.refused));
  CHECK(json::parse(to_json(o))["refused"] == o.refused);
  o = outbox();
  o.undecodable = 1;
  CHECK(contains(check_outbox("kafka.outbox", o).reason, "dead-letters"));
}

TEST_CASE("a connection is degraded with the last error", "[compose]") {
  kafka::client_health::view seen;
  CHECK(check_connection(seen).degraded);
  CHECK(check_connection(seen).ok);
  seen.last_error = "Connection refused";
  CHECK(contains(check_connection(seen).reason, "Connection refused"));
  seen.connected = true;
  CHECK_FALSE(check_connection(seen).degraded);
}

TEST_CASE("topics are degraded while one is missing or differs", "[compose]") {
  CHECK(check_topics({}, false).degraded);
  std::vector<kafka::topic_status> all{{"a", true, 3, {}}, {"b", true, 3, {}}};
  CHECK_FALSE(check_topics(all, true).degraded);
  all[1].difference = "b has 1 partition where 3 are planned";
  CHECK(contains(check_topics(all, true).reason, "1 partition"));
  CHECK(json::parse(to_json(all)) == json::parse(R"([{"name":"a","exists":true,"partitions":3},
                        {"name":"b","exists":true,"partitions":3,"difference":"b has 1 partition where 3 are planned"}])"));
  all[0] = {"a", false, 0, "it could not be created: Topic authorization failed"};
  CHECK(contains(check_topics(all, true).reason, "a (it could not be created: Topic authorization failed)"));
  all.assign(8, {"topic", false, 0, {}});
  CHECK(contains(check_topics(all, false).reason, "and 3 more"));
}

TEST_CASE("a consumer is told in the promised words", "[compose]") {
  auto f = feed();
  f.poison = 1;
  const auto told = json::parse(to_json(f, "social-push"));
  CHECK(told["group"] == "social-push");
  CHECK(told["rebalances"] == 2);
  CHECK(told["assignment"] == json::parse(R"([{"topic":"a","partition":0}])"));
  CHECK(told["partitions"][0] == json::parse(R"({"topic":"a","partition":0,"position":5,"end":9,"lagRecords":4,
                                                 "lagSeconds":1.250,"paused":true})"));
  CHECK(told["poison"] == 1);
  CHECK(told["caughtUp"] == true);
  CHECK(told["tableIsCurrent"] == true);
  CHECK(told["pausedForLoad"] == false);
  CHECK_FALSE(told.contains("lastFailure"));
}

TEST_CASE("a consumer is degraded before the table, under load, and when it is late", "[compose]") {
  CHECK_FALSE(check_consumer(feed()).degraded);
  auto f = feed();
  f.caught_up = false;
  CHECK(contains(check_consumer(f).reason, "table"));
  f = feed();
  f.table_is_current = false;
  CHECK(contains(check_consumer(f).reason, "has caught up"));
  f = feed();
  f.paused_for_load = true;
  CHECK(contains(check_consumer(f).reason, "limits.push-pending"));
  f = feed();
  f.lags[1].age_ms = consumer_lag_degraded_ms;
  f.last_failure = "the disk is full";
  const auto late = check_consumer(f);
  CHECK(late.ok);
  CHECK(late.degraded);
  CHECK(contains(late.reason, "60 s"));
  CHECK(contains(late.reason, "the disk is full"));
}

TEST_CASE("the table is degraded while it is not read, or its outbox waits", "[compose]") {
  kafka::table_status table;
  CHECK(check_table(table).degraded);
  table.reading = true;
  CHECK_FALSE(check_table(table).degraded);
  table.malformed = 1;
  CHECK(contains(check_table(table).reason, "log"));
  table.outbox.depth = 1;
  table.outbox.age_ms = outbox_age_degraded_ms;
  CHECK(check_table(table).name == "kafka.table");
  CHECK(contains(check_table(table).reason, "wait for Kafka"));
  CHECK(json::parse(to_json(table))["outbox"]["depth"] == 1);
}

TEST_CASE("metrics carry topic, partition and outbox", "[compose]") {
  inspect::metric_sink sink;
  auto o = outbox();
  o.depth = 12;
  o.age_ms = 1'500;
  collect_outbox(o, "events", sink);
  kafka::table_status table;
  table.outbox.depth = 3;
  collect_table(table, sink);
  collect_feed(feed(), sink);
  collect_sender({}, sink);
  collect_served({}, sink);
  collect_connection({true, {}, 1, 2}, sink);
  const auto text = sink.text();
  for (const auto* line :
       {"social_kafka_outbox_depth_events{outbox=\"events\"} 12",
        "social_kafka_outbox_depth_events{outbox=\"subscriptions\"} 3",
        "social_kafka_outbox_oldest_age_seconds{outbox=\"events\"} 1.5",
        "social_kafka_consumer_lag_records{topic=\"a\",partition=\"0\"} 4",
        "social_kafka_consumer_lag_seconds{topic=\"a\",partition=\"0\"} 1.25", "social_kafka_rebalances_total 2",
        "social_kafka_dead_letters_total 0", "social_kafka_producer_restarts_total{producer=\"replies\"} 0",
        "social_kafka_connected_count 1", "social_kafka_client_restarts_total 2"})
    CHECK(contains(text, std::string(line) + "\n"));
}

}  // namespace
}  // namespace social::compose
