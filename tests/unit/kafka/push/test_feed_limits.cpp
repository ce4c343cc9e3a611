// What stops the feed's partitions, what sets a request aside, and the lag before the first record.
#include "tests/unit/kafka/push/feed_fixture.hpp"

namespace social::kafka::test {
namespace {

received request(std::int64_t offset) {
  auto out = liked(likes_0, offset);
  out.content.topic = requests_0.topic;
  return out;
}

received large_poison(const topic_partition& where, std::int64_t offset, std::size_t bytes) {
  auto out = poison(where, offset);
  out.content.value = std::string(bytes, '{');
  return out;
}

}  // namespace

TEST_CASE("a request that is wrong, and that nobody can be told of, goes aside", "[kafka]") {
  const auto code = GENERATE(error_code::malformed_json, error_code::invalid_input);
  social::test::captured_log lines;
  feed_world w;
  w.assign({requests_0});
  w.under_test.records(w.control, {request(0), request(1)});
  REQUIRE(w.served.size() == 2);
  w.served[0].second(error{code, "it is wrong"});
  w.served[1].second({});
  w.turn();
  REQUIRE(eventually([&] { return w.sent_letters().size() == 1; }));
  const auto letter = w.sent_letters()[0];
  CHECK(letter.topic == requests_0.topic + "-dlt");
  CHECK(letter.value == request(0).content.value);
  REQUIRE(letter.find("kafka_dlt-exception-message") != nullptr);
  CHECK(*letter.find("kafka_dlt-exception-message") == "it is wrong");
  CHECK(*letter.find("kafka_dlt-exception-fqcn") == describe(code).word);
  w.later(1'000);
  CHECK(!w.committed(requests_0));  // before the letter is there
  w.letters_are(placed{});
  w.later(1'000);
  CHECK(w.committed(requests_0) == 2);
  CHECK(w.served.size() == 2);
  CHECK(w.under_test.status().poison == 1);
  CHECK(w.under_test.status().failures == 0);
}

TEST_CASE("requests whose letters nobody takes stop requests, not events", "[kafka]") {
  social::test::captured_log lines;
  feed_world w;
  w.assign({likes_0, requests_0});
  for (std::int64_t offset = 0; offset < 4; ++offset) {
    CHECK(w.control.flowing.contains(requests_0));
    w.under_test.records(w.control, {request(offset)});
    w.served.back().second(error{error_code::malformed_json});
    w.turn();
  }
  CHECK(w.control.flowing == std::set<topic_partition>{likes_0});
  REQUIRE(eventually([&] { return w.sent_letters().size() == 4; }));
  w.letters_are(placed{});
  CHECK(w.control.flowing.size() == 2);
}

TEST_CASE("large records that wait for their letters are bounded by their bytes", "[kafka]") {
  social::test::captured_log lines;
  auto options = small_options();
  options.bytes_under_way_max = 100'000;
  feed_world w(options);
  w.assign({likes_0, requests_0});
  w.under_test.records(w.control, {large_poison(likes_0, 0, 60'000)});
  CHECK(w.control.flowing.contains(likes_0));
  w.under_test.records(w.control, {large_poison(likes_0, 1, 60'000)});
  CHECK(w.control.flowing == std::set<topic_partition>{requests_0});
  REQUIRE(eventually([&] { return w.sent_letters().size() == 2; }));
  w.letters_are(placed{});
  CHECK(w.control.flowing.size() == 2);

  auto large = request(0);
  large.content.value = std::string(120'000, '{');
  w.under_test.records(w.control, {large});
  CHECK(w.control.flowing == std::set<topic_partition>{likes_0});
  w.served.back().second({});
  w.turn();
  CHECK(w.control.flowing.size() == 2);
}

TEST_CASE("behind a record that is stuck a partition stops at its limit, and others go on", "[kafka]") {
  social::test::captured_log lines;
  auto options = small_options();
  options.records_behind_one_max = 10;
  feed_world w(options);
  w.assign({likes_0, likes_1});
  w.under_test.records(w.control, {poison(likes_0, 0)});
  for (std::int64_t offset = 1; offset < 10; ++offset) {
    CHECK(w.control.flowing.contains(likes_0));
    w.give(likes_0, offset);
    w.batch_is({});
  }
  CHECK(w.control.flowing == std::set<topic_partition>{likes_1});
  w.give(likes_1, 0, 3);
  w.batch_is({});
  REQUIRE(eventually([&] { return w.sent_letters().size() == 1; }));
  w.letters_are(placed{});
  CHECK(w.control.flowing.size() == 2);
  w.later(1'000);
  CHECK(w.committed(likes_0) == 10);
}

TEST_CASE("events wait while the table of subscriptions is not read, requests do not", "[kafka]") {
  feed_world w;
  w.assign({likes_0, requests_0});
  w.current = false;
  w.turn();
  CHECK(w.control.flowing == std::set<topic_partition>{requests_0});
  CHECK_FALSE(w.under_test.status().table_is_current);
  CHECK_FALSE(w.under_test.status().paused_for_load);
  w.current = true;
  w.turn();
  CHECK(w.control.flowing.size() == 2);
  CHECK(w.under_test.status().table_is_current);
}

TEST_CASE("the lag is known before the first record is handed over", "[kafka]") {
  feed_world w;
  const auto written = w.clock.now() - 90'000;
  w.under_test.look_at_ends([] { return std::map<topic_partition, std::int64_t>{{likes_0, 10}, {likes_1, 7}}; });
  w.under_test.look_at_starts(
      [&] { return std::map<topic_partition, partition_start>{{likes_0, {4, written}}, {likes_1, {7, 0}}}; });
  w.assign({likes_0, likes_1}, false);
  w.turn();
  auto lags = w.under_test.status().lags;
  REQUIRE(lags.size() == 2);
  CHECK(lags[0].position == 4);
  CHECK(lags[0].records == 6);
  CHECK(lags[0].age_ms == 90'000);
  CHECK(lags[0].paused);
  CHECK(lags[1].position == 7);
  CHECK(lags[1].records == 0);
  CHECK(lags[1].age_ms == 0);
  w.catching_up.back()({});
  w.turn();
  w.give(likes_0, 4, 2);
  w.batch_is({});
  lags = w.under_test.status().lags;
  CHECK(lags[0].position == 6);  // from now on what is done counts
  CHECK(lags[0].records == 4);
}

}  // namespace social::kafka::test
