#include "actors/events/subscriber.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/deterministic_node.hpp"
#include "tests/support/memory_store.hpp"

namespace social::events::test {
namespace {

using namespace social::test;
using done_type = std::function<void(result<void>)>;

/// A source journal, a store of effects, and a handler that does what the test says.
struct fixture {
  memory_store source{shard_t{2}};
  memory_store effects{shard_t{2}};
  deterministic_node node;
  std::optional<subscriber> under_test;

  std::vector<std::vector<std::string>> batches;  ///< event ids, as handed over
  std::function<void(done_type)> instead;         ///< of taking effect

  ~fixture() {
    under_test.reset();
    if (!node.ended()) std::abort();
  }

  void start(start_from from = start_from::beginning, std::size_t records_max = 256) {
    subscriber_options options;
    options.name = "mail";
    options.start = from;
    options.records_max = records_max;
    options.retry_ms = 1'000;
    options.retry_max_ms = 4'000;
    under_test.emplace(*node, options, source, effects, [this](auto records, auto cursors, auto done) {
      auto& ids = batches.emplace_back();
      for (const auto& record : records)
        ids.push_back(std::to_string(record.shard) + "-" + std::to_string(record.first_sequence));
      if (instead) return instead(std::move(done));
      take(std::move(cursors), std::move(done));
    });
    node.run();
  }
  void take(std::vector<domain::row_change> rows, done_type done) {
    ports::commit_request request;
    request.rows = std::move(rows);
    REQUIRE(effects.reserve());
    effects.submit(std::move(request), [done = std::move(done)](const result<std::uint64_t>& outcome) {
      done(outcome ? result<void>() : result<void>(outcome.error()));
    });
  }
  void happen(shard_t shard, std::size_t events = 1) {
    ports::commit_request request;
    request.shard = shard;
    for (std::size_t i = 0; i < events; ++i) request.events.push_back({domain::aggregate_kind::user, 1, 1, "bytes"});
    REQUIRE(source.reserve());
    source.submit(std::move(request), {});
  }
  std::optional<std::uint64_t> cursor(shard_t shard) {
    const auto row = effects.row<cursor_row>({domain::table::cursor, shard, 0, "mail"});
    return row ? std::optional(row->sequence) : std::nullopt;
  }
  std::vector<std::string> all() const {
    std::vector<std::string> ids;
    for (const auto& batch : batches) ids.insert(ids.end(), batch.begin(), batch.end());
    return ids;
  }
};

using ids = std::vector<std::string>;

TEST_CASE("what happened before and after the start is handed over in order", "[events]") {
  fixture f;
  f.happen(1, 2);
  f.happen(1);
  f.start();
  CHECK(f.all() == ids{"1-1", "1-3"});
  f.happen(1);
  f.node.run();
  CHECK(f.all() == ids{"1-1", "1-3", "1-4"});
  CHECK(f.cursor(1) == 4);
  CHECK_FALSE(f.cursor(0));
  CHECK(f.under_test->status().lag == 0);
  CHECK(f.under_test->status().handled == 3);
}

TEST_CASE("a subscriber whose cursors cannot be read is not said to be up to date", "[events]") {
  fixture f;
  f.happen(0, 2);
  f.happen(1);
  f.effects.fail_reads(error{error_code::io_error, "no disk"});
  f.start();
  CHECK(f.under_test->status().cursors.empty());
  CHECK(f.under_test->status().lag == 3);  // what is kept: it can be no more
  CHECK(f.under_test->status().last_failure == "the cursors cannot be read");
  f.effects.fail_reads({});
  f.node.pass(std::chrono::seconds(1));
  CHECK(f.under_test->status().lag == 0);
}

TEST_CASE("a cursor moves only with the batch of its effect", "[events]") {
  fixture f;
  f.effects.hold_commits(true);
  f.happen(0);
  f.start();
  f.happen(0);
  f.node.run();
  CHECK(f.batches.size() == 1);  // the next batch waits for this one
  CHECK_FALSE(f.cursor(0));
  CHECK(f.under_test->status().lag == 2);
  f.effects.commit_all();
  f.node.run();
  CHECK(f.cursor(0) == 1);
  f.effects.commit_all();
  f.node.run();
  CHECK(f.cursor(0) == 2);
}

TEST_CASE("a kill between effect and cursor is not possible: what was not committed comes again", "[events]") {
  fixture f;
  f.effects.hold_commits(true);
  f.happen(0);
  f.start();
  f.under_test.reset();
  memory_store reopened(f.effects.crash());
  f.effects.hold_commits(false);
  f.effects.commit_all();
  f.node.run();
  std::vector<std::string> again;
  subscriber after(*f.node, {.name = "mail"}, f.source, reopened, [&](const auto& records, auto, const auto&) {
    for (const auto& record : records) again.push_back(std::to_string(record.first_sequence));
  });
  f.node.run();
  CHECK(again == ids{"1"});
}

TEST_CASE("a failing effect is tried again with a back-off that new events do not cut short", "[events]") {
  const captured_log log;
  fixture f;
  SECTION("it says so") {
    f.instead = [](const done_type& done) { done(error_code::store_unavailable); };
  }
  SECTION("it throws") {
    f.instead = [](const done_type&) { throw std::runtime_error("a defect"); };
  }
  SECTION("it throws something else") {
    f.instead = [](const done_type&) { throw 7; };
  }
  SECTION("it throws after it has said that all is well") {
    f.instead = [](const done_type& done) {
      done(error_code::io_error);
      throw std::runtime_error("a defect");
    };
  }
  SECTION("it forgets to say how it ended") {
    f.instead = [](const done_type&) {};
  }
  f.happen(0);
  f.start();
  CHECK(f.batches.size() == 1);
  for (int i = 0; i < 10; ++i) {
    f.happen(0);
    f.node.run();
  }
  CHECK(f.batches.size() == 1);
  f.node.pass(std::chrono::milliseconds(1'000));
  CHECK(f.batches.size() == 2);
  f.node.pass(std::chrono::milliseconds(1'000));
  CHECK(f.batches.size() == 2);
  f.node.pass(std::chrono::milliseconds(1'000));
  CHECK(f.batches.size() == 3);  // 2 s after the second
  CHECK(f.under_test->status().failures == 3);
  CHECK_FALSE(f.under_test->status().last_failure.empty());
  CHECK(f.under_test->status().lag == 11);
  CHECK_FALSE(f.cursor(0));
  CHECK(log.count(log::level::warning, "tries again") == 3);
  f.instead = nullptr;
  f.node.pass(std::chrono::seconds(4));
  CHECK(f.cursor(0) == 11);
  CHECK(f.under_test->status().last_failure.empty());
}

TEST_CASE("one that stalls delays only itself", "[events]") {
  fixture f;
  f.instead = [kept = std::make_shared<std::vector<done_type>>()](const done_type& done) { kept->push_back(done); };
  f.start();
  int other_handled = 0;
  subscriber other(*f.node, {.name = "other"}, f.source, f.effects, [&](const auto& records, auto rows, auto done) {
    other_handled += static_cast<int>(records.size());
    f.take(std::move(rows), std::move(done));
  });
  for (int i = 0; i < 5; ++i) {
    f.happen(0);
    f.node.run();
  }
  CHECK(f.batches.size() == 1);
  CHECK(other_handled == 5);
  f.instead = nullptr;
}

TEST_CASE("a journal that cannot be read is tried again", "[events]") {
  fixture f;
  f.happen(0);
  f.source.fail_reads(error{error_code::corrupt_record, "shard 0, sequence 1"});
  f.start();
  CHECK(f.batches.empty());
  CHECK(f.under_test->status().last_failure == "shard 0, sequence 1");
  f.source.fail_reads({});
  f.node.pass(std::chrono::seconds(1));
  CHECK(f.all() == ids{"0-1"});
}

TEST_CASE("a damaged record holds up its own shard alone, and not what lies before it", "[events]") {
  const captured_log log;
  fixture f;
  for (int i = 0; i < 5; ++i) f.happen(0);
  f.happen(1);
  f.source.damage_record(0, 4);
  f.start();
  CHECK(f.all() == ids{"0-1", "0-2", "1-1", "0-3"});
  CHECK(f.cursor(0) == 3);
  const auto status = f.under_test->status();
  CHECK(status.unreadable == 1);
  CHECK(status.last_failure == "shard 0, sequence 4");
  CHECK(status.failures == 1);
  CHECK(status.lag == 2);
  // New events of others do not wait for it, and do not make it be read more often.
  for (int i = 0; i < 10; ++i) {
    f.happen(1);
    f.node.run();
  }
  CHECK(f.cursor(1) == 11);
  CHECK(f.under_test->status().failures == 1);
  CHECK(f.under_test->status().last_failure == "shard 0, sequence 4");
  f.node.pass(std::chrono::seconds(3));  // tried again after 1 s and 2 s more
  CHECK(f.under_test->status().failures == 3);
  CHECK(log.count(log::level::error, "cannot be read") == 1);
  f.source.mend_records();
  f.node.pass(std::chrono::seconds(4));
  CHECK(f.cursor(0) == 5);
  CHECK(f.under_test->status().unreadable == 0);
  CHECK(f.under_test->status().last_failure.empty());
  CHECK(f.under_test->status().lag == 0);
  CHECK(log.count(log::level::info, "can be read again") == 1);
}

TEST_CASE("what restores have left out is not counted as waiting", "[events]") {
  fixture f;
  f.instead = [kept = std::make_shared<std::vector<done_type>>()](const done_type& done) { kept->push_back(done); };
  f.start();
  f.happen(0, 3);
  f.source.skip_ahead(ports::restore_gap);
  CHECK(f.under_test->status().lag == 5);  // with a marker in each of two shards
  f.source.skip_ahead(ports::restore_gap);
  f.happen(1);
  f.node.run();
  CHECK(f.under_test->status().lag == 8);
  f.instead = nullptr;
}

TEST_CASE("cursors that cannot be read are tried again, never taken for absent", "[events]") {
  fixture f;
  f.happen(0);
  f.effects.put_bytes({domain::table::cursor, 0, 0, "mail"}, "\x63nonsense");
  f.start();
  CHECK(f.batches.empty());
  CHECK(f.under_test->status().failures == 1);
}

TEST_CASE("from now: nothing older, and the moment is kept over a restart", "[events]") {
  fixture f;
  f.happen(0, 3);
  f.start(start_from::now);
  CHECK(f.all().empty());
  CHECK(f.cursor(0) == 3);
  CHECK(f.cursor(1) == 0);
  f.under_test.reset();
  f.node.run();
  f.happen(1);  // while it was away, in a shard that it never had an event of
  f.start(start_from::now);
  CHECK(f.all() == ids{"1-1"});
}

TEST_CASE("a cursor ahead of the head is an alarm and not read, other shards go on", "[events]") {
  const captured_log log;
  fixture f;
  f.effects.put({domain::table::cursor, 0, 0, "mail"}, cursor_row{9});
  f.happen(0);
  f.happen(1);
  f.start();
  CHECK(f.all() == ids{"1-1"});
  CHECK(f.cursor(0) == 9);
  CHECK(f.under_test->status().ahead == 1);
  CHECK(log.count(log::level::error, "ahead of the journal") == 1);
  f.happen(0);
  f.node.run();
  CHECK(f.all() == ids{"1-1"});
  CHECK(log.count(log::level::error, "ahead of the journal") == 1);
}

TEST_CASE("events that are gone are counted once and said loudly", "[events]") {
  const captured_log log;
  fixture f;
  f.happen(0);
  f.start();
  f.under_test.reset();
  f.node.run();
  auto disk = f.source.crash();
  for (int i = 0; i < 4; ++i) disk.records[0].push_back({0, static_cast<std::uint64_t>(i + 2), 0, "", {{}}});
  disk.records[0].erase(disk.records[0].begin(), disk.records[0].begin() + 3);  // 4 and 5 are kept
  memory_store trimmed(disk);
  int failures = 1;
  std::vector<std::uint64_t> seen;
  subscriber late(*f.node, {.name = "mail"}, trimmed, f.effects, [&](const auto& records, auto rows, auto done) {
    if (failures-- > 0) return done(error_code::io_error);
    for (const auto& record : records) seen.push_back(record.first_sequence);
    f.take(std::move(rows), std::move(done));
  });
  f.node.run();
  f.node.pass(std::chrono::seconds(1));
  CHECK(seen == std::vector<std::uint64_t>{4, 5});
  CHECK(late.status().skipped == 2);
  CHECK(log.count(log::level::error, "gone") >= 1);
  late.stop();
  f.node.run();
}

TEST_CASE("a batch is bounded, and no shard starves another", "[events]") {
  fixture f;
  for (int i = 0; i < 5; ++i) f.happen(0);
  f.happen(1);
  f.start(start_from::beginning, 2);
  for (const auto& batch : f.batches) CHECK(batch.size() <= 2);
  CHECK(f.batches.at(0) == ids{"0-1", "0-2"});
  CHECK(f.batches.at(1).at(0) == "1-1");
  CHECK(f.all().size() == 6);
}

TEST_CASE("what the store of the effects lost comes again, and what was built upon it is refused", "[events]") {
  fixture f;
  const auto put = [&](std::vector<domain::row_change> rows, std::uint64_t epoch, done_type done) {
    ports::commit_request request;
    request.rows = std::move(rows);
    request.epoch = epoch;
    REQUIRE(f.effects.reserve());
    f.effects.submit(std::move(request), [done = std::move(done)](const result<std::uint64_t>& outcome) {
      done(outcome ? result<void>() : result<void>(outcome.error()));
    });
  };
  std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;  // sequence, epoch
  subscriber fenced(*f.node, {.name = "mail"}, f.source, f.effects.ports(),
                    [&](auto records, auto rows, std::uint64_t epoch, auto done) {
                      for (const auto& record : records) seen.emplace_back(record.first_sequence, epoch);
                      put(std::move(rows), epoch, std::move(done));
                    });
  f.happen(0);
  f.node.run();
  f.happen(0);
  f.node.run();
  CHECK(f.cursor(0) == 2);
  // The second effect is gone with its cursor, as after a failed fsync; nothing new happens.
  put({{{domain::table::cursor, 0, 0, "mail"}, encode_record(cursor_row{1})}}, 0, [](const auto&) {});
  f.effects.fail_in_the_background();
  f.node.pass(std::chrono::seconds(1));
  CHECK(seen == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 1}, {2, 1}, {2, 2}});
  CHECK(f.cursor(0) == 2);
  fenced.stop();
  f.node.run();
}

TEST_CASE("after the stop nothing is read and no effect is started", "[events]") {
  fixture f;
  f.start();
  f.under_test->stop();
  f.happen(0);
  f.node.run();
  CHECK(f.batches.empty());
  CHECK(f.node.ended());
}

}  // namespace
}  // namespace social::events::test
