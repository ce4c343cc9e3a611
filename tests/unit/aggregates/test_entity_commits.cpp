// Pipelining and what a failed write does.
#include "tests/support/captured_log.hpp"
#include "tests/support/region_world.hpp"

namespace social::aggregates::test {
namespace {

using namespace social::test;
using domain::toy_aggregate;
namespace toy = domain::toy;

constexpr auto failed_write = error_code::outcome_unknown;

TEST_CASE("a new aggregate needs its folder and one line", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  CHECK(shard_of(id, 4) == 1);
  const auto added = world.toy(id, toy::add{5});
  world.node.run();
  CHECK(added.value<toy_aggregate, toy::view>().total == 5);
  CHECK(world.events() == 2);
  CHECK(world.region->serves(toy_aggregate::kind));
  CHECK(world.live("toy") == 1);
}

TEST_CASE("the next command is decided before the last one is durable, and replies wait for their own batch",
          "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.store.hold_commits(true);
  const auto one = world.toy(id, toy::add{1});
  const auto two = world.toy(id, toy::add{2});
  world.node.run();
  CHECK(world.store.waiting_commits() == 2);
  CHECK_FALSE(one.arrived());

  world.store.commit_next();
  world.node.run();
  CHECK(one.value<toy_aggregate, toy::view>().total == 1);
  CHECK_FALSE(two.arrived());
  world.store.commit_next();
  world.node.run();
  CHECK(two.value<toy_aggregate, toy::view>().total == 3);
}

TEST_CASE("what changes nothing waits for the batches it was decided upon", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.store.hold_commits(true);
  const auto add = world.toy(id, toy::add{4});
  const auto peek = world.toy(id, toy::peek{});
  const auto refused = world.toy(id, toy::refuse{});
  world.node.run();
  CHECK_FALSE(peek.arrived());
  CHECK_FALSE(refused.arrived());
  world.store.commit_next();
  world.node.run();
  CHECK(peek.value<toy_aggregate, toy::view>().total == 4);
  CHECK(refused.refusal() == error_code::forbidden);

  const auto at_once = world.toy(id, toy::refuse{});
  world.node.run();
  CHECK(at_once.refusal() == error_code::forbidden);
}

TEST_CASE("rows in flight are facts: 64 equal commands, one event", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.store.hold_commits(true);
  std::vector<awaited> answers;
  for (int i = 0; i < 64; ++i) answers.push_back(world.toy(id, toy::label{"mine"}));
  world.node.run();
  CHECK(world.store.waiting_commits() == 1);
  world.store.commit_all();
  world.node.run();
  for (const auto& answer : answers) CHECK(answer.value<toy_aggregate, toy::view>().labels == 1);
  CHECK(world.events() == 2);
  world.toy(id, toy::label{"mine"});
  world.node.run();
  CHECK(world.events() == 2);
}

TEST_CASE("a failed write: unknown for what is in flight, refused for what waits, then the committed state",
          "[aggregates]") {
  const captured_log log;
  region_world world;
  const auto id = world.open_toy();
  world.toy(id, toy::add{1});
  world.node.run();
  world.store.hold_commits(true);
  world.store.fail_commits(1, failed_write);
  const auto one = world.toy(id, toy::add{10});
  const auto rests_on_one = world.toy(id, toy::peek{});
  const auto two = world.toy(id, toy::add{100});
  world.node.run();
  world.store.commit_all();
  world.node.run();
  CHECK(one.refusal() == error_code::outcome_unknown);
  CHECK(rests_on_one.refusal() == error_code::store_unavailable);
  CHECK(two.refusal() == error_code::store_unavailable);
  CHECK(log.count(log::level::warning, "drops speculative state") == 1);
  world.store.hold_commits(false);
  CHECK(world.toy_view(id).total == 1);
}

TEST_CASE("a failed write that took effect is seen by the next incarnation", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.store.fail_commits(1, failed_write, true);
  const auto one = world.toy(id, toy::add{10});
  world.node.run();
  CHECK(one.refusal() == error_code::outcome_unknown);
  CHECK(world.toy_view(id).total == 10);
}

TEST_CASE("a command on its way to an entity that drops its state is not lost", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.store.hold_commits(true);
  world.store.fail_commits(1, failed_write);
  world.toy(id, toy::add{10});
  world.node.run();
  world.store.commit_all();
  std::vector<awaited> answers;
  for (int steps = 0; steps < 8; ++steps) {  // one more message between any two steps
    answers.push_back(world.toy(id, toy::peek{}));
    world.node.step();
  }
  world.node.run();
  std::size_t done = 0;
  for (const auto& answer : answers) {
    REQUIRE(answer.arrived());
    CHECK(answer.refusal() != error_code::outcome_unknown);
    if (answer.succeeded()) ++done;
  }
  CHECK(done > 0);
}

TEST_CASE("what was decided before the store failed for somebody else is refused, not written", "[aggregates]") {
  region_world world;
  const auto one = world.open_toy();
  const auto two = world.open_toy();
  world.store.hold_commits(true);
  world.store.fail_commits(1, failed_write);
  const auto fails = world.toy(one, toy::add{1});
  world.node.run();
  const auto behind = world.toy(two, toy::add{1});
  world.node.run();
  world.store.commit_all();
  world.node.run();
  CHECK(fails.refusal() == error_code::outcome_unknown);
  CHECK(behind.refusal() == error_code::store_unavailable);
  CHECK(world.toy_view(two).total == 0);
}

TEST_CASE("an entity with nothing in flight reads again after a failure and refuses nothing", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.toy(id, toy::add{1});
  world.node.run();
  // What was acknowledged without fsync may be gone after a failed one.
  world.store.put({domain::table::counts, 200, id, {}}, toy::sums{0});
  world.store.fail_in_the_background();
  const auto next = world.toy(id, toy::add{5});
  world.node.run();
  CHECK(next.value<toy_aggregate, toy::view>().total == 5);
}

TEST_CASE("a store that answers out of order leaves nobody without an answer", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.store.hold_commits(true);
  const auto one = world.toy(id, toy::add{1});
  const auto two = world.toy(id, toy::add{2});
  world.node.run();
  world.store.commit_newest();
  world.node.run();
  CHECK_FALSE(two.arrived());
  world.store.commit_all();
  world.node.run();
  CHECK(one.succeeded());
  CHECK(two.succeeded());
}

TEST_CASE("a store that takes no writes refuses before anything is decided, and questions go on", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.store.refuse({error_code::store_unavailable, "full"});
  const auto add = world.toy(id, toy::add{1});
  const auto peek = world.toy(id, toy::peek{});
  world.node.run();
  CHECK(add.refusal() == error_code::store_unavailable);
  CHECK(peek.value<toy_aggregate, toy::view>().total == 0);
  CHECK(world.store.reserved() == 0);
  world.store.accept();
  const auto again = world.toy(id, toy::add{1});
  world.node.run();
  CHECK(again.succeeded());
}

TEST_CASE("a full commit queue sheds the command, which is counted and listed", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.store.refuse({error_code::overloaded, "the commit queue is full"});
  const auto add = world.toy(id, toy::add{1});
  world.node.run();
  CHECK(add.refusal() == error_code::overloaded);
  const auto& letters = world.node->context().dead_letters;
  CHECK(letters.counts() == std::map<std::string, std::uint64_t>{{"commit_queue_full", 1}});
  CHECK(letters.newest(1).at(0).from == "toy/" + std::to_string(id));
  world.store.refuse({error_code::store_unavailable, "no disk"});
  const auto down = world.toy(id, toy::add{1});
  world.node.run();
  CHECK(down.refusal() == error_code::store_unavailable);
  CHECK(letters.counts().size() == 1);  // the store being away is no overload
  world.store.accept();
}

TEST_CASE("the trace of a command stands in its journal record, with its child's events", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  protocol::command_message message;
  message.kind = toy_aggregate::kind;
  message.target = parent;
  message.context.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  message.command = domain::erase<toy::command>(toy::add_part{});
  message.reply = awaited().slot();
  world.region->send(std::move(message));
  world.node.run();
  const auto records = world.store.read(1, 0, 10, 1 << 20).value();
  REQUIRE(records.size() == 2);
  CHECK(records[0].trace.empty());
  CHECK(records[1].trace == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  CHECK(records[1].events.size() == 2);
}

TEST_CASE("64 likes in flight: one event, one count", "[aggregates]") {
  region_world world;
  const domain::user::state user{5, "Ann", "ann@example.org", "hash", 1, {}, 0, {}, 0};
  world.store.put({domain::table::state, 1, 5, {}}, user);
  const auto written = world.send<domain::post_aggregate>(0, 1, 5, domain::post::write{"a long post"});
  world.node.run();
  const auto post = written.value<domain::post_aggregate, domain::post::post_view>().seq;
  world.store.hold_commits(true);
  std::vector<awaited> likes;
  for (int i = 0; i < 64; ++i) likes.push_back(world.send<domain::post_aggregate>(post, 0, 5, domain::post::like{5}));
  world.node.run();
  world.store.commit_all();
  world.node.run();
  for (const auto& like : likes)
    CHECK(like.value<domain::post_aggregate, domain::post::post_view>().numbers.likes == 1);
  CHECK(world.events() == 2);
  CHECK(world.store.table_rows(domain::table::like).size() == 1);
}

}  // namespace
}  // namespace social::aggregates::test
