// A node without threads: actors run one message at a time, only when the test says so, and time passes only in `pass`.
//
//   deterministic_node node;
//   node.run();                       // until nobody has a message, in the order of arrival
//   node.run(&random);                // the same in an order that the generator picks
//   node.pass(std::chrono::seconds(5));
//
// At the end everything must be told to stop; `ended()` says whether any actor is left (its destructor would hang).
#pragma once

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>
#include <string>

#include <caf/scheduler/test_coordinator.hpp>

#include "actors/ports/clock.hpp"
#include "actors/runtime/node.hpp"
#include "tests/support/catch.hpp"

namespace social::test {

class manual_clock final : public ports::clock {
 public:
  timestamp_t now() const override { return 1'795'449'600'000 + us_ / 1000; }
  std::int64_t monotonic_us() const override { return 1'000'000 + us_; }
  void pass(std::chrono::microseconds time) { us_ += time.count(); }

 private:
  std::int64_t us_ = 0;
};

class deterministic_node {
 public:
  deterministic_node() : node_({.deterministic = true}, [this] { return clock_.now(); }) {}

  runtime::node& operator*() { return node_; }
  runtime::node* operator->() { return &node_; }
  manual_clock& clock() { return clock_; }

  bool step(std::mt19937_64* random = nullptr) {
    auto& jobs = scheduler().jobs;
    if (jobs.empty()) return false;
    if (random != nullptr) {
      const auto pick = jobs.begin() + static_cast<std::ptrdiff_t>((*random)() % jobs.size());
      std::rotate(jobs.begin(), pick, pick + 1);
    }
    return scheduler().try_run_once();
  }
  void run(std::mt19937_64* random = nullptr) {
    while (step(random)) continue;
  }
  /// Runs everybody but actors of one kind.
  void run_but(const std::string& kind) {
    scheduler().run_jobs_filtered([&](caf::resumable* job) {
      const auto* actor = dynamic_cast<caf::scheduled_actor*>(job);
      return actor == nullptr || kind != actor->name();
    });
  }
  /// In steps, so that what a timer starts has its own timers fire in time.
  void pass(std::chrono::milliseconds time) {
    for (auto left = time; left.count() > 0;) {
      const auto part = std::min(left, std::chrono::milliseconds(500));
      clock_.pass(part);
      scheduler().advance_time(part);
      run();
      left -= part;
    }
  }
  [[nodiscard]] bool ended() {
    run();
    return node_.system().registry().running() == 0;
  }

 private:
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(node_.system().scheduler());
  }

  manual_clock clock_;
  runtime::node node_;
};

/// The seeds of a random test: `count` fixed ones, SOCIAL_TEST_SEEDS many, or the one in SOCIAL_TEST_SEED. A failing
/// test prints its seed.
inline std::pair<std::uint64_t, std::uint64_t> seeds(std::uint64_t count) {
  if (const char* wanted = std::getenv("SOCIAL_TEST_SEED")) {
    const auto seed = std::stoull(wanted);
    return {seed, seed + 1};
  }
  if (const char* many = std::getenv("SOCIAL_TEST_SEEDS")) count = std::stoull(many);
  return {1, count + 1};
}

}  // namespace social::test
