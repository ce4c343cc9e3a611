// A member of a group against the mock cluster: order per partition through pauses and seeks, nothing lost or done
// twice through rebalances, and an end that does not hang.
#include <mutex>
#include <random>
#include <set>

#include "actors/kafka/group_consumer.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/kafka_clients.hpp"

using namespace social;
using namespace social::test;
using kafka::group_consumer;
using kafka::group_control;
using kafka::topic_partition;

namespace {

const std::string topic = "v1.event.test";

kafka::group_options options(std::int64_t poll_ms = 20) {
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

void put(mock_kafka& cluster, int count, int partitions) {
  for (int i = 0; i < count; ++i) {
    auto what = record_of(topic, "k", std::to_string(i));
    what.partition = i % partitions;
    cluster.put(what);
  }
}

std::map<topic_partition, std::vector<std::int64_t>> offsets_of(const std::vector<kafka::received>& records) {
  std::map<topic_partition, std::vector<std::int64_t>> out;
  for (const auto& r : records) out[r.place()].push_back(r.offset);
  return out;
}

std::vector<std::int64_t> up_to(std::int64_t count) {
  std::vector<std::int64_t> out;
  out.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) out.push_back(i);
  return out;
}

std::int64_t milliseconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

TEST_CASE("kafka group: partitions start paused, and are read from the earliest record in order") {
  mock_kafka cluster;
  cluster.create_topic(topic, 3);
  put(cluster, 30, 3);
  process one(cluster);
  one.handler.resume_at_once = false;
  one.start();
  REQUIRE(one.has_partitions(3));
  const auto turns = one.handler.turns();
  REQUIRE(eventually([&] { return one.handler.turns() > turns + 30; }));
  CHECK(one.handler.count() == 0);
  CHECK(eventually([&] {
    return one.consumer.ends() ==
           std::map<topic_partition, std::int64_t>{{{topic, 0}, 10}, {{topic, 1}, 10}, {{topic, 2}, 10}};
  }));
  one.handler.run([](group_control& control) { control.resume({{topic, 0}, {topic, 1}, {topic, 2}}); });
  REQUIRE(one.has(30));
  for (const auto& [where, offsets] : offsets_of(one.handler.got())) CHECK(offsets == up_to(10));
  CHECK(one.health->look().connected);
  CHECK(one.consumer.metrics().records == 30);
  CHECK(one.consumer.metrics().rebalances == 1);
}

TEST_CASE("kafka group: what was committed is not read again by the next member") {
  mock_kafka cluster;
  cluster.create_topic(topic, 3);
  put(cluster, 30, 3);
  {
    process first(cluster);
    first.start();
    REQUIRE(first.has(30));
    first.consumer.stop();
    CHECK(first.handler.losses() == std::vector{false});
    CHECK(first.handler.last_commit());
    CHECK(first.consumer.metrics().commits == 1);
    CHECK(first.consumer.metrics().assignment.empty());
  }
  put(cluster, 3, 3);
  process second(cluster);
  second.start();
  REQUIRE(second.has(3));
  for (const auto& [where, offsets] : offsets_of(second.handler.got())) CHECK(offsets == std::vector<std::int64_t>{10});
}

TEST_CASE("kafka group: a commit without a wait is counted when it is answered, one that is refused is said to be") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  put(cluster, 5, 1);
  process one(cluster);
  one.start();
  REQUIRE(one.has(5));
  one.handler.run([](group_control& control) { static_cast<void>(control.commit({{{topic, 0}, 5}}, false)); });
  CHECK(eventually([&] { return one.consumer.metrics().commits == 1; }));

  cluster.refuse(mock_kafka::api::offset_commit, {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED});
  std::atomic<bool> done{false};
  result<void> outcome;
  one.handler.run([&](group_control& control) {
    outcome = control.commit({{{topic, 0}, 5}}, true);
    done = true;
  });
  REQUIRE(eventually([&] { return done.load(); }));
  REQUIRE(!outcome);
  CHECK(outcome.error().code == error_code::unavailable);
  CHECK(one.consumer.metrics().commit_failures == 1);
}

TEST_CASE("kafka group: a seek decides the next record") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  put(cluster, 20, 1);
  process one(cluster);
  SECTION("back, while records flow") {
    one.start();
    REQUIRE(one.has(20));
    one.handler.run([](group_control& control) { control.seek({topic, 0}, 5); });
    REQUIRE(one.has(35));
    auto expected = up_to(20);
    for (std::int64_t offset = 5; offset < 20; ++offset) expected.push_back(offset);
    CHECK(offsets_of(one.handler.got())[{topic, 0}] == expected);
  }
  SECTION("in the middle of a batch, as after a record that could not be taken") {
    std::atomic<bool> once{false};
    one.handler.on_records = [&](group_control& control, const auto& got) {
      if (got.size() >= 3 && !once.exchange(true)) control.seek({topic, 0}, 3);
    };
    one.start();
    REQUIRE(eventually([&] {
      const auto got = one.handler.got();
      return !got.empty() && once && got.back().offset == 19;
    }));
    auto offsets = offsets_of(one.handler.got())[{topic, 0}];
    // Whatever the first batch was: what follows the seek is 3, 4, ... 19.
    REQUIRE(offsets.size() >= 17);
    const std::vector<std::int64_t> last(offsets.end() - 17, offsets.end());
    CHECK(last.front() == 3);
    CHECK(std::is_sorted(last.begin(), last.end()));
  }
  SECTION("before the first record") {
    one.handler.resume_at_once = false;
    one.start();
    REQUIRE(one.has_partitions(1));
    one.handler.run([](group_control& control) {
      control.seek({topic, 0}, 15);
      control.resume({{topic, 0}});
    });
    REQUIRE(one.has(5));
    CHECK(offsets_of(one.handler.got())[{topic, 0}] == std::vector<std::int64_t>{15, 16, 17, 18, 19});
  }
  SECTION("and a pause right after it does not undo it") {
    one.start();
    REQUIRE(one.has(20));
    one.handler.run([](group_control& control) {
      control.seek({topic, 0}, 18);
      control.pause({{topic, 0}});
    });
    const auto turns = one.handler.turns();
    REQUIRE(eventually([&] { return one.handler.turns() > turns + 10; }));
    CHECK(one.handler.count() == 20);
    one.handler.run([](group_control& control) { control.resume({{topic, 0}}); });
    REQUIRE(one.has(22));
    CHECK(one.handler.got().back().offset == 19);
    CHECK(one.handler.got()[20].offset == 18);
  }
}

namespace {

/// Pauses, resumes and seeks at random, and knows which record has to come next.
class restless {
 public:
  restless(recorder& handler, std::int32_t partitions) : handler_(handler), partitions_(partitions) {
    handler_.on_records = [this](group_control& control, const auto& got) { on_records(control, got); };
    handler_.run([this](group_control& control) { on_turn(control); });
  }

  std::atomic<bool> calm{false};
  std::atomic<int> moves{0};
  std::atomic<int> wrong{0};
  std::atomic<int> while_paused{0};

 private:
  void on_records(group_control& control, const std::vector<kafka::received>& got) {
    for (; seen_ < got.size(); ++seen_) {
      const auto partition = got[seen_].content.partition;
      if (got[seen_].offset != expected_[partition]++) ++wrong;
      if (paused_[partition]) ++while_paused;
    }
    for (std::int32_t partition = 0; partition < partitions_ && !calm; ++partition) {
      if (random_() % 3 == 0) {
        control.pause({{topic, partition}});
        paused_[partition] = true;
      }
      if (random_() % 5 == 0) {
        expected_[partition] =
            static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(expected_[partition] + 1));
        control.seek({topic, partition}, expected_[partition]);
      }
      ++moves;
    }
  }
  void on_turn(group_control& control) {
    for (std::int32_t partition = 0; partition < partitions_; ++partition) {
      if (!paused_[partition] || (!calm && random_() % 3 != 0)) continue;
      control.resume({{topic, partition}});
      paused_[partition] = false;
    }
    handler_.run([this](group_control& next) { on_turn(next); });
  }

  recorder& handler_;
  const std::int32_t partitions_;
  std::mt19937_64 random_{7};
  std::map<std::int32_t, bool> paused_;
  std::map<std::int32_t, std::int64_t> expected_;
  std::size_t seen_ = 0;
};

}  // namespace

TEST_CASE("kafka group: pauses and seeks at any moment keep each partition in order and without a gap") {
  mock_kafka cluster(3);
  cluster.create_topic(topic, 4);
  auto with = options(1);
  with.batch_records_max = 16;
  process one(cluster, with);
  restless moves(one.handler, 4);
  one.start();
  put(cluster, 2'000, 4);
  CHECK(eventually([&] { return moves.moves > 1'000; }, std::chrono::seconds(60)));
  moves.calm = true;
  std::map<topic_partition, std::int64_t> ends;
  for (std::int32_t partition = 0; partition < 4; ++partition) ends[{topic, partition}] = 500;
  CHECK(eventually([&] { return one.handler.next() == ends; }, std::chrono::seconds(60)));
  one.consumer.stop();
  CHECK(moves.wrong == 0);
  CHECK(moves.while_paused == 0);
}

TEST_CASE("kafka group: wake ends a poll") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  process one(cluster, options(20'000));
  one.start();
  REQUIRE(one.has_partitions(1));
  for (int i = 0; i < 5; ++i) {
    const auto turns = one.handler.turns();
    one.consumer.wake();
    CHECK(eventually([&] { return one.handler.turns() > turns; }, std::chrono::seconds(2)));
  }
  CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 2'000);
  one.consumer.wake();  // nobody is there any more
}

// A broker takes commits while a group prepares a rebalance; the mock cluster refuses them (REBALANCE_IN_PROGRESS), and
// then some records are read twice. With a real broker, in tests/integration, the count is exact.
TEST_CASE("kafka group: members come and go under load; no record is lost, and none is read twice without a reason") {
  mock_kafka cluster(3);
  cluster.create_topic(topic, 6);
  test_producer sends(cluster.settings("writer"), {.name = "writer", .linger_ms = 1});
  std::uint64_t token = 0;
  const auto send = [&](int count) {
    for (int i = 0; i < count; ++i, ++token) sends.push(record_of(topic, std::to_string(token), "x"), token);
    REQUIRE(sends.reported(token));
  };
  process first(cluster);
  process second(cluster);
  first.start();
  send(500);
  REQUIRE(first.has_partitions(6));
  second.start();
  // Under load, until both have theirs.
  REQUIRE(eventually(
      [&] {
        send(100);
        return first.consumer.metrics().assignment.size() == 3 && second.consumer.metrics().assignment.size() == 3;
      },
      std::chrono::seconds(60)));
  send(500);
  first.consumer.stop();
  send(500);
  REQUIRE(second.has_partitions(6));
  std::map<topic_partition, std::set<std::int64_t>> distinct;
  const auto complete = [&] {
    auto all = first.handler.got();
    for (auto& r : second.handler.got()) all.push_back(std::move(r));
    for (const auto& r : all) distinct[r.place()].insert(r.offset);
    std::size_t sum = 0;
    for (const auto& [where, offsets] : distinct) sum += offsets.size();
    return sum == token;
  };
  CHECK(eventually(complete, std::chrono::seconds(30)));
  second.consumer.stop();

  for (const auto& [where, offsets] : distinct)
    CHECK(*offsets.rbegin() + 1 == static_cast<std::int64_t>(offsets.size()));
  const bool twice = first.handler.count() + second.handler.count() > token;
  CHECK((!twice || first.handler.refused_commits() + second.handler.refused_commits() > 0));
  CHECK(first.handler.strangers() + second.handler.strangers() == 0);
  for (const auto* member : {&first, &second})
    for (const bool lost : member->handler.losses()) CHECK_FALSE(lost);
  CHECK(first.consumer.metrics().rebalances >= 2);
}

TEST_CASE("kafka group: partitions that are lost are said to be, and come again from what was committed") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  put(cluster, 10, 1);
  process one(cluster);
  one.start();
  REQUIRE(one.has(10));
  std::atomic<bool> committed{false};
  one.handler.run([&](group_control& control) { committed = control.commit({{{topic, 0}, 4}}, true).has_value(); });
  REQUIRE(eventually([&] { return committed.load(); }));
  cluster.refuse(mock_kafka::api::heartbeat, {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID});
  REQUIRE(one.has(16));
  CHECK(one.handler.losses() == std::vector{true});
  CHECK(one.handler.assignments().size() == 2);
  auto expected = up_to(10);
  for (std::int64_t offset = 4; offset < 10; ++offset) expected.push_back(offset);
  CHECK(offsets_of(one.handler.got())[{topic, 0}] == expected);
}

TEST_CASE("kafka group: a partition that librdkafka has given up comes back by a new assignment") {
  mock_kafka cluster;
  cluster.create_topic(topic, 2);
  put(cluster, 10, 2);
  auto with = options();
  with.start_patience_ms = 500;
  process one(cluster, with);
  cluster.refuse(mock_kafka::api::offset_fetch, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  one.start();
  REQUIRE(one.has(10));
  CHECK(one.handler.assignments().size() == 2);
  for (const auto& [where, offsets] : offsets_of(one.handler.got())) CHECK(offsets == up_to(5));
}

TEST_CASE("kafka group: Kafka away for a while") {
  mock_kafka cluster;
  cluster.create_topic(topic, 2);
  put(cluster, 10, 2);
  process one(cluster);
  SECTION("from the start") {
    cluster.down();
    one.start();
    CHECK_FALSE(eventually([&] { return one.handler.count() > 0; }, std::chrono::milliseconds(500)));
    CHECK_FALSE(one.health->look().connected);
    cluster.up();
    REQUIRE(one.has(10));
    CHECK(one.health->look().connected);
  }
  SECTION("later, and nothing is read twice") {
    one.start();
    REQUIRE(one.has(10));
    cluster.down();
    REQUIRE(eventually([&] { return !one.health->look().connected; }));
    cluster.up();
    CHECK(eventually([&] { return one.health->look().connected; }));
    put(cluster, 10, 2);
    REQUIRE(one.has(20));
    for (const auto& [where, offsets] : offsets_of(one.handler.got())) CHECK(offsets == up_to(10));
  }
}

TEST_CASE("kafka group: it ends in time, whatever its brokers do") {
  mock_kafka cluster;
  cluster.create_topic(topic, 2);
  put(cluster, 10, 2);
  process one(cluster);
  SECTION("before it was started") {
    CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 500);
  }
  SECTION("with them") {
    one.start();
    REQUIRE(one.has(10));
    CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 2'000);
    CHECK(one.handler.losses() == std::vector{false});
  }
  SECTION("they are gone") {
    one.start();
    REQUIRE(one.has(10));
    cluster.down();
    REQUIRE(eventually([&] { return !one.health->look().connected; }));
    CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 6'000);
    CHECK(one.handler.losses().size() == 1);
    CHECK(!one.handler.last_commit());
  }
  SECTION("they were never there") {
    cluster.down();
    one.start();
    CHECK_FALSE(eventually([&] { return one.handler.count() > 0; }, std::chrono::milliseconds(300)));
    CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 6'000);
    CHECK(one.handler.losses().empty());
  }
  SECTION("they do not answer any more") {
    one.start();
    REQUIRE(one.has(10));
    cluster.slow(60'000);
    CHECK(milliseconds_of([&] { one.consumer.stop(); }) < 15'000);
    CHECK(one.handler.losses().size() == 1);
  }
}

TEST_CASE("kafka group: bad settings are refused at the start") {
  mock_kafka cluster;
  recorder handler;
  auto settings = cluster.settings();
  settings.options.emplace_back("no.such.option", "1");
  group_consumer consumer(settings, options(), handler, std::make_shared<kafka::client_health>());
  const auto started = consumer.start();
  REQUIRE(!started);
  CHECK(started.error().code == error_code::invalid_input);
}
