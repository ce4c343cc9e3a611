// Random stories: acknowledgements in any order between keys, lost ones, dead producers, stores that fail, kills and
// stops. Whatever happens, every event lies in Kafka at last, and each key's events in order.
#include <algorithm>
#include <map>

#include "tests/unit/kafka/bridge_fixture.hpp"

namespace social::kafka::test {
namespace {

constexpr std::uint64_t stories = 300;
constexpr shard_t shards = 3;

class story {
 public:
  explicit story(std::uint64_t seed) : random_(seed), f_(shards) {
    f_.kafka.acknowledges = false;
    f_.options.window_records_max = 1 + random_() % 20;
    f_.options.read_records_max = 1 + random_() % 8;
    f_.options.reports_at_once = 1 + random_() % 5;
    if (one_in(2)) f_.options.reports_wait_above = random_() % 5;
    f_.options.retry_ms = 100;
    f_.options.retry_max_ms = 400;
    f_.kafka.queue_max = 1 + random_() % 30;
    f_.start();
  }

  void tell() {
    for (int i = 0; i < 150; ++i) {
      act();
      f_.node.run(&random_);
      check_cursors();
    }
    heal();
    check_the_end();
  }
  [[nodiscard]] std::size_t restarts() const { return static_cast<std::size_t>(f_.kafka.lives); }

 private:
  bool one_in(std::uint64_t n) { return random_() % n == 0; }

  void act() {
    switch (random_() % 12) {
      case 0:
      case 1:
      case 2:
        return happen();
      case 3:
      case 4:
      case 5:
      case 6:
        return append(1 + random_() % 10);
      case 7:
        return f_.pass(static_cast<std::int64_t>(random_() % 700));
      case 8:
        if (one_in(3)) fail();
        return;
      case 9:
        return f_.disk->hold_commits(one_in(2));
      case 10:
        return trouble_with_the_store();
      default:
        if (one_in(4)) start_again();
        return;
    }
  }

  void happen() {
    for (auto n = 1 + random_() % 4; n > 0; --n) {
      std::vector<event_type> events;
      for (auto m = 1 + random_() % 3; m > 0; --m) events.push_back(one_in(4) ? silent : one_in(5) ? twice : plain);
      f_.happen(static_cast<shard_t>(random_() % shards), events);
    }
  }
  /// The broker takes up to that many records, each partition's (here: each shard's) in order, and acknowledges them.
  /// In a life that has failed it takes nothing any more, whether the bridge has heard of that or not.
  void append(std::uint64_t count) {
    for (; count > 0; --count) {
      auto* next = next_of(static_cast<shard_t>(random_() % shards));
      if (next == nullptr) continue;
      lies(*next);
      acknowledged_.insert(next->id + next->topic);
      f_.kafka.report(*next, placed{0, 0});
    }
  }
  paper_kafka::sent_record* next_of(shard_t shard) {
    const auto prefix = std::to_string(shard) + "-";
    for (auto& record : f_.kafka.sent)
      if (record.life == f_.kafka.lives && record.life != failed_life_ && f_.kafka.alive > 0 && !record.reported &&
          record.id.starts_with(prefix))
        return &record;
    return nullptr;
  }
  void lies(const paper_kafka::sent_record& record) { log_.push_back(record); }

  void fail() {
    if (one_in(4)) {
      failed_life_ = f_.kafka.lives;
      return f_.kafka.die(error{error_code::unavailable, "fenced"});
    }
    auto* next = next_of(static_cast<shard_t>(random_() % shards));
    if (next == nullptr) return;
    failed_life_ = next->life;
    if (one_in(2)) lies(*next);  // it was written, and the acknowledgement got lost
    f_.kafka.report(*next, error{error_code::outcome_unknown, "timed out"});
  }
  void trouble_with_the_store() {
    const bool trouble = one_in(3);
    f_.disk->fail_reads(trouble ? std::optional(error{error_code::store_unavailable}) : std::nullopt);
    if (trouble) f_.disk->fail_commits(1, error{error_code::outcome_unknown}, one_in(2));
  }
  void start_again() {
    f_.disk->fail_reads({});
    f_.disk->fail_commits(0, {});
    f_.disk->hold_commits(false);
    if (one_in(2)) {
      f_.disk->commit_all();
      f_.stop();
    }
    f_.kill();
    f_.start(!one_in(5));
    f_.under_test->open();
  }
  void heal() {
    f_.disk->hold_commits(false);
    f_.disk->commit_all();
    f_.disk->fail_reads({});
    f_.disk->fail_commits(0, {});
    for (int i = 0; i < 2'000 && (f_.status().depth > 0 || f_.kafka.waiting() > 0); ++i) {
      append(100);
      f_.pass(500);
    }
    f_.pass(1'000);
  }

  /// Everything up to a cursor, on disk or in memory, has been acknowledged.
  void check_cursors() {
    const auto status = f_.status();
    f_.disk->look([&](const memory_store::image& disk) {
      for (shard_t shard = 0; shard < shards; ++shard) {
        const auto row = disk.rows.find(encode_memory_key(ports::cursor_key("kafka", shard)));
        const auto on_disk =
            row == disk.rows.end() ? 0 : decode_record<ports::cursor_row>(row->second.bytes).value().sequence;
        REQUIRE(on_disk <= status.cursors.at(shard));
        for (const auto& expected : records_of(disk, shard))
          if (expected.sequence <= status.cursors.at(shard))
            REQUIRE(acknowledged_.contains(*expected.what.value + expected.what.topic));
      }
    });
    REQUIRE(status.window <= f_.options.window_records_max);
  }
  static publications records_of(const memory_store::image& disk, shard_t shard) {
    publications out;
    if (const auto records = disk.records.find(shard); records != disk.records.end())
      for (const auto& record : records->second) REQUIRE(project(record, out));
    return out;
  }

  void check_the_end() {
    REQUIRE(f_.status().depth == 0);
    std::map<shard_t, std::vector<std::string>> first_seen;
    std::set<std::string> seen;
    std::map<shard_t, std::uint64_t> newest;
    for (const auto& record : log_) {
      const auto shard = static_cast<shard_t>(std::stoul(record.id));
      if (seen.insert(record.id + record.topic).second) first_seen[shard].push_back(record.id + record.topic);
    }
    f_.disk->look([&](const memory_store::image& disk) {
      for (shard_t shard = 0; shard < shards; ++shard) {
        std::vector<std::string> expected;
        for (const auto& record : records_of(disk, shard)) expected.push_back(*record.what.value + record.what.topic);
        REQUIRE(first_seen[shard] == expected);
      }
    });
  }

  std::mt19937_64 random_;
  bridge_fixture f_;
  std::vector<paper_kafka::sent_record> log_;  ///< what lies in Kafka, in order
  std::set<std::string> acknowledged_;
  int failed_life_ = 0;
};

TEST_CASE("random stories of the outbox lose nothing and keep the order", "[kafka][bridge]") {
  const auto [first, end] = seeds(stories);
  std::size_t lives = 0;
  for (auto seed = first; seed < end; ++seed) {
    INFO("again with SOCIAL_TEST_SEED=" << seed);
    story told(seed);
    told.tell();
    lives += told.restarts();
  }
  if (end - first >= stories) CHECK(lives > stories * 3);  // the stories are about something
}

}  // namespace
}  // namespace social::kafka::test
