// A member of a group as a process has it, for tests: what it got, what it committed, what it was told.
#pragma once

#include <mutex>
#include <set>

#include "actors/kafka/group_consumer.hpp"
#include "tests/support/kafka_clients.hpp"

namespace social::test::group {

using kafka::group_consumer;
using kafka::group_control;
using kafka::topic_partition;

inline const std::string topic = "v1.event.test";

inline kafka::group_options options(std::int64_t poll_ms = 20) {
  kafka::group_options out;
  out.group = "social-push";
  out.topics = {topic};
  out.poll_ms = poll_ms;
  out.session_timeout_ms = 4'000;  // the mock coordinator waits three seconds for the first members
  return out;
}

/// Keeps what it gets, commits when it is asked to, and runs what a test wants done on the consumer's thread.
class recorder final : public kafka::group_handler {
 public:
  bool resume_at_once = true;

  void assigned(group_control& control, const std::vector<topic_partition>& which) override {
    const std::lock_guard lock(mutex_);
    assignments_.push_back(which);
    for (const auto& where : which) mine_.insert(where);
    if (resume_at_once) control.resume(which);
  }
  void revoked(group_control& control, const std::vector<topic_partition>& which, bool lost) override {
    const std::lock_guard lock(mutex_);
    losses_.push_back(lost);
    if (!lost) last_commit_ = control.commit(next_, true);
    if (!lost && !last_commit_) ++refused_commits_;
    for (const auto& where : which) {
      mine_.erase(where);
      next_.erase(where);
    }
  }
  void records(group_control& control, std::vector<kafka::received> batch) override {
    const std::lock_guard lock(mutex_);
    for (auto& r : batch) {
      strangers_ += mine_.contains(r.place()) ? 0 : 1;
      next_[r.place()] = r.offset + 1;
      got_.push_back(std::move(r));
    }
    if (on_records) on_records(control, got_);
  }
  void turn(group_control& control) override {
    const std::lock_guard lock(mutex_);
    ++turns_;
    for (auto& job : std::exchange(jobs_, {})) job(control);
  }

  /// Runs on the consumer's thread, soon.
  void run(std::function<void(group_control&)> job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  [[nodiscard]] std::vector<kafka::received> got() const {
    const std::lock_guard lock(mutex_);
    return got_;
  }
  [[nodiscard]] std::size_t count() const { return got().size(); }
  [[nodiscard]] std::vector<std::vector<topic_partition>> assignments() const {
    const std::lock_guard lock(mutex_);
    return assignments_;
  }
  [[nodiscard]] std::vector<bool> losses() const {
    const std::lock_guard lock(mutex_);
    return losses_;
  }
  [[nodiscard]] std::map<topic_partition, std::int64_t> next() const {
    const std::lock_guard lock(mutex_);
    return next_;
  }
  [[nodiscard]] result<void> last_commit() const {
    const std::lock_guard lock(mutex_);
    return last_commit_;
  }
  [[nodiscard]] std::uint64_t turns() const { return turns_; }
  [[nodiscard]] int refused_commits() const { return refused_commits_; }
  /// Records of partitions that were not ours.
  [[nodiscard]] int strangers() const { return strangers_; }

  std::function<void(group_control&, const std::vector<kafka::received>&)> on_records;

 private:
  mutable std::recursive_mutex mutex_;
  std::vector<kafka::received> got_;
  std::vector<std::vector<topic_partition>> assignments_;
  std::vector<bool> losses_;
  std::set<topic_partition> mine_;
  std::map<topic_partition, std::int64_t> next_;
  std::vector<std::function<void(group_control&)>> jobs_;
  result<void> last_commit_;
  std::atomic<std::uint64_t> turns_{0};
  std::atomic<int> strangers_{0};
  std::atomic<int> refused_commits_{0};
};

/// One process.
struct process {
  explicit process(const mock_kafka& cluster, kafka::group_options with = options())
      : health(std::make_shared<kafka::client_health>()),
        consumer(cluster.settings(), std::move(with), handler, health) {}
  void start() { REQUIRE(consumer.start()); }
  bool has(std::size_t count) {
    return eventually([&] { return handler.count() >= count; }, std::chrono::seconds(30));
  }
  bool has_partitions(std::size_t count) {
    return eventually([&] { return consumer.metrics().assignment.size() == count; }, std::chrono::seconds(30));
  }

  std::shared_ptr<kafka::client_health> health;
  recorder handler;
  group_consumer consumer;
};

inline void put(mock_kafka& cluster, int count, int partitions) {
  for (int i = 0; i < count; ++i) {
    auto what = record_of(topic, "k", std::to_string(i));
    what.partition = i % partitions;
    cluster.put(what);
  }
}

inline std::map<topic_partition, std::vector<std::int64_t>> offsets_of(const std::vector<kafka::received>& records) {
  std::map<topic_partition, std::vector<std::int64_t>> out;
  for (const auto& r : records) out[r.place()].push_back(r.offset);
  return out;
}

inline std::vector<std::int64_t> up_to(std::int64_t count) {
  std::vector<std::int64_t> out;
  out.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) out.push_back(i);
  return out;
}

inline std::int64_t milliseconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace social::test::group
