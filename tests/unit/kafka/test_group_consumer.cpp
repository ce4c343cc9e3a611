// A member of a group against the mock cluster: order per partition through pauses and seeks.
#include <random>

#include "tests/unit/kafka/group_fixture.hpp"

using namespace social;
using namespace social::test;
using namespace social::test::group;

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
  // Where the group stands is known before anything is handed over.
  REQUIRE(eventually([&] { return one.consumer.starts().size() == 3; }));
  for (const auto& [where, start] : one.consumer.starts()) {
    CHECK(start.offset == 0);
    CHECK(start.time > 0);
  }
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
