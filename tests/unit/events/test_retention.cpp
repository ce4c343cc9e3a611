// What is old goes, and nothing that somebody still has to read.
#include "actors/events/retention.hpp"
#include "actors/ports/cursor.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/deterministic_node.hpp"
#include "tests/support/memory_store.hpp"

namespace social::events::test {
namespace {

using namespace social::test;
using namespace std::chrono_literals;

constexpr std::int64_t keep_ms = 100'000;

struct fixture {
  memory_store source{shard_t{2}};
  deterministic_node node;
  std::optional<journal_keeper> keeper;
  std::size_t steps = 0;

  ~fixture() {
    keeper.reset();
    if (!node.ended()) std::abort();
  }
  void start(std::vector<journal_holder> holders, std::size_t records_max = 100) {
    retention_options options;
    options.store = "api";
    options.keep_ms = keep_ms;
    options.records_max = records_max;
    keeper.emplace(*node, options, source, node.clock(), std::move(holders),
                   [this](shard_t shard, std::uint64_t hold, timestamp_t before, std::size_t most) {
                     ++steps;
                     return source.trim(shard, hold, before, most);
                   });
    node.run();
  }
  void happen(shard_t shard, std::size_t records, std::size_t events_each = 1) {
    for (std::size_t n = 0; n < records; ++n) {
      ports::commit_request request;
      request.shard = shard;
      request.time = node.clock().now();
      for (std::size_t i = 0; i < events_each; ++i)
        request.events.push_back({domain::aggregate_kind::user, 1, 1, "bytes"});
      REQUIRE(source.reserve());
      source.submit(std::move(request), {});
    }
  }
  void stand_at(shard_t shard, std::uint64_t sequence) {
    source.put(ports::cursor_key("mail", shard), ports::cursor_row{sequence});
  }
  journal_holder mail() { return {"mail", stored_cursors("mail", source, source)}; }
  /// Everything that happened so far is beyond the retention, and a round has passed over it.
  void grow_old() { node.pass(std::chrono::milliseconds(keep_ms) + 10s); }
  void pass_round() { node.pass(10s); }
};

}  // namespace

TEST_CASE("what a restore has left out counts neither as kept nor as unread", "[events]") {
  fixture f;
  f.happen(0, 3);
  f.source.skip_ahead(ports::restore_gap);
  f.happen(0, 2);
  f.stand_at(0, 1);
  f.stand_at(1, 0);
  f.start({f.mail()});
  f.pass_round();
  CHECK(f.keeper->status().events == 7);  // with a marker in each of two shards
  CHECK(f.keeper->status().holders.at(0).unread == 6);
}

TEST_CASE("without a reader a journal is kept for the retention and no longer", "[events]") {
  fixture f;
  f.happen(0, 3);
  f.happen(1, 2, 2);
  f.start({});
  f.node.pass(std::chrono::milliseconds(keep_ms));
  CHECK(f.source.oldest(0) == 1);  // at the limit
  CHECK(f.keeper->status().events == 7);
  f.pass_round();
  CHECK(f.source.oldest(0) == 3);  // the newest record stays
  CHECK(f.source.oldest(1) == 3);
  CHECK(f.keeper->status().trimmed == 4);
  CHECK(f.keeper->status().events == 3);
  f.happen(0, 1);
  f.pass_round();
  CHECK(f.source.oldest(0) == 4);
  CHECK(f.keeper->status().failures == 0);
}

TEST_CASE("a configured reader's cursor holds the journal, shard by shard", "[events]") {
  fixture f;
  f.happen(0, 5);
  f.happen(1, 5);
  f.stand_at(0, 2);
  f.stand_at(1, 5);
  f.start({f.mail()});
  f.grow_old();
  CHECK(f.source.oldest(0) == 3);
  CHECK(f.source.oldest(1) == 5);
  f.stand_at(0, 4);
  f.pass_round();
  CHECK(f.source.oldest(0) == 5);
}

TEST_CASE("of several readers the slowest holds", "[events]") {
  fixture f;
  f.happen(0, 5);
  f.stand_at(0, 4);
  f.source.put(ports::cursor_key("slow", 0), ports::cursor_row{1});
  f.start({f.mail(), {"slow", stored_cursors("slow", f.source, f.source)}});
  f.grow_old();
  CHECK(f.source.oldest(0) == 2);
}

TEST_CASE("a reader without cursors has read nothing; one whose cursors are not known holds everything", "[events]") {
  const captured_log log;
  fixture f;
  f.happen(0, 5);
  f.happen(1, 5);
  f.stand_at(1, 5);
  bool is_error = true;
  SECTION("it has none yet") {
    is_error = false;
  }
  SECTION("one does not decode") {
    f.source.put_bytes(ports::cursor_key("mail", 0), "\x63nonsense");
  }
  SECTION("one is ahead of the journal") {
    f.stand_at(0, 99);
    is_error = false;  // its reader says so
  }
  f.start({f.mail()});
  f.grow_old();
  f.pass_round();
  CHECK(f.source.oldest(0) == 1);
  CHECK(f.source.oldest(1) == (is_error ? 1 : 5));
  CHECK(f.keeper->status().holders.at(0).failure.empty() == !is_error);
  CHECK(log.count(log::level::error, "cursors are not known") == (is_error ? 1 : 0));
  f.stand_at(0, 5);
  f.pass_round();
  CHECK(f.source.oldest(0) == 5);
  CHECK(f.keeper->status().holders.at(0).failure.empty());
}

TEST_CASE("a store that cannot be read loses nothing and is tried again", "[events]") {
  const captured_log log;
  fixture f;
  f.happen(0, 5);
  f.stand_at(0, 5);
  f.start({f.mail()});
  f.source.fail_reads(error{error_code::io_error, "no disk"});
  f.grow_old();
  CHECK_FALSE(f.keeper->status().holders.at(0).failure.empty());
  f.source.fail_reads({});
  CHECK(f.source.oldest(0) == 1);
  f.pass_round();
  CHECK(f.source.oldest(0) == 5);
}

TEST_CASE("a removal that fails is counted, said once, and tried again", "[events]") {
  const captured_log log;
  memory_store source(shard_t{1});
  deterministic_node node;
  int failing = 3;
  journal_keeper keeper(*node, {.store = "api", .keep_ms = keep_ms}, source, node.clock(), {},
                        [&](shard_t shard, std::uint64_t hold, timestamp_t before, std::size_t most) {
                          return failing-- > 0 ? result<std::uint64_t>(error_code::store_unavailable)
                                               : source.trim(shard, hold, before, most);
                        });
  for (int i = 0; i < 2; ++i) {
    ports::commit_request request;
    request.time = node.clock().now();
    request.events.push_back({domain::aggregate_kind::user, 1, 1, "bytes"});
    REQUIRE(source.reserve());
    source.submit(std::move(request), {});
  }
  node.pass(35s);
  CHECK(keeper.status().failures == 3);
  CHECK_FALSE(keeper.status().last_failure.empty());
  CHECK(log.count(log::level::warning, "cannot be shortened") == 1);
  node.pass(std::chrono::milliseconds(keep_ms));
  CHECK(keeper.status().last_failure.empty());
  CHECK(source.oldest(0) == 2);
  keeper.stop();
  CHECK(node.ended());
}

TEST_CASE("a long journal goes in bounded steps within one round", "[events]") {
  fixture f;
  f.happen(0, 95);
  f.start({}, 10);
  f.node.pass(std::chrono::milliseconds(keep_ms));
  f.steps = 0;
  f.pass_round();
  CHECK(f.source.oldest(0) == 95);
  CHECK(f.steps >= 11);
  CHECK(f.keeper->status().trimmed == 94);
}

TEST_CASE("a reader that holds events beyond the retention is an alarm, with their number and age", "[events]") {
  const captured_log log;
  fixture f;
  f.happen(0, 5);
  f.happen(1, 3);
  f.stand_at(0, 2);
  f.stand_at(1, 3);
  f.start({f.mail()});
  f.grow_old();
  f.pass_round();
  auto seen = f.keeper->status().holders.at(0);
  CHECK(seen.holds_too_long);
  CHECK(seen.unread == 3);
  CHECK(seen.oldest_ms > keep_ms);
  CHECK(f.source.oldest(0) == 3);
  f.pass_round();
  CHECK(log.count(log::level::error, "longer than journal.retention") == 1);
  f.stand_at(0, 5);
  f.pass_round();
  seen = f.keeper->status().holders.at(0);
  CHECK_FALSE(seen.holds_too_long);
  CHECK(seen.unread == 0);
  CHECK(log.count(log::level::info, "holds nothing back") == 1);
}

TEST_CASE("one that begins to read what is old is not late before a round has passed", "[events]") {
  const captured_log log;
  fixture f;
  f.happen(0, 5);
  f.node.pass(std::chrono::milliseconds(keep_ms * 2));  // the process was off
  f.start({f.mail()});
  f.pass_round();
  CHECK_FALSE(f.keeper->status().holders.at(0).holds_too_long);
  f.stand_at(0, 5);
  f.pass_round();
  CHECK_FALSE(f.keeper->status().holders.at(0).holds_too_long);
  CHECK(log.count(log::level::error, "longer than") == 0);
}

TEST_CASE("what a reader may leave unread for good is no alarm", "[events]") {
  const captured_log log;
  fixture f;
  f.happen(0, 5);
  auto holder = f.mail();
  SECTION("within its slack") {
    holder.slack = 5;
    f.start({holder});
    f.grow_old();
    f.pass_round();
    CHECK_FALSE(f.keeper->status().holders.at(0).holds_too_long);
    CHECK(f.keeper->status().holders.at(0).unread == 5);
    CHECK(f.source.oldest(0) == 1);
  }
  SECTION("beyond it") {
    holder.slack = 4;
    f.start({holder});
    f.grow_old();
    f.pass_round();
    CHECK(f.keeper->status().holders.at(0).holds_too_long);
  }
}

TEST_CASE("cursors in another store are believed when they are synced, and synced only when they have moved",
          "[events]") {
  memory_store source(shard_t{1});
  memory_store effects(shard_t{1});
  const auto cursors = synced_cursors("push", source, effects.ports());
  effects.put(ports::cursor_key("push", 0), ports::cursor_row{7});
  CHECK(cursors().value() == std::vector<std::uint64_t>{7});
  CHECK(effects.synced_commits() == 1);
  CHECK(cursors().value() == std::vector<std::uint64_t>{7});
  CHECK(effects.synced_commits() == 1);
  effects.put(ports::cursor_key("push", 0), ports::cursor_row{8});
  effects.fail_commits(1, error{error_code::outcome_unknown});
  CHECK_FALSE(cursors());
  effects.refuse(error{error_code::store_unavailable});
  CHECK(cursors().error().code == error_code::store_unavailable);
  effects.accept();
  CHECK(cursors().value() == std::vector<std::uint64_t>{8});
  CHECK(effects.synced_commits() == 2);
  CHECK(effects.table_rows(domain::table::cursor).size() == 1);  // the sync leaves no row behind
}

TEST_CASE("after the stop nothing is looked at any more", "[events]") {
  fixture f;
  f.happen(0, 5);
  f.start({});
  f.keeper->stop();
  f.grow_old();
  CHECK(f.steps == 0);
  CHECK(f.source.oldest(0) == 1);
  CHECK(f.node.ended());
}

}  // namespace social::events::test
