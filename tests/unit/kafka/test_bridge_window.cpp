#include "actors/kafka/bridge_window.hpp"
#include "tests/support/catch.hpp"

namespace social::kafka::test {
namespace {

std::uint64_t send(publish_window& window, shard_t shard, std::uint64_t sequence, std::size_t bytes = 10) {
  const auto token = window.next_token(shard);
  window.sent(shard, sequence, bytes);
  window.reached(shard, sequence);
  return token;
}

}  // namespace

TEST_CASE("a cursor moves over what is acknowledged without a gap", "[kafka][bridge]") {
  publish_window window({5, 0});
  const auto a = send(window, 0, 6);
  const auto b = send(window, 0, 8);
  const auto c = send(window, 0, 9);
  CHECK(window.records() == 3);
  CHECK(window.bytes() == 30);
  CHECK(window.cursor(0) == 5);
  CHECK_FALSE(window.acknowledged(b));
  CHECK_FALSE(window.acknowledged(c));
  CHECK(window.cursor(0) == 5);
  CHECK(window.records() == 3);  // they wait for the first
  CHECK(window.acknowledged(a));
  CHECK(window.cursor(0) == 9);
  CHECK(window.records() == 0);
  CHECK(window.bytes() == 0);
  CHECK(window.cursor(1) == 0);
}

TEST_CASE("events without records let the cursor pass when what is before them is acknowledged", "[kafka][bridge]") {
  publish_window window({0});
  window.reached(0, 3);
  CHECK(window.cursor(0) == 3);
  const auto a = send(window, 0, 4);
  window.reached(0, 7);
  CHECK(window.cursor(0) == 3);
  CHECK(window.acknowledged(a));
  CHECK(window.cursor(0) == 7);
  window.reached(0, 2);  // never back
  CHECK(window.cursor(0) == 7);
}

TEST_CASE("an event with two records is done when both are acknowledged", "[kafka][bridge]") {
  publish_window window({0});
  const auto first = window.next_token(0);
  window.sent(0, 1, 1);
  CHECK(window.acknowledged(first));
  CHECK(window.cursor(0) == 0);  // the second is not even sent
  const auto second = send(window, 0, 1, 1);
  CHECK(window.cursor(0) == 0);
  CHECK(window.acknowledged(second));
  CHECK(window.cursor(0) == 1);
}

TEST_CASE("after a restart everything behind the cursors is open again, and old tokens mean nothing",
          "[kafka][bridge]") {
  publish_window window({0, 0});
  const auto a = send(window, 1, 1);
  const auto b = send(window, 1, 2);
  const auto c = send(window, 1, 3);
  window.acknowledged(a);
  window.acknowledged(c);
  window.restart();
  CHECK(window.records() == 0);
  CHECK(window.bytes() == 0);
  CHECK(window.cursor(1) == 1);
  CHECK(window.reached(1) == 1);
  const auto again = send(window, 1, 2);
  CHECK(again != b);
  CHECK_FALSE(window.acknowledged(b));
  CHECK(window.sequence_of(b) == 0);
  CHECK(window.sequence_of(again) == 2);
  CHECK(window.cursor(1) == 1);
  CHECK(window.acknowledged(again));
  CHECK(window.cursor(1) == 2);
  CHECK_FALSE(window.acknowledged(again));
}

TEST_CASE("tokens name shard and event, and nonsense names nothing", "[kafka][bridge]") {
  publish_window window(std::vector<std::uint64_t>(65'535, 0));
  const auto token = send(window, 65'534, 1);
  CHECK(publish_window::shard_of(token) == 65'534);
  CHECK(window.sequence_of(token) == 1);
  CHECK(window.sequence_of(token + 1) == 0);
  CHECK(window.sequence_of(~std::uint64_t{0}) == 0);
  CHECK_FALSE(window.acknowledged(0));
}

}  // namespace social::kafka::test
