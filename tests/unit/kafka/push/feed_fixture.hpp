// A feed without Kafka: a group, a push role, a table and a sender of dead letters that do what the test says.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/kafka/push/feed_handler.hpp"
#include "actors/kafka/topics.hpp"
#include "actors/ports/clock.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/kafka_clients.hpp"

namespace social::kafka::test {

using social::test::eventually;
using partitions = std::vector<topic_partition>;
using done_function = std::function<void(result<void>)>;

inline const topic_partition likes_0{std::string(topic::post_liked), 0};
inline const topic_partition likes_1{std::string(topic::post_liked), 1};
inline const topic_partition requests_0{std::string(topic::push_request), 0};

class hand_clock final : public ports::clock {
 public:
  timestamp_t now() const override { return 1'700'000'000'000 + us / 1000; }
  std::int64_t monotonic_us() const override { return us; }
  std::int64_t us = 1'000'000;
};

/// What the group would be told.
class scripted_control final : public group_control {
 public:
  void pause(const partitions& which) override {
    for (const auto& where : which) CHECK(flowing.erase(where) == 1);
  }
  void resume(const partitions& which) override {
    for (const auto& where : which) CHECK(flowing.insert(where).second);
  }
  void seek(const topic_partition&, std::int64_t) override { FAIL("nothing has to be read twice"); }
  result<void> commit(const std::map<topic_partition, std::int64_t>& next, bool wait) override {
    waited = waited || wait;
    if (refuse_commits) return error{error_code::unavailable, "no coordinator"};
    for (const auto& [where, offset] : next) committed[where] = offset;
    return {};
  }
  std::set<topic_partition> flowing;
  std::map<topic_partition, std::int64_t> committed;
  bool waited = false;
  bool refuse_commits = false;
};

/// Keeps every record that would be sent until a test says what became of it.
class boxed_producer final : public producer {
 public:
  taken push(const record& what, std::uint64_t token) override {
    const std::lock_guard lock(mutex);
    sent.emplace_back(what, token);
    return taken::queued;
  }
  error why_rejected() const override { return error_code::internal; }
  void collect(std::vector<delivery_report>& out, std::size_t) override {
    const std::lock_guard lock(mutex);
    out.insert(out.end(), reports.begin(), reports.end());
    reports.clear();
  }
  std::optional<error> fatal() const override { return std::nullopt; }
  bool flush(std::int64_t) override { return true; }

  inline static std::mutex mutex;
  inline static std::vector<std::pair<record, std::uint64_t>> sent;
  inline static std::vector<delivery_report> reports;
  inline static std::function<void()> wake;
  ~boxed_producer() override {
    wake = [] {};
  }
};

inline producer_factory boxed() {
  return [](std::function<void()> wake) -> result<std::unique_ptr<producer>> {
    boxed_producer::wake = std::move(wake);
    return std::make_unique<boxed_producer>();
  };
}

inline received liked(const topic_partition& where, std::int64_t offset) {
  received out;
  out.content.topic = where.topic;
  out.content.partition = where.partition;
  out.content.key = "7";
  out.content.value = R"({"postId":64,"postWriterId":7,"userId":9,"name":"Sally","contents":"hello"})";
  out.content.headers = {{"ce_id", std::to_string(where.partition) + "-" + std::to_string(offset)}};
  out.offset = offset;
  out.time = 1'700'000'000'000;
  return out;
}

inline received poison(const topic_partition& where, std::int64_t offset) {
  auto out = liked(where, offset);
  out.content.value = "{";
  return out;
}

inline feed_options small_options() {
  feed_options out;
  out.event_topics = {likes_0.topic};
  out.request_topics = {requests_0.topic};
  out.group.batch_records_max = 10;
  out.events_under_way_max = 20;
  out.requests_under_way_max = 4;
  out.retry_ms = 100;
  out.retry_max_ms = 1'000;
  out.revoke_wait_ms = 50;
  out.commit_interval_ms = 200;
  return out;
}

struct feed_world {
  explicit feed_world(feed_options options = small_options())
      : letters(node, {.name = "letters", .records_max = 100, .retry_ms = 1}, boxed()),
        under_test(std::move(options), parts(), [this] { ++woken; }) {
    const std::lock_guard lock(boxed_producer::mutex);
    boxed_producer::sent.clear();
    boxed_producer::reports.clear();
  }

  feed_parts parts() {
    feed_parts out;
    out.consume = [this](std::vector<protocol::push_event> events, done_function done) {
      std::vector<std::string> ids;
      for (const auto& event : events) {
        ids.push_back(event.id);
        times.push_back(event.time);
      }
      batches.emplace_back(std::move(ids), std::move(done));
    };
    out.serve = [this](const received& request, done_function done) {
      served.emplace_back(request.offset, std::move(done));
    };
    out.catch_up = [this](done_function done) { catching_up.push_back(std::move(done)); };
    out.table_is_current = [this] { return current; };
    out.is_full = [this] { return full; };
    out.dead_letters = &letters;
    out.clock = &clock;
    return out;
  }

  void assign(const partitions& which, bool caught_up = true) {
    under_test.assigned(control, which);
    if (!caught_up) return;
    catching_up.back()({});
    turn();
  }
  void revoke(const partitions& which, bool lost = false) {
    under_test.revoked(control, which, lost);
    for (const auto& where : which) control.flowing.erase(where);
  }
  void turn() { under_test.turn(control); }
  void later(std::int64_t ms) {
    clock.us += ms * 1000;
    turn();
  }
  void give(const topic_partition& where, std::int64_t from, std::int64_t count = 1) {
    std::vector<received> batch;
    batch.reserve(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) batch.push_back(liked(where, from + i));
    under_test.records(control, std::move(batch));
  }
  /// What the oldest batch that is under way comes to.
  void batch_is(const result<void>& outcome) {
    auto done = std::move(batches.front().second);
    batches.erase(batches.begin());
    done(outcome);
    turn();
  }
  std::optional<std::int64_t> committed(const topic_partition& where) {
    const auto found = control.committed.find(where);
    return found == control.committed.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<record> sent_letters() {
    const std::lock_guard lock(boxed_producer::mutex);
    std::vector<record> out;
    out.reserve(boxed_producer::sent.size());
    for (const auto& [what, token] : boxed_producer::sent) out.push_back(what);
    return out;
  }
  /// The broker's answer to all letters so far; waits until the feed has been told.
  void letters_are(const result<placed>& outcome) {
    const auto before = woken.load();
    std::size_t count = 0;
    {
      const std::lock_guard lock(boxed_producer::mutex);
      count = boxed_producer::sent.size();
      for (const auto& [what, token] : boxed_producer::sent) boxed_producer::reports.push_back({token, outcome});
      boxed_producer::sent.clear();
    }
    boxed_producer::wake();
    REQUIRE(eventually([&] { return woken == before + count; }));
    turn();
  }

  std::atomic<std::size_t> woken{0};
  hand_clock clock;
  runtime::node node{{}, [] { return timestamp_t{1}; }};
  sender letters;
  std::vector<std::pair<std::vector<std::string>, done_function>> batches;
  std::vector<timestamp_t> times;  ///< of all events handed over
  std::vector<std::pair<std::int64_t, done_function>> served;
  std::vector<done_function> catching_up;
  bool full = false;
  bool current = true;
  scripted_control control;
  feed_handler under_test;
};

inline const error ours{error_code::store_unavailable, "the disk is full"};

}  // namespace social::kafka::test
