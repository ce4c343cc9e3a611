// Commits: sequences, order, visibility, merging, limits, closing.
#include <algorithm>
#include <set>

#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {

TEST_CASE("a commit is readable when its answer comes", "[storage]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path()));
  auto what = request(1, 2, 5, "five");
  what.rows.push_back({{domain::table::email, 0, 0, "a@b.c"}, "mail"});
  REQUIRE(commit(*store, what).value() == 1);
  CHECK(row_of(*store, state_key(5)) == "five");
  CHECK(row_of(*store, {domain::table::email, 0, 0, "a@b.c"}) == "mail");
  CHECK(store->ports().log->head(1) == 2);
  CHECK(store->ports().log->oldest(1) == 1);
  CHECK(store->ports().log->head(0) == 0);

  ports::commit_request removal;
  removal.rows.push_back({state_key(5), std::nullopt});
  REQUIRE(commit(*store, removal).value() == 0);
  CHECK(row_of(*store, state_key(5)) == std::nullopt);

  const auto records = store->ports().log->read(1, 0, 10, 1 << 20).value();
  REQUIRE(records.size() == 1);
  CHECK(records[0].first_sequence == 1);
  CHECK(records[0].time == 1'700'000'000'000);
  CHECK(records[0].trace == "00-trace");
  REQUIRE(records[0].events.size() == 2);
  CHECK(records[0].events[1].bytes == "\1five/1");
  CHECK(records[0].events[1].type == 11);
}

TEST_CASE("sequences have no holes over concurrent submitters", "[storage]") {
  const scratch_directory directory;
  constexpr std::size_t threads = 8;
  constexpr std::size_t each = 200;
  constexpr shard_t shards = 4;
  auto options = options_in(directory.path(), shards);
  const auto check = [&](rocks_store& store) {
    std::uint64_t total = 0;
    for (shard_t shard = 0; shard < shards; ++shard) {
      std::uint64_t expected = 1;
      std::map<std::string, int> last_of_thread;
      for (std::uint64_t after = 0;;) {
        const auto records = store.ports().log->read(shard, after, 17, 1 << 20).value();
        if (records.empty()) break;
        for (const auto& record : records) {
          REQUIRE(record.first_sequence == expected);
          expected += record.events.size();
          // Requests of one thread are in the order of their submission.
          const auto& bytes = record.events[0].bytes;
          const auto colon = bytes.find(':');
          const int number = std::stoi(bytes.substr(colon + 1));
          auto& last = last_of_thread.try_emplace(bytes.substr(0, colon), -1).first->second;
          REQUIRE(number > last);
          last = number;
        }
        after = expected - 1;
      }
      CHECK(store.ports().log->head(shard) == expected - 1);
      total += expected - 1;
    }
    return total;
  };
  std::uint64_t sent = 0;
  {
    const auto store = open_or_fail(options);
    std::atomic<std::uint64_t> events{0};
    std::vector<std::thread> submitters;
    submitters.reserve(threads);
    for (std::size_t t = 0; t < threads; ++t)
      submitters.emplace_back([&, t] {
        std::vector<answer> answers;
        for (std::size_t i = 0; i < each; ++i) {
          const auto count = 1 + (i + t) % 3;
          events += count;
          while (!store->ports().log->reserve()) std::this_thread::yield();
          answers.emplace_back();
          store->ports().log->submit(request(static_cast<shard_t>(i % shards), count, t * 1000 + i,
                                             std::to_string(t) + ":" + std::to_string(i)),
                                     answers.back().callback());
        }
        for (auto& one : answers)
          if (!one.wait()) std::abort();
      });
    for (auto& one : submitters) one.join();
    sent = events;
    CHECK(check(*store) == sent);
    CHECK(store->statistics().requests == threads * each);
    CHECK(store->statistics().syncs < threads * each);
  }
  const auto again = open_or_fail(options);
  CHECK(check(*again) == sent);
  const auto next = again->ports().log->head(0) + 1;
  CHECK(commit(*again, request(0, 1, 1, "next")).value() == next);
}

TEST_CASE("a subscriber reads from the middle of a record and within its limits", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path());
  options.journal_tail_bytes = GENERATE(std::size_t{0}, std::size_t{1} << 20);  // from the database, from memory
  const auto store = open_or_fail(options);
  for (int i = 0; i < 5; ++i) REQUIRE(commit(*store, request(2, 3, 1, "v" + std::to_string(i))));
  auto* log = store->ports().log;
  const auto middle = log->read(2, 4, 100, 1 << 20).value();  // event 4 is the first of the second record
  REQUIRE(middle.size() == 4);
  CHECK(middle[0].first_sequence == 4);
  CHECK(log->read(2, 6, 100, 1 << 20).value().front().first_sequence == 7);
  CHECK(log->read(2, 0, 2, 1 << 20).value().size() == 2);
  CHECK(log->read(2, 0, 100, 1).value().size() == 1);
  CHECK(log->read(2, 0, 0, 1 << 20).value().empty());
  CHECK(log->read(2, 15, 100, 1 << 20).value().empty());
  CHECK(log->read(2, 99, 100, 1 << 20).value().empty());
  CHECK(log->read(3, 0, 100, 1 << 20).value().empty());
}

TEST_CASE("a reader reads over the records that it has", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path());
  options.journal_tail_bytes = GENERATE(std::size_t{0}, std::size_t{1} << 20);  // from the database, from memory
  const auto store = open_or_fail(options);
  REQUIRE(commit(*store, request(2, 3, 3, std::string(500, 'l'))));
  REQUIRE(commit(*store, request(2, 3, 1, "s")));
  const auto* log = store->ports().log;
  std::vector<ports::journal_record> records;
  REQUIRE(log->read_over(2, 0, 100, 1 << 20, records).value() == 2);
  const auto both = log->read(2, 0, 100, 1 << 20).value();
  REQUIRE(both.size() == 2);
  // The short one where the long one was; what was behind it stays, and does not count.
  REQUIRE(log->read_over(2, both[0].events.size(), 100, 1 << 20, records).value() == 1);
  REQUIRE(records.size() == 2);
  CHECK(records[0].first_sequence == both[1].first_sequence);
  REQUIRE(records[0].events.size() == both[1].events.size());
  CHECK(records[0].events[0].bytes == both[1].events[0].bytes);
  CHECK(log->read_over(2, 99, 100, 1 << 20, records).value() == 0);
  CHECK(records.size() == 2);
}

TEST_CASE("the queue is bounded and says so", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path());
  options.commit_queue_max = 2;
  const auto store = open_or_fail(options);
  auto* log = store->ports().log;
  REQUIRE(log->reserve());
  REQUIRE(log->reserve());
  CHECK_FALSE(log->reserve());
  CHECK(log->refusal().code == error_code::overloaded);
  CHECK(store->statistics().overloaded == 1);
  log->release();
  CHECK(log->reserve());
  log->release();
  answer answered;
  log->submit(request(0, 1, 1, "x"), answered.callback());
  CHECK(answered.wait().value() == 1);
  CHECK(eventually([&] { return store->queue_depth() == 0; }));
}

TEST_CASE("large requests are split over batches", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path());
  options.batch_bytes_max = 1000;
  options.batch_requests_max = 4;
  const auto store = open_or_fail(options);
  std::vector<answer> answers;
  answers.reserve(20);
  for (int i = 0; i < 20; ++i)
    answers.push_back(submit(*store, request(0, 1, static_cast<std::uint64_t>(i), std::string(600, 'x'))));
  std::uint64_t expected = 1;
  for (auto& one : answers) CHECK(one.wait().value() == expected++);
  CHECK(store->statistics().batches == 20);
}

TEST_CASE("watchers hear of moved heads until they stop watching", "[storage]") {
  const scratch_directory directory;
  const auto store = open_or_fail(options_in(directory.path()));
  auto* log = store->ports().log;
  std::atomic<int> heard{0};
  const auto watcher = log->watch([&] { ++heard; });
  REQUIRE(commit(*store, request(0, 1, 1, "x")));
  CHECK(eventually([&] { return heard == 1; }));
  REQUIRE(commit(*store, request(0, 0, 1, "rows only")));
  REQUIRE(commit(*store, request(0, 1, 1, "x")));
  CHECK(eventually([&] { return heard == 2; }));
  log->unwatch(watcher);
  REQUIRE(commit(*store, request(0, 1, 1, "x")));
  REQUIRE(commit(*store, request(0, 1, 1, "x")));
  CHECK(heard == 2);

  std::atomic<std::uint64_t> self{0};
  std::atomic<int> once{0};
  self = log->watch([&] {
    log->unwatch(self);  // from inside the callback
    ++once;
  });
  REQUIRE(commit(*store, request(0, 1, 1, "x")));
  REQUIRE(commit(*store, request(0, 1, 1, "x")));
  CHECK(eventually([&] { return once == 1; }));
}

TEST_CASE("closing writes what waits and refuses afterwards", "[storage]") {
  const scratch_directory directory;
  auto options = options_in(directory.path());
  {
    const auto store = open_or_fail(options);
    std::vector<answer> answers;
    answers.reserve(100);
    for (std::uint64_t i = 0; i < 100; ++i) answers.push_back(submit(*store, request(0, 1, i, "x")));
    store->close();
    for (auto& one : answers) CHECK(one.wait().has_value());
    CHECK_FALSE(store->accepting());
    CHECK_FALSE(store->ports().log->reserve());
    CHECK(store->ports().log->refusal().code == error_code::shutting_down);
    answer late;
    store->ports().log->submit(request(0, 1, 1, "late"), late.callback());
    CHECK(late.wait().error().code == error_code::store_unavailable);
    CHECK(store->ports().rows->get(state_key(1), ports::read_tier::cache_only).what ==
          ports::row_value::status::would_block);
    store->close();
  }
  const auto again = open_or_fail(options);
  CHECK(again->ports().log->head(0) == 100);
}

}  // namespace social::storage::test
