// The feed without Kafka: what is handed over, what is committed when, and what becomes of failures.
#include <thread>

#include "tests/unit/kafka/push/feed_fixture.hpp"

namespace social::kafka::test {

TEST_CASE("nothing flows before the table of subscriptions is caught up with", "[kafka]") {
  feed_world w;
  w.assign({likes_0, requests_0}, false);
  CHECK(w.control.flowing.empty());
  w.catching_up.at(0)(error{error_code::unavailable, "later"});
  w.turn();
  CHECK(w.control.flowing.empty());
  w.later(100);
  REQUIRE(w.catching_up.size() == 2);
  w.catching_up.at(1)({});
  w.turn();
  CHECK(w.control.flowing == std::set<topic_partition>{likes_0, requests_0});
  CHECK(w.under_test.status().caught_up);
}

TEST_CASE("what an earlier assignment caught up with does not count for a later one", "[kafka]") {
  feed_world w;
  w.assign({likes_0}, false);
  w.revoke({likes_0});
  w.assign({likes_0, likes_1}, false);
  w.catching_up.at(0)({});
  w.turn();
  CHECK(w.control.flowing.empty());
  w.catching_up.at(1)({});
  w.turn();
  CHECK(w.control.flowing.size() == 2);
}

TEST_CASE("offsets are committed after the effects are durable, not before", "[kafka]") {
  feed_world w;
  w.assign({likes_0});
  w.give(likes_0, 5, 3);
  REQUIRE(w.batches.size() == 1);
  CHECK(w.batches[0].first == std::vector<std::string>{"0-5", "0-6", "0-7"});
  w.later(1'000);
  CHECK(!w.committed(likes_0));
  w.batch_is({});
  w.later(1'000);
  CHECK(w.committed(likes_0) == 8);
  CHECK(w.under_test.status().events == 3);
  CHECK(w.under_test.status().under_way == 0);
}

TEST_CASE("an event without a time, or of a time to come, is one of now", "[kafka]") {
  feed_world w;
  w.assign({likes_0});
  auto without = liked(likes_0, 0);
  without.time = 0;
  auto early = liked(likes_0, 1);
  early.content.headers.push_back({"ce_time", "2999-01-01T00:00:00Z"});
  w.under_test.records(w.control, {without, early, liked(likes_0, 2)});
  REQUIRE(w.times.size() == 3);
  CHECK(w.times[0] == w.clock.now());
  CHECK(w.times[1] == w.clock.now());
  CHECK(w.times[2] == 1'700'000'000'000);
}

TEST_CASE("batches follow each other, in the order of the partition", "[kafka]") {
  feed_world w;
  w.assign({likes_0});
  w.give(likes_0, 0, 15);
  w.give(likes_0, 15, 3);
  REQUIRE(w.batches.size() == 1);  // one at a time
  CHECK(w.batches[0].first.size() == 10);
  w.batch_is({});
  REQUIRE(w.batches.size() == 1);
  CHECK(w.batches[0].first.front() == "0-10");
  CHECK(w.batches[0].first.back() == "0-17");
}

TEST_CASE("a failure of ours is tried again with its partitions paused, and nothing becomes a dead letter", "[kafka]") {
  social::test::captured_log lines;
  feed_world w;
  w.assign({likes_0, requests_0});
  w.give(likes_0, 0, 2);
  for (int attempt = 1; attempt <= 4; ++attempt) {
    w.batch_is(ours);
    CHECK(!w.control.flowing.contains(likes_0));
    CHECK(w.control.flowing.contains(requests_0));
    CHECK(w.batches.empty());
    w.later(1'000);  // the longest back-off
    REQUIRE(w.batches.size() == 1);
    CHECK(w.batches[0].first == std::vector<std::string>{"0-0", "0-1"});
  }
  CHECK(!w.committed(likes_0));
  CHECK(w.under_test.status().failures == 4);
  CHECK(w.under_test.status().last_failure == "the disk is full");
  w.batch_is({});
  w.later(1'000);
  CHECK(w.control.flowing.contains(likes_0));
  CHECK(w.committed(likes_0) == 2);
  CHECK(w.sent_letters().empty());
  CHECK(w.under_test.status().poison == 0);
}

TEST_CASE("poison goes aside at once and its partition goes on; the offset waits for the letter", "[kafka]") {
  social::test::captured_log lines;
  feed_world w;
  w.assign({likes_0});
  w.under_test.records(w.control, {liked(likes_0, 0), poison(likes_0, 1), liked(likes_0, 2)});
  REQUIRE(w.batches.size() == 1);
  CHECK(w.batches[0].first == std::vector<std::string>{"0-0", "0-2"});
  w.batch_is({});
  REQUIRE(eventually([&] { return w.sent_letters().size() == 1; }));
  const auto letter = w.sent_letters()[0];
  CHECK(letter.topic == likes_0.topic + "-dlt");
  CHECK(letter.partition == -1);
  CHECK(letter.value == "{");
  w.later(1'000);
  CHECK(w.committed(likes_0) == 1);
  w.letters_are(placed{});
  w.later(1'000);
  CHECK(w.committed(likes_0) == 3);
  CHECK(w.under_test.status().poison == 1);
}

TEST_CASE("a letter that cannot be sent is sent again; one that never can is sent without its value", "[kafka]") {
  social::test::captured_log lines;
  feed_world w;
  w.assign({likes_0});
  w.under_test.records(w.control, {poison(likes_0, 0)});
  REQUIRE(eventually([&] { return w.sent_letters().size() == 1; }));
  w.letters_are(error{error_code::unavailable});
  CHECK(w.sent_letters().empty());
  w.later(1'000);
  REQUIRE(eventually([&] { return w.sent_letters().size() == 1; }));
  w.letters_are(error{error_code::invalid_input, "too large"});
  REQUIRE(eventually([&] { return w.sent_letters().size() == 1; }));
  CHECK(!w.sent_letters()[0].value);
  CHECK(w.sent_letters()[0].key == "7");
  w.letters_are(error{error_code::invalid_input, "too large"});
  REQUIRE(eventually([&] { return w.sent_letters().size() == 1; }));
  CHECK(!w.sent_letters()[0].key);
  // Smaller it cannot be: something else is wrong, such as rights that are missing. It is not given up.
  for (int i = 0; i < 3; ++i) {
    w.letters_are(error{error_code::invalid_input, "not allowed"});
    CHECK(w.sent_letters().empty());
    w.later(1'000);
    REQUIRE(eventually([&] { return w.sent_letters().size() == 1; }));
  }
  CHECK(!w.committed(likes_0));
  w.letters_are(placed{});
  w.later(1'000);
  CHECK(w.committed(likes_0) == 1);
}

TEST_CASE("requests are done in any order, committed up to the first that is not", "[kafka]") {
  social::test::captured_log lines;
  feed_world w;
  w.assign({requests_0});
  std::vector<received> three;
  for (std::int64_t offset = 0; offset < 3; ++offset) {
    three.push_back(liked(likes_0, offset));
    three.back().content.topic = requests_0.topic;
  }
  w.under_test.records(w.control, std::move(three));
  REQUIRE(w.served.size() == 3);
  w.served[1].second({});
  w.served[2].second({});
  w.later(1'000);
  CHECK(!w.committed(requests_0));
  w.served[0].second(ours);
  w.later(1);
  CHECK(w.served.size() == 3);
  w.later(1'000);
  REQUIRE(w.served.size() == 4);
  CHECK(w.served[3].first == 0);
  w.served[3].second({});
  w.later(1'000);
  CHECK(w.committed(requests_0) == 3);
}

TEST_CASE("at its limits a partition is paused, and goes on when half of it is done", "[kafka]") {
  feed_world w;
  w.assign({likes_0, requests_0});
  SECTION("events") {
    w.give(likes_0, 0, 19);
    CHECK(w.control.flowing.contains(likes_0));
    w.give(likes_0, 19, 1);
    CHECK(w.control.flowing == std::set<topic_partition>{requests_0});
    CHECK(w.under_test.status().paused_for_load);
    w.batch_is({});
    CHECK(!w.control.flowing.contains(likes_0));  // ten are left: not below half
    w.batch_is({});
    CHECK(w.control.flowing.contains(likes_0));
  }
  SECTION("requests") {
    std::vector<received> four;
    for (std::int64_t offset = 0; offset < 4; ++offset) {
      four.push_back(liked(likes_0, offset));
      four.back().content.topic = requests_0.topic;
    }
    w.under_test.records(w.control, std::move(four));
    CHECK(w.control.flowing == std::set<topic_partition>{likes_0});
    for (std::size_t i = 0; i < 3; ++i) w.served[i].second({});
    w.turn();
    CHECK(w.control.flowing.contains(requests_0));
  }
  SECTION("poison whose letters nobody takes") {
    social::test::captured_log lines;
    for (std::int64_t offset = 0; offset < 20; ++offset) {
      CHECK(w.control.flowing.contains(likes_0));
      w.under_test.records(w.control, {poison(likes_0, offset)});
    }
    CHECK(w.control.flowing == std::set<topic_partition>{requests_0});
    REQUIRE(eventually([&] { return w.sent_letters().size() == 20; }));
    w.letters_are(placed{});
    CHECK(w.control.flowing.contains(likes_0));
  }
  SECTION("deliveries that wait") {
    w.full = true;
    w.turn();
    CHECK(w.control.flowing == std::set<topic_partition>{requests_0});
    w.full = false;
    w.turn();
    CHECK(w.control.flowing.size() == 2);
  }
}

TEST_CASE("a clean hand-over waits for what is outside, commits it, and leaves the rest to the next", "[kafka]") {
  feed_world w;
  w.assign({likes_0});
  w.give(likes_0, 0, 15);
  REQUIRE(w.batches.size() == 1);  // ten are with the push role, five wait
  auto done = std::move(w.batches[0].second);
  std::thread push_role([&] { done({}); });
  w.revoke({likes_0});
  push_role.join();
  // Whether the answer came in time is the threads' business; what is committed says which.
  CHECK(w.control.waited);
  w.turn();
  CHECK(w.under_test.status().under_way == 0);
  CHECK(w.batches.size() == 1);  // none of the five was begun
  const auto next = w.committed(likes_0);
  CHECK((next == 10 || next == 0));
}

TEST_CASE("what takes longer than a hand-over may is not committed, and its end changes nothing later", "[kafka]") {
  social::test::captured_log lines;
  auto options = small_options();
  options.revoke_wait_ms = 0;
  feed_world w(options);
  w.assign({likes_0});
  w.give(likes_0, 0, 2);
  w.revoke({likes_0});
  CHECK(w.committed(likes_0) == 0);
  CHECK(lines.count(log::level::warning, "may take effect twice") == 1);
  w.assign({likes_0});
  w.give(likes_0, 0, 1);
  w.batch_is({});  // of the time before
  w.later(1'000);
  CHECK(w.committed(likes_0) == 0);
  w.batch_is({});
  w.later(1'000);
  CHECK(w.committed(likes_0) == 1);
}

TEST_CASE("partitions that are lost already are not committed", "[kafka]") {
  feed_world w;
  w.assign({likes_0});
  w.give(likes_0, 0, 2);
  w.revoke({likes_0}, true);
  CHECK(!w.control.waited);
  CHECK(w.control.committed.empty());
}

TEST_CASE("a commit that was taken and not done is made up for, though nothing moves", "[kafka]") {
  feed_world w;
  w.assign({likes_0});
  w.give(likes_0, 0, 2);
  w.batch_is({});
  w.later(1'000);
  w.control.committed.clear();  // the broker did not do it
  w.later(1'000);
  CHECK(!w.committed(likes_0));
  w.later(60'000);
  CHECK(w.committed(likes_0) == 2);
}

TEST_CASE("a commit that is refused is made up for", "[kafka]") {
  feed_world w;
  w.assign({likes_0});
  w.give(likes_0, 0, 2);
  w.batch_is({});
  w.control.refuse_commits = true;
  w.later(1'000);
  CHECK(!w.committed(likes_0));
  w.control.refuse_commits = false;
  w.later(1'000);
  CHECK(w.committed(likes_0) == 2);
}

TEST_CASE("the lag is what is not done, and as old as the oldest of it", "[kafka]") {
  feed_world w;
  w.under_test.look_at_ends([] { return std::map<topic_partition, std::int64_t>{{likes_0, 10}}; });
  w.assign({likes_0});
  w.give(likes_0, 4, 2);
  w.later(5'000);
  auto lags = w.under_test.status().lags;
  REQUIRE(lags.size() == 1);
  CHECK(lags[0].position == 4);
  CHECK(lags[0].end == 10);
  CHECK(lags[0].records == 6);
  CHECK(lags[0].age_ms >= 5'000);
  w.batch_is({});
  lags = w.under_test.status().lags;
  CHECK(lags[0].records == 4);
}

}  // namespace social::kafka::test
