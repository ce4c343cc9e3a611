#include <atomic>
#include <deque>
#include <random>
#include <thread>

#include "actors/domain/subscription/subscription.hpp"
#include "actors/push/endpoint_turns.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/deterministic_node.hpp"

namespace social::push {
namespace {

using namespace domain::subscription;

struct fixture {
  std::deque<protocol::command_message> handed_on;
  std::vector<std::pair<int, std::optional<error_code>>> answers;
  std::size_t shed = 0;
  std::optional<error> at_once;  ///< what is handed on is answered so
  endpoint_turns turns{[this](protocol::command_message message) {
                         if (at_once) return message.reply->answer(*at_once);
                         handed_on.push_back(std::move(message));
                       },
                       3, [this] { ++shed; }};

  ~fixture() {
    while (!handed_on.empty()) answer();
  }
  void send(int number, domain::subscription::command what) {
    protocol::command_message message;
    message.kind = domain::aggregate_kind::subscription;
    message.target = static_cast<id_t>(number);
    message.command = domain::erase(std::move(what));
    message.reply =
        std::make_shared<protocol::command_slot::element_type>([this, number](const protocol::command_result& outcome) {
          answers.emplace_back(number, outcome ? std::nullopt : std::optional(outcome.error().code));
        });
    turns.send(std::move(message));
  }
  /// The number of the next command that was handed on; it is answered.
  int answer() {
    REQUIRE_FALSE(handed_on.empty());
    auto message = std::move(handed_on.front());
    handed_on.pop_front();
    message.reply->answer(domain::erased_ptr());
    return static_cast<int>(message.target);
  }
  static subscribe subscribing(std::string endpoint, std::string old = "") {
    subscribe c;
    c.endpoint = std::move(endpoint);
    c.old_endpoint = std::move(old);
    return c;
  }
  static remove_device removing(const std::string& endpoint) {
    return {device_seq(endpoint), 1, endpoint_hash(endpoint)};
  }
};

}  // namespace

TEST_CASE_METHOD(fixture, "commands of one endpoint wait for the answer before them; others do not") {
  send(1, subscribing("a"));
  send(2, removing("a"));
  send(3, subscribing("b"));
  REQUIRE(handed_on.size() == 2);
  CHECK(turns.under_way() == 3);
  CHECK(answer() == 1);
  REQUIRE(handed_on.size() == 2);
  CHECK(answer() == 3);
  CHECK(answer() == 2);
  CHECK(answers.size() == 3);
  CHECK(turns.under_way() == 0);
}

TEST_CASE_METHOD(fixture, "a command of two endpoints waits for both, and both wait for it") {
  send(1, subscribing("a"));
  send(2, subscribing("b", "a"));
  send(3, removing("b"));
  CHECK(handed_on.size() == 1);
  CHECK(answer() == 1);
  CHECK(handed_on.size() == 1);
  CHECK(answer() == 2);
  CHECK(answer() == 3);
  send(4, subscribing("a", "a"));  // one endpoint, named twice
  CHECK(answer() == 4);
  CHECK(turns.under_way() == 0);
}

TEST_CASE_METHOD(fixture, "what concerns no endpoint passes") {
  send(1, subscribing("a"));
  send(2, record_delivery{device_seq("a"), 1, true});
  send(3, remove_device{device_seq("a"), 1, ""});
  CHECK(handed_on.size() == 3);
}

TEST_CASE_METHOD(fixture, "over the limit a command is refused, which is told, and nobody waits for it") {
  send(1, subscribing("a"));
  send(2, subscribing("a"));
  send(3, subscribing("a"));
  CHECK(shed == 0);
  send(4, subscribing("a"));
  CHECK(shed == 1);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].first == 4);
  CHECK(answers[0].second == error_code::overloaded);
  CHECK(answer() == 1);
  send(5, subscribing("a"));
  CHECK(answer() == 2);
  CHECK(answer() == 3);
  CHECK(answer() == 5);
}

TEST_CASE_METHOD(fixture, "a command that is lost gives its turn away") {
  send(1, subscribing("a"));
  send(2, subscribing("a"));
  handed_on.pop_front();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].second == error_code::outcome_unknown);
  CHECK(answer() == 2);
}

TEST_CASE("many that wait are answered at once without nesting", "[push]") {
  std::optional<protocol::command_message> held;
  bool hold = true;
  std::size_t answered = 0;
  endpoint_turns turns(
      [&](protocol::command_message message) {
        if (hold)
          held = std::move(message);
        else
          message.reply->answer(error_code::shutting_down);
      },
      100'000);
  const auto send = [&] {
    protocol::command_message message;
    message.kind = domain::aggregate_kind::subscription;
    message.command = domain::erase<domain::subscription::command>(fixture::subscribing("a"));
    message.reply =
        std::make_shared<protocol::command_slot::element_type>([&](const protocol::command_result&) { ++answered; });
    turns.send(std::move(message));
  };
  for (int i = 0; i < 50'000; ++i) send();
  hold = false;
  held->reply->answer(error_code::shutting_down);
  CHECK(answered == 50'000);
}

TEST_CASE("what waits when it ends is refused, and reaches nobody", "[push]") {
  std::vector<protocol::command_message> handed_on;
  std::vector<std::optional<error_code>> answers;
  std::optional<endpoint_turns> turns(std::in_place,
                                      [&](protocol::command_message m) { handed_on.push_back(std::move(m)); });
  for (int i = 0; i < 3; ++i) {
    protocol::command_message message;
    message.kind = domain::aggregate_kind::subscription;
    message.command = domain::erase<domain::subscription::command>(fixture::subscribing("a"));
    message.reply =
        std::make_shared<protocol::command_slot::element_type>([&](const protocol::command_result& outcome) {
          answers.push_back(outcome ? std::nullopt : std::optional(outcome.error().code));
        });
    turns->send(std::move(message));
  }
  turns.reset();
  CHECK(answers.empty());
  handed_on.at(0).reply->answer(domain::erased_ptr());
  CHECK(handed_on.size() == 1);
  CHECK(answers ==
        std::vector<std::optional<error_code>>{std::nullopt, error_code::shutting_down, error_code::shutting_down});
}

TEST_CASE("threads that send at once keep one command per endpoint under way", "[push]") {
  constexpr int endpoints = 4;
  std::array<std::atomic<int>, endpoints> under_way{};
  std::atomic<int> together{0};
  std::atomic<int> answered{0};
  std::mutex mutex;
  std::vector<protocol::command_message> waiting;
  endpoint_turns turns([&](protocol::command_message message) {
    if (under_way[message.target % endpoints].fetch_add(1) != 0) ++together;
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(message));
  });
  constexpr int each = 2'000;
  std::atomic<int> senders{3};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < each; ++i) {
        protocol::command_message message;
        message.kind = domain::aggregate_kind::subscription;
        message.target = random() % endpoints;
        message.command =
            domain::erase<domain::subscription::command>(fixture::subscribing("e" + std::to_string(message.target)));
        message.reply = std::make_shared<protocol::command_slot::element_type>(
            [&](const protocol::command_result&) { ++answered; });
        turns.send(std::move(message));
      }
      --senders;
    });
  threads.emplace_back([&] {
    while (senders > 0 || turns.under_way() > 0) {
      std::vector<protocol::command_message> now;
      {
        const std::lock_guard lock(mutex);
        now.swap(waiting);
      }
      for (auto& message : now) {
        under_way[message.target % endpoints].fetch_sub(1);
        message.reply->answer(domain::erased_ptr());
      }
      std::this_thread::yield();
    }
  });
  for (auto& thread : threads) thread.join();
  CHECK(together == 0);
  CHECK(answered == 3 * each);
}

}  // namespace social::push
