// Reading whole topics without a group: where it begins, what it never misses, and when it says that it stands.
// Not to be had from a mock cluster, and tried against a real broker (tests/integration): partitions that are added
// later, gaps of compaction, markers of transactions.
#include <mutex>
#include <set>

#include "actors/kafka/log_reader.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/kafka_clients.hpp"

using namespace social;
using namespace social::test;
using kafka::log_reader;
using kafka::log_reader_options;
using from = kafka::log_reader_options::from;

namespace {

const std::string topic = "v1.test";

/// A reader whose handler keeps what it gets, and may refuse it.
class reading {
 public:
  reading(kafka::client_settings settings, log_reader_options options)
      : health(std::make_shared<kafka::client_health>()),
        reader(
            std::move(settings), std::move(options), [this](const auto& records) { return take(records); }, health) {}
  ~reading() { reader.stop(); }

  [[nodiscard]] std::vector<std::string> values() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    out.reserve(taken_.size());
    for (const auto& r : taken_) out.push_back(r.content.value.value_or("(null)"));
    return out;
  }
  [[nodiscard]] std::vector<kafka::received> records() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  [[nodiscard]] bool has(std::size_t count) {
    return eventually([&] { return values().size() >= count; });
  }
  [[nodiscard]] bool comes_to_stand() {
    return eventually([&] { return reader.stands(); });
  }
  void refuse(int times) { refusals_ = times; }
  [[nodiscard]] int calls() const { return calls_; }

  std::shared_ptr<kafka::client_health> health;

 private:
  result<void> take(const std::vector<kafka::received>& records) {
    ++calls_;
    if (refusals_ > 0) {
      --refusals_;
      return error(error_code::store_unavailable);
    }
    const std::lock_guard lock(mutex_);
    taken_.insert(taken_.end(), records.begin(), records.end());
    return {};
  }

  mutable std::mutex mutex_;
  std::vector<kafka::received> taken_;
  std::atomic<int> refusals_{0};
  std::atomic<int> calls_{0};

 public:
  log_reader reader;  ///< last: its thread uses the rest
};

log_reader_options options(from start) {
  log_reader_options out;
  out.name = "test";
  out.topics = {topic};
  out.start = start;
  out.retry_ms = 50;
  return out;
}

void put(mock_kafka& cluster, const std::string& value, std::int32_t partition = 0) {
  auto what = record_of(topic, "k", value);
  what.partition = partition;
  cluster.put(what);
}

std::vector<std::string> words(std::initializer_list<const char*> list) {
  return {list.begin(), list.end()};
}

}  // namespace

TEST_CASE("kafka log reader: from the end it reads what comes once it stands") {
  mock_kafka cluster;
  cluster.create_topic(topic, 3);
  for (int partition = 0; partition < 3; ++partition) put(cluster, "old", partition);
  reading reads(cluster.settings(), options(from::end));
  REQUIRE(reads.comes_to_stand());
  CHECK(reads.health->look().connected);
  put(cluster, "a", 2);
  put(cluster, "b", 0);
  put(cluster, "c", 2);
  REQUIRE(reads.has(3));
  const auto found = reads.values();
  CHECK(std::set(found.begin(), found.end()) == std::set<std::string>{"a", "b", "c"});
  CHECK(reads.reader.positions() ==
        std::map<kafka::topic_partition, std::int64_t>{{{topic, 0}, 2}, {{topic, 1}, 1}, {{topic, 2}, 3}});
}

TEST_CASE("kafka log reader: a record is handed over as it lies there") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  auto what = record_of(topic, "k", "v");
  what.partition = 0;
  what.headers = {{"a", "1"}, {"a", std::nullopt}, {"b", ""}};
  cluster.put(what);
  auto tombstone = what;
  tombstone.value.reset();
  tombstone.headers.clear();
  cluster.put(tombstone);
  reading reads(cluster.settings(), options(from::positions));
  REQUIRE(reads.has(2));
  CHECK(reads.records()[0].content == what);
  CHECK(reads.records()[0].offset == 0);
  CHECK(reads.records()[0].time > 1'000'000'000'000);
  CHECK(reads.records()[1].content == tombstone);
}

TEST_CASE("kafka log reader: from positions, or from the oldest where there is none") {
  mock_kafka cluster;
  cluster.create_topic(topic, 2);
  for (const auto* value : {"0", "1", "2", "3"}) put(cluster, value, 0);
  for (const auto* value : {"x", "y"}) put(cluster, value, 1);
  auto wanted = options(from::positions);
  wanted.position_of = [](const kafka::topic_partition& where) -> std::optional<std::int64_t> {
    if (where.partition == 0) return 2;
    return std::nullopt;
  };
  reading reads(cluster.settings(), wanted);
  REQUIRE(reads.has(4));
  const auto found = reads.values();
  CHECK(std::set(found.begin(), found.end()) == std::set<std::string>{"2", "3", "x", "y"});
}

TEST_CASE("kafka log reader: the newest of each partition") {
  mock_kafka cluster;
  cluster.create_topic(topic, 2);
  for (const auto* value : {"0", "1", "2", "3"}) put(cluster, value, 0);
  put(cluster, "x", 1);
  auto wanted = options(from::newest);
  wanted.newest_records = 2;
  reading reads(cluster.settings(), wanted);
  REQUIRE(reads.has(3));
  put(cluster, "4", 0);
  REQUIRE(reads.has(4));
  const auto found = reads.values();
  CHECK(std::set(found.begin(), found.end()) == std::set<std::string>{"2", "3", "4", "x"});
}

TEST_CASE("kafka log reader: records that are gone are said to be, and the oldest are read") {
  captured_log lines;
  mock_kafka cluster;
  cluster.create_topic(topic);
  for (int i = 0; i < 10; ++i) put(cluster, std::string(900'000, static_cast<char>('0' + i)));
  const auto kept = cluster.records(topic);
  REQUIRE(kept.front().offset > 0);
  auto wanted = options(from::positions);
  SECTION("a position before the oldest") {
    wanted.position_of = [](const auto&) { return std::optional<std::int64_t>(0); };
    reading reads(cluster.settings(), wanted);
    REQUIRE(reads.has(kept.size()));
    CHECK(reads.records().front().offset == kept.front().offset);
    CHECK(lines.count(log::level::error, "records were gone") == 1);
  }
  SECTION("a position behind the end") {
    wanted.position_of = [](const auto&) { return std::optional<std::int64_t>(1'000); };
    reading reads(cluster.settings(), wanted);
    REQUIRE(reads.has(kept.size()));
    CHECK(reads.records().front().offset == kept.front().offset);
    CHECK(lines.count(log::level::error, "its topic was made anew") == 1);
  }
  SECTION("none: that is no loss") {
    reading reads(cluster.settings(), wanted);
    REQUIRE(reads.has(kept.size()));
    CHECK(lines.count(log::level::error, "") == 0);
  }
}

TEST_CASE("kafka log reader: what could not be taken comes again, in order") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  for (const auto* value : {"0", "1", "2"}) put(cluster, value);
  auto wanted = options(from::positions);
  wanted.batch_records_max = 2;
  reading reads(cluster.settings(), wanted);
  REQUIRE(reads.has(3));
  reads.refuse(3);
  const auto before = reads.calls();
  put(cluster, "3");
  put(cluster, "4");
  REQUIRE(reads.has(5));
  CHECK(reads.values() == words({"0", "1", "2", "3", "4"}));
  CHECK(reads.calls() >= before + 4);
  CHECK(reads.reader.positions().at({topic, 0}) == 5);
}

TEST_CASE("kafka log reader: a position moves only over what was taken") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  put(cluster, "0");
  reading reads(cluster.settings(), options(from::positions));
  REQUIRE(reads.has(1));
  reads.refuse(1'000'000);
  const auto before = reads.calls();
  put(cluster, "1");
  REQUIRE(eventually([&] { return reads.calls() > before + 1; }));
  CHECK(reads.reader.positions().at({topic, 0}) == 1);
  reads.reader.stop();
  CHECK(reads.values() == words({"0"}));
}

TEST_CASE("kafka log reader: a topic that is not there yet is waited for") {
  mock_kafka cluster;
  cluster.hide_topic(topic);
  reading reads(cluster.settings(), options(from::end));
  CHECK_FALSE(eventually([&] { return reads.reader.stands(); }, std::chrono::milliseconds(500)));
  cluster.show_topic(topic);
  REQUIRE(reads.comes_to_stand());
  CHECK(reads.reader.positions().size() == 4);
  put(cluster, "a", 3);
  CHECK(reads.has(1));
}

TEST_CASE("kafka log reader: Kafka away at the start, and later") {
  mock_kafka cluster;
  cluster.create_topic(topic, 3);
  put(cluster, "old");
  cluster.down();
  reading reads(cluster.settings(), options(from::end));
  CHECK_FALSE(eventually([&] { return reads.reader.stands(); }, std::chrono::milliseconds(500)));
  cluster.up();
  REQUIRE(reads.comes_to_stand());
  put(cluster, "1");
  REQUIRE(reads.has(1));

  cluster.down();
  REQUIRE(eventually([&] { return !reads.reader.stands(); }));
  CHECK_FALSE(reads.health->look().connected);
  cluster.up();
  // By somebody who is quicker than the reader: it goes on where it was, not at the new end.
  put(cluster, "2");
  REQUIRE(reads.comes_to_stand());
  CHECK(reads.health->look().connected);
  put(cluster, "3");
  REQUIRE(reads.has(3));
  CHECK(reads.values() == words({"1", "2", "3"}));
}

TEST_CASE("kafka log reader: errors of a partition are got over without a loss") {
  mock_kafka cluster(3);
  cluster.create_topic(topic);
  reading reads(cluster.settings(), options(from::end));
  REQUIRE(reads.comes_to_stand());
  put(cluster, "0");
  REQUIRE(reads.has(1));
  SECTION("its offset is out of range, says the broker") {
    cluster.refuse(mock_kafka::api::fetch, {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE});
  }
  SECTION("it may not be read for a while") {
    cluster.refuse(mock_kafka::api::fetch,
                   {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
    CHECK(eventually([&] { return !reads.reader.stands(); }));
  }
  SECTION("connections break") {
    cluster.refuse(mock_kafka::api::fetch, {RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TRANSPORT});
  }
  SECTION("its leader moves") {
    cluster.set_leader(topic, 0, 2);
  }
  SECTION("the broker has trouble") {
    cluster.refuse(mock_kafka::api::fetch, {RD_KAFKA_RESP_ERR_UNKNOWN, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR});
  }
  for (const auto* value : {"1", "2", "3"}) put(cluster, value);
  REQUIRE(reads.has(4));
  CHECK(reads.values() == words({"0", "1", "2", "3"}));
  CHECK(reads.comes_to_stand());
}

TEST_CASE("kafka log reader: catching up") {
  mock_kafka cluster;
  cluster.create_topic(topic, 3);
  std::atomic<int> done{0};
  std::atomic<int> ended{0};
  std::size_t taken_then = 0;
  const auto count = [&](const result<void>& outcome) { ++(outcome ? done : ended); };

  SECTION("with topics that are empty") {
    reading reads(cluster.settings(), options(from::positions));
    reads.reader.catch_up(count);
    CHECK(eventually([&] { return done == 1; }));
  }
  SECTION("with what lay there at the call") {
    for (int i = 0; i < 300; ++i) put(cluster, std::to_string(i), i % 3);
    auto wanted = options(from::positions);
    wanted.batch_records_max = 7;
    reading reads(cluster.settings(), wanted);
    reads.reader.catch_up([&](const result<void>& outcome) {
      taken_then = reads.values().size();
      count(outcome);
    });
    REQUIRE(eventually([&] { return done == 1; }));
    CHECK(taken_then == 300);
    put(cluster, "more", 1);
    reads.reader.catch_up([&](const result<void>& outcome) {
      taken_then = reads.values().size();
      count(outcome);
    });
    REQUIRE(eventually([&] { return done == 2; }));
    CHECK(taken_then == 301);
  }
  SECTION("while records cannot be taken it waits") {
    put(cluster, "0");
    reading reads(cluster.settings(), options(from::positions));
    reads.refuse(1'000'000);
    reads.reader.catch_up(count);
    REQUIRE(eventually([&] { return reads.calls() > 3; }));
    CHECK(done == 0);
    reads.refuse(0);
    CHECK(eventually([&] { return done == 1; }));
  }
  SECTION("while Kafka is away it waits; the stop ends it") {
    cluster.down();
    {
      reading reads(cluster.settings(), options(from::positions));
      reads.reader.catch_up(count);
      CHECK_FALSE(eventually([&] { return done + ended > 0; }, std::chrono::milliseconds(300)));
      reads.reader.stop();
      CHECK(ended == 1);
      reads.reader.catch_up(count);
      CHECK(ended == 2);
    }
    CHECK(done == 0);
  }
}

TEST_CASE("kafka log reader: its lag") {
  mock_kafka cluster;
  cluster.create_topic(topic);
  auto wanted = options(from::positions);
  reading reads(cluster.settings(), wanted);
  REQUIRE(reads.comes_to_stand());
  CHECK(reads.reader.lag() == 0);
  put(cluster, "0");
  REQUIRE(reads.has(1));
  CHECK(eventually([&] { return reads.reader.lag() == 0; }));
  for (int i = 0; i < 5; ++i) put(cluster, "x");
  REQUIRE(reads.has(6));
  reads.refuse(1'000'000);
  const auto before = reads.calls();
  put(cluster, "y");
  REQUIRE(eventually([&] { return reads.calls() > before; }));
  reads.refuse(0);
  REQUIRE(reads.has(7));
  CHECK(eventually([&] { return reads.reader.lag() == 0; }));
}

TEST_CASE("kafka log reader: it ends soon, wherever its brokers are") {
  const auto ends_soon = [](kafka::client_settings settings) {
    auto reads = std::make_unique<reading>(std::move(settings), options(from::end));
    eventually([&] { return reads->health->look().errors > 0 || reads->reader.stands(); }, std::chrono::seconds(2));
    const auto begin = std::chrono::steady_clock::now();
    reads.reset();
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(2'500));
  };
  mock_kafka cluster;
  cluster.create_topic(topic);
  SECTION("nothing listens there") {
    ends_soon({.brokers = "127.0.0.1:1", .client_id = "test", .options = {}});
  }
  SECTION("nobody answers there") {
    ends_soon({.brokers = "192.0.2.1:9092", .client_id = "test", .options = {}});
  }
  SECTION("the broker is there") {
    ends_soon(cluster.settings());
  }
  SECTION("the broker is slow") {
    cluster.slow(10'000);
    ends_soon(cluster.settings());
  }
}
