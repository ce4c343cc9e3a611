// What tests of Kafka clients share: a producer whose reports are gathered, and records in short.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/kafka/producer.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mock_kafka.hpp"

namespace social::test {

inline kafka::record record_of(std::string topic, std::string key, std::string value) {
  kafka::record out;
  out.topic = std::move(topic);
  out.key = std::move(key);
  out.value = std::move(value);
  return out;
}

/// One life of the real producer. The factory makes the next.
class test_producer {
 public:
  test_producer(kafka::client_settings settings, kafka::producer_options options)
      : health_(std::make_shared<kafka::client_health>()),
        make_(kafka::real_producer(std::move(settings), std::move(options), health_)) {
    renew();
  }

  void renew() {
    life_.reset();
    auto made = make_([wakes = wakes_] { ++*wakes; });
    REQUIRE(made);
    life_ = std::move(*made);
    reports_.clear();
  }
  /// Waits while the queue is full.
  void push(const kafka::record& what, std::uint64_t token) {
    auto taken = kafka::producer::taken::full;
    REQUIRE(eventually([&] {
      collect();
      return (taken = life_->push(what, token)) != kafka::producer::taken::full;
    }));
    REQUIRE(taken == kafka::producer::taken::queued);
  }
  void collect() {
    std::vector<kafka::delivery_report> found;
    life_->collect(found, 1'000);
    for (auto& report : found) reports_[report.token].push_back(report.outcome);
  }
  /// True once that many tokens have been reported.
  [[nodiscard]] bool reported(std::size_t count, std::chrono::milliseconds deadline = std::chrono::seconds(20)) {
    return eventually(
        [&] {
          collect();
          return reports_.size() >= count;
        },
        deadline);
  }
  /// The one report of a token.
  [[nodiscard]] const result<kafka::placed>& report(std::uint64_t token) const {
    REQUIRE(reports_.contains(token));
    REQUIRE(reports_.at(token).size() == 1);
    return reports_.at(token).front();
  }
  [[nodiscard]] const std::map<std::uint64_t, std::vector<result<kafka::placed>>>& reports() const { return reports_; }
  [[nodiscard]] std::uint64_t wakes() const { return *wakes_; }
  [[nodiscard]] const std::shared_ptr<kafka::client_health>& health() const { return health_; }
  kafka::producer* operator->() { return life_.get(); }
  void end() { life_.reset(); }

 private:
  std::shared_ptr<kafka::client_health> health_;
  std::shared_ptr<std::atomic<std::uint64_t>> wakes_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  kafka::producer_factory make_;
  std::unique_ptr<kafka::producer> life_;
  std::map<std::uint64_t, std::vector<result<kafka::placed>>> reports_;
};

}  // namespace social::test
