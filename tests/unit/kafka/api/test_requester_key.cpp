#include "actors/kafka/api/requester_key.hpp"
#include "tests/support/catch.hpp"

namespace social::kafka {
namespace {

struct hand_clock final : ports::clock {
  std::int64_t us = 1'000'000;
  timestamp_t now() const override { return us / 1000; }
  std::int64_t monotonic_us() const override { return us; }
};

struct fixture {
  void get() {
    key->get([this](const result<protocol::push_key>& got) { answers.push_back(got); });
  }
  void answer(const result<protocol::push_key>& with) {
    REQUIRE(asked.size() == 1);
    const auto done = std::move(asked.front());
    asked.clear();
    done(with);
  }

  hand_clock clock;
  std::vector<kept_key::completion> asked;
  std::vector<result<protocol::push_key>> answers;
  std::shared_ptr<kept_key> key =
      std::make_shared<kept_key>(60'000, 3, clock, [this](auto done) { asked.push_back(std::move(done)); });
};

const protocol::push_key one{"BOne", "k1"};
const protocol::push_key two{"BTwo", "k2"};

}  // namespace

TEST_CASE("the key is asked for once and kept for its time", "[kafka][requester]") {
  fixture f;
  f.get();
  CHECK(f.answers.empty());
  f.clock.us += 5'000'000;
  f.answer(one);
  CHECK(f.answers.at(0)->public_key == "BOne");
  f.clock.us += 59'999'999;
  f.get();
  CHECK(f.answers.at(1)->public_key == "BOne");
  CHECK(f.asked.empty());
  f.clock.us += 1;
  f.get();
  CHECK(f.answers.size() == 2);
  f.answer(two);
  CHECK(f.answers.at(2)->key_id == "k2");
}

TEST_CASE("whoever comes meanwhile waits for the same answer, as many as may", "[kafka][requester]") {
  fixture f;
  for (int i = 0; i < 4; ++i) f.get();
  CHECK(f.asked.size() == 1);
  REQUIRE(f.answers.size() == 1);
  CHECK(f.answers[0].error().code == error_code::overloaded);
  f.answer(one);
  REQUIRE(f.answers.size() == 4);
  for (std::size_t i = 1; i < 4; ++i) CHECK(f.answers[i]->public_key == "BOne");
}

TEST_CASE("a failure is told to all who wait and is not kept", "[kafka][requester]") {
  fixture f;
  f.get();
  f.get();
  f.answer(error{error_code::unavailable});
  CHECK(f.answers.at(0).error().code == error_code::unavailable);
  CHECK(f.answers.at(1).error().code == error_code::unavailable);
  f.get();
  f.answer(one);
  CHECK(f.answers.at(2)->public_key == "BOne");
}

TEST_CASE("an answer at once, and a callback that asks again, do no harm", "[kafka][requester]") {
  hand_clock clock;
  int questions = 0;
  const auto key = std::make_shared<kept_key>(60'000, 3, clock, [&](const auto& done) {
    ++questions;
    done(questions == 1 ? result<protocol::push_key>(error{error_code::unavailable}) : result<protocol::push_key>(one));
  });
  std::string got;
  key->get([&](const result<protocol::push_key>& first) {
    CHECK_FALSE(first);
    key->get([&](const result<protocol::push_key>& second) { got = second->public_key; });
  });
  CHECK(got == "BOne");
  CHECK(questions == 2);
}

}  // namespace social::kafka
