// Rows that are not in the cache, rows that are damaged, rules that throw.
#include "tests/support/captured_log.hpp"
#include "tests/support/region_world.hpp"

namespace social::aggregates::test {
namespace {

using namespace social::test;
using domain::toy_aggregate;
namespace toy = domain::toy;

aggregate_limits small() {
  aggregate_limits limits;
  limits.entity_queue_max = 3;
  limits.crash_backoff_ms = 1'000;
  limits.crash_backoff_max_ms = 8'000;
  limits.crashes_max = 3;
  return limits;
}

/// With one toy that is not in memory.
struct stored {
  region_world world;
  id_t id;
  explicit stored(aggregate_limits limits = {}) : world(limits), id(world.open_toy()) {
    world.store.fail_in_the_background();  // makes it read again
  }
};

bool step_until_read_waits(region_world& world) {
  // The shard hands the command over, the entity asks the readers: then only readers have a message.
  for (int i = 0; i < 100; ++i) {
    for (const auto& reader : world.node->context().actors.list({"disk-reader", {}, runtime::actor_order::id, 100}))
      if (reader.mailbox_depth > 0) return true;
    if (!world.node.step()) return false;
  }
  return false;
}

TEST_CASE("rows that need the disk go through the readers and the command is decided all the same", "[aggregates]") {
  stored s;
  s.world.store.cold_cache(true);
  const auto label = s.world.toy(s.id, toy::label{"cold"});
  s.world.node.run();
  CHECK(label.value<toy_aggregate, toy::view>().labels == 1);
  const auto again = s.world.toy(s.id, toy::label{"cold"});
  s.world.node.run();
  CHECK(again.value<toy_aggregate, toy::view>().labels == 1);
}

TEST_CASE("while a read is under way later commands wait in the bounded queue", "[aggregates]") {
  stored s(small());
  s.world.store.cold_cache(true);
  std::vector<awaited> answers;
  answers.push_back(s.world.toy(s.id, toy::add{1}));
  REQUIRE(step_until_read_waits(s.world));
  // Ahead of the readers in the order of work: nothing is read before these have arrived.
  for (int i = 0; i < 3; ++i) answers.push_back(s.world.toy(s.id, toy::add{1}));
  s.world.node.run_but("disk-reader");
  CHECK(answers[3].refusal() == error_code::overloaded);
  CHECK(s.world.node->context().dead_letters.counts().at("queue_full") == 1);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(answers[static_cast<std::size_t>(i)].arrived());
  s.world.node.run();
  for (int i = 0; i < 3; ++i) CHECK(answers[static_cast<std::size_t>(i)].succeeded());
  CHECK(s.world.toy_view(s.id).total == 3);
}

TEST_CASE("a row that becomes pending while another is read is looked at in its own turn", "[aggregates]") {
  stored s;
  s.world.store.cold_cache(true);
  s.world.store.hold_commits(true);
  const auto one = s.world.toy(s.id, toy::label{"same"});
  const auto two = s.world.toy(s.id, toy::label{"same"});
  s.world.node.run();
  CHECK(s.world.store.waiting_commits() == 1);
  s.world.store.commit_all();
  s.world.node.run();
  CHECK(one.value<toy_aggregate, toy::view>().labels == 1);
  CHECK(two.value<toy_aggregate, toy::view>().labels == 1);
}

TEST_CASE("a write that fails while a row is read refuses the command that waits for it", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.store.hold_commits(true);
  world.store.fail_commits(1, error_code::outcome_unknown);
  const auto add = world.toy(id, toy::add{1});
  world.node.run();
  world.store.cold_cache(true);
  const auto label = world.toy(id, toy::label{"slow"});
  const auto behind = world.toy(id, toy::peek{});
  REQUIRE(step_until_read_waits(world));
  world.store.commit_all();
  world.node.run();
  CHECK(add.refusal() == error_code::outcome_unknown);
  CHECK(label.refusal() == error_code::store_unavailable);
  CHECK(behind.refusal() == error_code::store_unavailable);
  world.store.hold_commits(false);
  CHECK(world.toy_view(id).total == 0);
}

TEST_CASE("rows that cannot be read refuse one command, not the entity", "[aggregates]") {
  const captured_log log;
  stored s;
  s.world.store.fail_reads(error{error_code::io_error, "a bad disk"});
  const auto add = s.world.toy(s.id, toy::add{1});
  s.world.node.run();
  CHECK(add.refusal() == error_code::store_unavailable);
  CHECK(log.count(log::level::error, "could not be read") == 1);
  s.world.store.fail_reads({});
  CHECK(s.world.toy_view(s.id).total == 0);
}

TEST_CASE("a damaged state row is said loudly and answered internal", "[aggregates]") {
  const captured_log log;
  stored s(small());
  s.world.store.put_bytes({domain::table::state, 200, s.id, {}}, "\x63nonsense");
  const auto add = s.world.toy(s.id, toy::add{1});
  s.world.node.run();
  CHECK(add.refusal() == error_code::internal);
  CHECK(log.count(log::level::error, "an actor failed") == 1);
}

TEST_CASE("a damaged fact is said loudly and gives its place in the commit queue back", "[aggregates]") {
  stored s(small());
  s.world.store.put_bytes({domain::table::gather, s.id, 0, "x"}, "\x63nonsense");
  const auto label = s.world.toy(s.id, toy::label{"x"});
  s.world.node.run();
  CHECK(label.refusal() == error_code::internal);
  CHECK(s.world.store.reserved() == 0);
}

TEST_CASE("a rule that throws after a place was reserved gives it back", "[aggregates]") {
  stored s(small());
  const auto failing = s.world.toy(s.id, toy::fail{toy::place::answer});
  s.world.node.run();
  CHECK(failing.refusal() == error_code::internal);
  CHECK(s.world.store.reserved() == 0);
  CHECK(s.world.store.waiting_commits() == 0);
}

TEST_CASE("a crashed entity starts again after a back-off that doubles", "[aggregates]") {
  stored s(small());
  const auto crash = [&] {
    const auto failing = s.world.toy(s.id, toy::fail{toy::place::lookups});
    s.world.node.run();
    return failing.refusal() == error_code::internal;
  };
  REQUIRE(crash());
  const auto first = s.world.toy(s.id, toy::peek{});
  s.world.node.run();
  CHECK_FALSE(first.arrived());
  s.world.node.pass(std::chrono::milliseconds(2'000));
  CHECK(first.succeeded());

  REQUIRE(crash());
  const auto second = s.world.toy(s.id, toy::peek{});
  s.world.node.pass(std::chrono::milliseconds(1'500));
  CHECK_FALSE(second.arrived());
  s.world.node.pass(std::chrono::milliseconds(1'500));
  CHECK(second.succeeded());
}

TEST_CASE("commands that wait out a back-off are done before a later one", "[aggregates]") {
  stored s(small());
  s.world.toy(s.id, toy::fail{toy::place::decide});
  s.world.node.run();
  const auto early = s.world.toy(s.id, toy::add{1});
  s.world.node.run();
  CHECK_FALSE(early.arrived());
  s.world.node.clock().pass(std::chrono::milliseconds(1'000));  // over, but the shard's timer has not fired
  const auto late = s.world.toy(s.id, toy::add{10});
  s.world.node.run();
  CHECK(early.value<toy_aggregate, toy::view>().total == 1);
  CHECK(late.value<toy_aggregate, toy::view>().total == 11);
}

TEST_CASE("a crash loop gives up loudly and is tried again after the longest delay", "[aggregates]") {
  const captured_log log;
  stored s(small());
  s.world.store.put_bytes({domain::table::state, 200, s.id, {}}, "\x63nonsense");
  const auto try_once = [&] {
    const auto peek = s.world.toy(s.id, toy::peek{});
    s.world.node.run();
    return peek;
  };
  CHECK(try_once().refusal() == error_code::internal);  // 1 s
  s.world.node.pass(std::chrono::seconds(1));
  CHECK(try_once().refusal() == error_code::internal);  // 2 s
  CHECK(log.count(log::level::error, "keeps failing") == 0);
  const auto waits = try_once();
  CHECK_FALSE(waits.arrived());
  s.world.node.pass(std::chrono::seconds(3));
  CHECK(waits.refusal() == error_code::internal);  // the third crash: no more for 8 s
  CHECK(log.count(log::level::error, "keeps failing") == 1);
  const auto tries = log.count(log::level::error, "an actor failed");
  CHECK(try_once().refusal() == error_code::internal);
  CHECK(log.count(log::level::error, "an actor failed") == tries);

  s.world.store.put({domain::table::state, 200, s.id, {}}, toy::state{s.id, 0, {}});
  s.world.node.pass(std::chrono::seconds(8));
  CHECK(try_once().succeeded());
}

TEST_CASE("a crash with a batch in flight: unknown, and the next incarnation waits for the batch", "[aggregates]") {
  stored s(small());
  s.world.store.hold_commits(true);
  const auto add = s.world.toy(s.id, toy::add{7});
  const auto failing = s.world.toy(s.id, toy::fail{toy::place::decide});
  s.world.node.run();
  CHECK(add.refusal() == error_code::outcome_unknown);
  CHECK(failing.refusal() == error_code::internal);
  const auto next = s.world.toy(s.id, toy::peek{});
  s.world.node.pass(std::chrono::seconds(10));
  CHECK_FALSE(next.arrived());
  s.world.store.commit_all();
  s.world.node.pass(std::chrono::seconds(3));
  CHECK(next.value<toy_aggregate, toy::view>().total == 7);
}

}  // namespace
}  // namespace social::aggregates::test
