// A subscriber that stalls, or is switched off: what it costs the others, and what it does when it is back.
#include "actors/events/retention.hpp"
#include "actors/events/subscriber.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/deterministic_node.hpp"
#include "tests/support/memory_store.hpp"

namespace social::events::test {
namespace {

using namespace social::test;
using namespace std::chrono_literals;
using done_type = std::function<void(result<void>)>;

/// A journal of large records, and one store of effects.
struct fixture {
  memory_store source{shard_t{2}};
  memory_store effects{shard_t{2}};
  deterministic_node node;

  void happen(shard_t shard, std::size_t bytes = 8) {
    ports::commit_request request;
    request.shard = shard;
    request.time = node.clock().now();
    request.events.push_back({domain::aggregate_kind::user, 1, 1, std::string(bytes, 'e')});
    REQUIRE(source.reserve());
    source.submit(std::move(request), {});
  }
  void take(std::vector<domain::row_change> rows, const done_type& done) {
    ports::commit_request request;
    request.rows = std::move(rows);
    REQUIRE(effects.reserve());
    effects.submit(std::move(request), [done](const auto&) { done({}); });
  }
  std::uint64_t mailbox(const std::string& kind) {
    std::uint64_t most = 0;
    for (const auto& actor : node->context().actors.list({kind, {}, runtime::actor_order::id, 10}))
      most = std::max(most, actor.mailbox_depth);
    return most;
  }
};

/// Keeps what it was given until it is told to go on.
struct stalling {
  std::vector<ports::journal_record> held;
  std::vector<domain::row_change> cursors;
  done_type done;
  std::size_t batches = 0;

  effect handler() {
    return [this](auto records, auto rows, auto finished) {
      ++batches;
      held = std::move(records);
      cursors = std::move(rows);
      done = std::move(finished);
    };
  }
  [[nodiscard]] std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& record : held)
      for (const auto& event : record.events) sum += event.bytes.size();
    return sum;
  }
};

}  // namespace

TEST_CASE("one that stalls for 100,000 events holds one batch and no signals, and others get all", "[events]") {
  constexpr std::size_t events = 100'000;
  constexpr std::size_t event_bytes = 100;
  fixture f;
  stalling slow;
  std::size_t seen = 0;
  const subscriber_options slow_options{.name = "slow", .records_max = 256, .bytes_max = 10'000};
  subscriber stalled(*f.node, slow_options, f.source, f.effects, slow.handler());
  subscriber other(*f.node, {.name = "other"}, f.source, f.effects, [&](const auto& records, auto rows, auto done) {
    seen += records.size();
    f.take(std::move(rows), done);
  });
  f.node.run();
  for (std::size_t n = 0; n < events; ++n) {
    f.happen(static_cast<shard_t>(n % 2), event_bytes);
    if (n % 1000 == 0) f.node.run();
    REQUIRE(f.mailbox("subscriber") <= 2);  // a signal, and that an effect is durable
  }
  f.node.run();
  CHECK(seen == events);
  CHECK(other.status().lag == 0);
  CHECK(slow.batches == 1);
  CHECK(slow.held.size() <= slow_options.records_max);
  CHECK(slow.bytes() <= 2 * (slow_options.bytes_max + event_bytes));  // of each shard's part
  CHECK(stalled.status().lag == events);

  // Awake again it gets everything, in order, in batches of the same bounds.
  std::array<std::uint64_t, 2> next{1, 1};
  std::size_t most = 0;
  while (slow.done) {
    for (const auto& record : slow.held) {
      CHECK(record.first_sequence == next.at(record.shard));
      ++next.at(record.shard);
    }
    most = std::max(most, slow.bytes());
    const auto done = std::exchange(slow.done, {});
    f.take(std::move(slow.cursors), done);
    f.node.run();
  }
  CHECK(next == std::array<std::uint64_t, 2>{events / 2 + 1, events / 2 + 1});
  CHECK(most <= 2 * (slow_options.bytes_max + event_bytes));
  CHECK(stalled.status().lag == 0);
  stalled.stop();
  other.stop();
  CHECK(f.node.ended());
}

TEST_CASE("one that is added later declares where it starts", "[events]") {
  fixture f;
  for (int i = 0; i < 4; ++i) f.happen(0);
  REQUIRE(f.source.trim(0, 2, f.node.clock().now() + 1, 10).value() == 2);
  std::vector<std::uint64_t> seen;
  const auto start = [&](const std::string& name, start_from from) {
    return std::make_unique<subscriber>(*f.node, subscriber_options{.name = name, .start = from}, f.source, f.effects,
                                        [&](const auto& records, auto rows, auto done) {
                                          for (const auto& record : records) seen.push_back(record.first_sequence);
                                          f.take(std::move(rows), done);
                                        });
  };
  SECTION("the beginning is the oldest event kept; what went before it was never promised") {
    const auto added = start("added", start_from::beginning);
    f.node.run();
    CHECK(seen == std::vector<std::uint64_t>{3, 4});
    CHECK(added->status().skipped == 0);
  }
  SECTION("now is the head at its first start") {
    const auto added = start("added", start_from::now);
    f.node.run();
    CHECK(seen.empty());
    f.happen(0);
    f.node.run();
    CHECK(seen == std::vector<std::uint64_t>{5});
    CHECK(added->status().skipped == 0);
  }
  f.node.run();
  CHECK(f.node.ended());
}

TEST_CASE("one that was off for longer than the retention says how much it missed and goes on", "[events]") {
  const captured_log log;
  fixture f;
  std::vector<std::uint64_t> seen;
  int failing = 0;
  const auto start = [&] {
    auto made = std::make_unique<subscriber>(*f.node, subscriber_options{.name = "mail", .retry_ms = 1'000}, f.source,
                                             f.effects, [&](const auto& records, auto rows, auto done) {
                                               if (failing-- > 0) return done(error_code::io_error);
                                               for (const auto& record : records) seen.push_back(record.first_sequence);
                                               f.take(std::move(rows), done);
                                             });
    f.node.run();
    return made;
  };
  for (int i = 0; i < 3; ++i) f.happen(0);
  start().reset();
  f.node.run();
  REQUIRE(seen.size() == 3);

  // Nobody is configured: the journal is kept for its retention and no longer.
  journal_keeper keeper(*f.node, {.store = "api", .keep_ms = 100'000}, f.source, f.node.clock(), {},
                        [&](shard_t shard, std::uint64_t hold, timestamp_t before, std::size_t most) {
                          return f.source.trim(shard, hold, before, most);
                        });
  for (int i = 0; i < 5; ++i) f.happen(0);  // 4 to 8
  f.node.pass(115s);
  f.happen(0);
  f.node.pass(10s);
  REQUIRE(f.source.oldest(0) == 9);
  keeper.stop();

  failing = 2;
  const auto late = start();
  f.node.pass(5s);
  CHECK(seen == std::vector<std::uint64_t>{1, 2, 3, 9});
  CHECK(late->status().skipped == 5);
  CHECK(late->status().lag == 0);
  CHECK(log.count(log::level::error, "gone before they could be read") == 1);
  late->stop();
  CHECK(f.node.ended());
}

TEST_CASE("one that is configured and off is waited for, however long", "[events]") {
  fixture f;
  std::vector<std::uint64_t> seen;
  f.effects.put(ports::cursor_key("mail", 0), cursor_row{2});
  f.effects.put(ports::cursor_key("mail", 1), cursor_row{0});
  for (int i = 0; i < 6; ++i) f.happen(0);
  journal_keeper keeper(*f.node, {.store = "api", .keep_ms = 100'000}, f.source, f.node.clock(),
                        {{"mail", synced_cursors("mail", f.source, f.effects.ports())}},
                        [&](shard_t shard, std::uint64_t hold, timestamp_t before, std::size_t most) {
                          return f.source.trim(shard, hold, before, most);
                        });
  f.node.pass(200s);
  CHECK(f.source.oldest(0) == 3);
  CHECK(keeper.status().holders.at(0).holds_too_long);
  subscriber late(*f.node, {.name = "mail"}, f.source, f.effects, [&](const auto& records, auto rows, auto done) {
    for (const auto& record : records) seen.push_back(record.first_sequence);
    f.take(std::move(rows), done);
  });
  f.node.pass(20s);
  CHECK(seen == std::vector<std::uint64_t>{3, 4, 5, 6});
  CHECK(late.status().skipped == 0);
  CHECK(f.source.oldest(0) == 6);
  CHECK_FALSE(keeper.status().holders.at(0).holds_too_long);
  keeper.stop();
  late.stop();
  CHECK(f.node.ended());
}

}  // namespace social::events::test
