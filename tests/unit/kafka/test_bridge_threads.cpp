// The bridge on a thread of its own, as in the servers, with reports from another one.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/unit/kafka/bridge_fixture.hpp"

namespace social::kafka::test {
namespace {

class wall_clock final : public ports::clock {
 public:
  timestamp_t now() const override { return monotonic_us() / 1000; }
  std::int64_t monotonic_us() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

/// A broker with a thread that acknowledges, unless it is told to stay silent, and now and then loses one.
class busy_kafka {
 public:
  std::atomic<bool> silent{false};
  std::atomic<int> lose_one_in{0};
  std::atomic<int> lives{0};

  producer_factory factory() {
    return [this](std::function<void()> wake) -> result<std::unique_ptr<producer>> {
      ++lives;
      return std::make_unique<life>(*this, std::move(wake));
    };
  }
  std::vector<std::string> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }

 private:
  class life final : public producer {
   public:
    life(busy_kafka& kafka, std::function<void()> wake) : kafka_(kafka), wake_(std::move(wake)) {
      thread_ = std::thread([this] { work(); });
    }
    ~life() override {
      {
        const std::lock_guard lock(mutex_);
        ends_ = true;
      }
      changed_.notify_all();
      thread_.join();
    }
    taken push(const record& what, std::uint64_t token) override {
      const std::lock_guard lock(mutex_);
      if (queue_.size() >= 50) return taken::full;
      queue_.emplace_back(*what.value, token);
      changed_.notify_all();
      return taken::queued;
    }
    [[nodiscard]] error why_rejected() const override { return {}; }
    void collect(std::vector<delivery_report>& out, std::size_t max) override {
      const std::lock_guard lock(mutex_);
      for (; max > 0 && !reports_.empty(); --max) {
        out.push_back(std::move(reports_.front()));
        reports_.pop_front();
      }
    }
    [[nodiscard]] std::optional<error> fatal() const override { return std::nullopt; }
    bool flush(std::int64_t deadline_ms) override {
      std::unique_lock lock(mutex_);
      return drained_.wait_for(lock, std::chrono::milliseconds(deadline_ms), [&] { return queue_.empty(); });
    }

   private:
    void work() {
      std::unique_lock lock(mutex_);
      bool broken = false;
      for (int number = 1;; ++number) {
        changed_.wait_for(lock, std::chrono::milliseconds(1),
                          [&] { return ends_ || (!queue_.empty() && !kafka_.silent); });
        if (ends_) return;
        if (queue_.empty() || kafka_.silent) continue;
        auto [id, token] = std::move(queue_.front());
        queue_.pop_front();
        const int lose = kafka_.lose_one_in;
        broken = broken || (lose != 0 && number % lose == 0);
        if (broken) {  // an idempotent producer writes nothing behind what it lost
          reports_.push_back({token, error{error_code::outcome_unknown}});
        } else {
          reports_.push_back({token, placed{0, 0}});
          const std::lock_guard log_lock(kafka_.mutex_);
          kafka_.log_.push_back(std::move(id));
        }
        if (queue_.empty()) drained_.notify_all();
        lock.unlock();
        wake_();
        lock.lock();
      }
    }
    busy_kafka& kafka_;
    const std::function<void()> wake_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::condition_variable drained_;
    std::deque<std::pair<std::string, std::uint64_t>> queue_;
    std::deque<delivery_report> reports_;
    bool ends_ = false;
    std::thread thread_;
  };

  mutable std::mutex mutex_;
  std::vector<std::string> log_;
};

struct threads_fixture {
  wall_clock clock;
  memory_store disk{shard_t{4}};
  busy_kafka kafka;
  runtime::node node{{.threads = 2}, [this] { return clock.now(); }};
  std::optional<bridge> under_test;

  ~threads_fixture() {
    under_test.reset();
    node.system().await_all_actors_done();
  }
  void start() {
    bridge_options options;
    options.window_records_max = 100;
    options.retry_ms = 1;
    options.retry_max_ms = 5;
    options.cursor_interval_ms = 2;
    under_test.emplace(node, options, disk, disk.ports(), clock, project, kafka.factory());
    under_test->open();
  }
  void write(shard_t shard, int records) {
    for (int i = 0; i < records; ++i) {
      ports::commit_request request;
      request.shard = shard;
      request.events.push_back({domain::aggregate_kind::user, 1, i % 5 == 0 ? silent : plain, "bytes"});
      disk.reserve();
      disk.submit(std::move(request), {});
    }
  }
  bool drained() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (under_test->status().depth > 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return under_test->status().depth == 0;
  }
  /// First deliveries, by shard.
  std::map<shard_t, std::vector<std::uint64_t>> first_seen() const {
    std::set<std::string> seen;
    std::map<shard_t, std::vector<std::uint64_t>> out;
    for (const auto& id : kafka.log())
      if (seen.insert(id).second)
        out[static_cast<shard_t>(std::stoul(id))].push_back(std::stoull(id.substr(id.find('-') + 1)));
    return out;
  }
  void check_complete(int records) const {
    std::vector<std::uint64_t> expected;
    for (int i = 0; i < records; ++i)
      if (i % 5 != 0) expected.push_back(static_cast<std::uint64_t>(i) + 1);
    const auto seen = first_seen();
    for (shard_t shard = 0; shard < 4; ++shard) CHECK(seen.at(shard) == expected);
  }
  std::uint64_t cursor(shard_t shard) const {
    const auto row = disk.row<ports::cursor_row>(ports::cursor_key("kafka", shard));
    return row ? row->sequence : 0;
  }
};

TEST_CASE("a bridge follows four writers through lost records, and stops clean", "[kafka][bridge]") {
  threads_fixture f;
  f.kafka.lose_one_in = 97;
  constexpr int each = 1'000;
  f.start();
  std::vector<std::thread> writers;
  writers.reserve(4);
  for (shard_t shard = 0; shard < 4; ++shard) writers.emplace_back([&f, shard] { f.write(shard, each); });
  for (auto& writer : writers) writer.join();
  REQUIRE(f.drained());
  CHECK(f.under_test->stop(std::chrono::seconds(20)));
  for (shard_t shard = 0; shard < 4; ++shard) CHECK(f.cursor(shard) == each);
  f.check_complete(each);
  CHECK(f.kafka.lives > 10);
}

TEST_CASE("a bridge whose broker is silent ends in time and writes its cursors, and the next one goes on",
          "[kafka][bridge]") {
  threads_fixture f;
  f.start();
  f.write(0, 10);
  REQUIRE(f.drained());
  f.kafka.silent = true;
  const auto last = f.under_test->status().cursors[0];
  for (shard_t shard = 0; shard < 4; ++shard) f.write(shard, shard == 0 ? 490 : 500);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (f.under_test->status().window < 50 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  std::atomic<int> answered{0};
  f.under_test->when_published(
      1, [&](const result<void>& outcome) { answered = outcome ? 1 : static_cast<int>(outcome.error().code); });
  CHECK(f.under_test->stop(std::chrono::milliseconds(500)));
  f.node.system().await_all_actors_done();
  CHECK(answered == static_cast<int>(error_code::shutting_down));
  CHECK(last == 10);
  // The eleventh event has no topic: nothing stands in its way, so the cursor may have passed it already.
  CHECK((f.cursor(0) == 10 || f.cursor(0) == 11));
  f.kafka.silent = false;
  f.start();
  REQUIRE(f.drained());
  f.check_complete(500);
}

TEST_CASE("a store that does not answer costs a stop its deadline and no more", "[kafka][bridge]") {
  threads_fixture f;
  f.start();
  f.disk.hold_commits(true);
  std::thread writer([&f] { f.write(0, 10); });
  writer.join();
  f.disk.commit_all();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (f.disk.waiting_commits() == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  CHECK_FALSE(f.under_test->stop(std::chrono::milliseconds(50)));
  f.under_test.reset();
  f.disk.commit_all();
}

TEST_CASE("a bridge that is destroyed in the middle leaves nothing running", "[kafka][bridge]") {
  for (int i = 0; i < 20; ++i) {
    threads_fixture f;
    f.start();
    for (shard_t shard = 0; shard < 4; ++shard) f.write(shard, 20 * i);
    f.under_test.reset();
  }
}

}  // namespace
}  // namespace social::kafka::test
