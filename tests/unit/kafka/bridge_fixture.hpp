// A bridge over a journal in memory and a Kafka on paper: what was pushed, and what becomes of it when the test says
// so.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/kafka/bridge.hpp"
#include "actors/ports/cursor.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/deterministic_node.hpp"
#include "tests/support/memory_store.hpp"

namespace social::kafka::test {

using namespace social::test;
using ids = std::vector<std::string>;

/// The other side of all producers that its factory has made. One thread, but for what the threads' test does.
class paper_kafka {
 public:
  struct sent_record {
    int life = 0;
    std::string id;  ///< "<shard>-<sequence>"
    std::string topic;
    std::uint64_t token = 0;
    bool reported = false;
  };

  bool acknowledges = true;  ///< everything, as soon as it is pushed
  std::size_t queue_max = 1'000'000;
  std::optional<error> no_producer;              ///< what the factory says instead
  std::function<bool(const std::string&)> bars;  ///< records that push refuses, by id
  std::vector<sent_record> sent;                 ///< in the order of pushing
  int lives = 0;
  int alive = 0;
  std::size_t row_max = 0;     ///< the most records that were pushed with no look for reports between them
  std::optional<error> fatal;  ///< of the present life

  producer_factory factory() {
    return [this](std::function<void()> wake) -> result<std::unique_ptr<producer>> {
      if (no_producer) return *no_producer;
      ++lives;
      fatal.reset();
      return std::make_unique<life>(*this, lives, std::move(wake));
    };
  }

  [[nodiscard]] ids pushed(int in_life = 0) const {
    ids out;
    for (const auto& record : sent)
      if (in_life == 0 || record.life == in_life) out.push_back(record.id);
    return out;
  }
  [[nodiscard]] std::size_t waiting() const {
    std::size_t count = 0;
    for (const auto& record : sent) count += record.life == lives && !record.reported ? 1 : 0;
    return count;
  }
  /// The newest record with that id that waits for its report gets it. False: there is none.
  bool report(const std::string& id, result<placed> outcome = placed{0, 0}) {
    for (auto& record : sent) {
      if (record.life != lives || record.reported || record.id != id) continue;
      report(record, std::move(outcome));
      return true;
    }
    return false;
  }
  void report(sent_record& record, result<placed> outcome) {
    record.reported = true;
    if (current_ == nullptr) return;
    current_->reports.push_back({record.token, std::move(outcome)});
    current_->wake();
  }
  void report_all() {
    for (auto& record : sent)
      if (record.life == lives && !record.reported) report(record, placed{0, 0});
  }
  void die(error why) {
    fatal = std::move(why);
    if (current_ != nullptr) current_->wake();
  }

 private:
  class life final : public producer {
   public:
    life(paper_kafka& kafka, int number, std::function<void()> wake)
        : wake(std::move(wake)), kafka_(kafka), number_(number) {
      kafka_.current_ = this;
      ++kafka_.alive;
    }
    ~life() override {
      kafka_.current_ = nullptr;
      --kafka_.alive;
    }
    taken push(const record& what, std::uint64_t token) override {
      if (kafka_.waiting() >= kafka_.queue_max) return taken::full;
      if (kafka_.bars && kafka_.bars(what.value.value())) return taken::rejected;
      auto& record = kafka_.sent.emplace_back(sent_record{number_, what.value.value(), what.topic, token, false});
      kafka_.row_max = std::max(kafka_.row_max, ++row_);
      if (kafka_.acknowledges) kafka_.report(record, placed{0, 0});
      return taken::queued;
    }
    [[nodiscard]] error why_rejected() const override { return {error_code::invalid_input, "too large"}; }
    void collect(std::vector<delivery_report>& out, std::size_t max) override {
      row_ = 0;
      for (; max > 0 && !reports.empty(); --max) {
        out.push_back(std::move(reports.front()));
        reports.pop_front();
      }
    }
    [[nodiscard]] std::optional<error> fatal() const override { return kafka_.fatal; }
    bool flush(std::int64_t) override { return kafka_.waiting() == 0; }

    std::deque<delivery_report> reports;
    std::function<void()> wake;

   private:
    paper_kafka& kafka_;
    const int number_;
    std::size_t row_ = 0;
  };

  life* current_ = nullptr;
};

/// What an event of the tests becomes.
enum event_type : std::uint16_t { plain = 1, silent = 2, twice = 3, damaged = 4 };

/// The value of a record is the id of its event; the topic is "t", of the second record of one event "u".
inline result<void> project(const ports::journal_record& from, publications& out) {
  result<void> outcome;
  for (std::size_t i = 0; i < from.events.size(); ++i) {
    const auto sequence = from.first_sequence + i;
    record r;
    r.topic = "t";
    r.value = std::to_string(from.shard) + "-" + std::to_string(sequence);
    r.key = std::to_string(from.shard);
    if (from.events[i].type == damaged) outcome = error{error_code::corrupt_record, "event " + *r.value};
    if (from.events[i].type == plain || from.events[i].type == twice) out.push_back({sequence, r});
    r.topic = "u";
    if (from.events[i].type == twice) out.push_back({sequence, r});
  }
  return outcome;
}

struct bridge_fixture {
  std::unique_ptr<memory_store> disk;
  paper_kafka kafka;
  deterministic_node node;
  bridge_options options;
  std::optional<bridge> under_test;

  explicit bridge_fixture(shard_t shards = 2) : disk(std::make_unique<memory_store>(shards)) {
    options.retry_ms = 1'000;
    options.retry_max_ms = 4'000;
  }
  ~bridge_fixture() {
    under_test.reset();
    if (!node.ended() || kafka.alive != 0) std::abort();
  }

  void start(bool open = true) {
    under_test.emplace(*node, options, *disk, disk->ports(), node.clock(), project, kafka.factory());
    if (open) under_test->open();
    node.run();
  }
  /// As if the process were killed: nothing is written any more.
  void kill() {
    under_test.reset();
    node.run();
    disk = std::make_unique<memory_store>(disk->crash());
  }
  bool stop() {
    const bool in_time = under_test->stop(std::chrono::seconds(5));
    node.run();
    return in_time;
  }
  void happen(shard_t shard, const std::vector<event_type>& events = {plain}) {
    ports::commit_request request;
    request.shard = shard;
    request.time = node.clock().now();
    for (const auto type : events) request.events.push_back({domain::aggregate_kind::user, 1, type, "bytes"});
    if (!disk->reserve()) throw std::runtime_error("the store takes nothing");
    disk->submit(std::move(request), {});
  }
  void happen_often(shard_t shard, int records) {
    for (int i = 0; i < records; ++i) happen(shard);
  }
  void pass(std::int64_t ms) { node.pass(std::chrono::milliseconds(ms)); }
  /// On disk.
  std::optional<std::uint64_t> cursor(shard_t shard) const {
    const auto row = disk->row<ports::cursor_row>(ports::cursor_key("kafka", shard));
    return row ? std::optional(row->sequence) : std::nullopt;
  }
  [[nodiscard]] bridge_status status() const { return under_test->status(); }
  std::optional<result<void>> wait_for(shard_t shard) {
    auto answer = std::make_shared<std::optional<result<void>>>();
    answers_.push_back(answer);
    under_test->when_published(shard, [answer](const result<void>& outcome) { *answer = outcome; });
    node.run();
    return *answer;
  }
  [[nodiscard]] const std::optional<result<void>>& last_answer() const { return *answers_.back(); }

 private:
  std::vector<std::shared_ptr<std::optional<result<void>>>> answers_;
};

}  // namespace social::kafka::test
