// What a shard does: ids, unique keys, the life of entities, the stop.
#include <set>

#include "tests/support/captured_log.hpp"
#include "tests/support/region_world.hpp"

namespace social::aggregates::test {
namespace {

using namespace social::test;
using domain::toy_aggregate;
using domain::user_aggregate;
namespace toy = domain::toy;

awaited join(region_world& world, const std::string& email) {
  return world.send<user_aggregate>(0, 1, 0, domain::user::join{"Ann", email, "hash", 1});
}

TEST_CASE("commands wait for new ids and are done when they are there", "[aggregates]") {
  region_world world;
  world.store.hold_refills(true);
  std::vector<awaited> opened;
  opened.reserve(3);
  for (int i = 0; i < 3; ++i) opened.push_back(world.toy(0, toy::open{}));
  world.node.run();
  for (const auto& answer : opened) CHECK_FALSE(answer.arrived());
  CHECK(world.store.finish_refills() == 1);  // one refill for all that wait
  world.node.run();
  std::set<id_t> ids;
  for (const auto& answer : opened) ids.insert(answer.value<toy_aggregate, toy::view>().seq);
  CHECK(ids.size() == 3);
}

TEST_CASE("more commands than a block has ids wait for the next block", "[aggregates]") {
  region_world world;
  world.store.hold_refills(true);
  std::vector<awaited> opened;
  opened.reserve(1025);
  for (int i = 0; i < 1025; ++i) opened.push_back(world.toy(0, toy::open{}));
  world.node.run();
  CHECK(world.store.finish_refills() == 1);
  world.node.run();
  CHECK(opened[1023].succeeded());
  CHECK_FALSE(opened[1024].arrived());
  CHECK(world.store.finish_refills() == 1);
  world.node.run();
  CHECK(opened[1024].succeeded());
}

TEST_CASE("a refill that fails refuses what waits, and the next command tries again", "[aggregates]") {
  region_world world;
  world.store.hold_refills(true);
  const auto one = world.toy(0, toy::open{});
  world.node.run();
  world.store.finish_refills(error{error_code::outcome_unknown});
  world.node.run();
  CHECK(one.refusal() == error_code::store_unavailable);  // nothing was done
  const auto two = world.toy(0, toy::open{});
  world.node.run();
  CHECK(world.store.finish_refills() == 1);
  world.node.run();
  CHECK(two.succeeded());
}

TEST_CASE("at the limit commands wait in the shard, one beyond is refused", "[aggregates]") {
  aggregate_limits limits;
  limits.shard_waiting_max = 2;
  region_world world(limits);
  world.store.hold_refills(true);
  const auto one = world.toy(0, toy::open{});
  const auto two = world.toy(0, toy::open{});
  const auto three = world.toy(0, toy::open{});
  world.node.run();
  CHECK_FALSE(two.arrived());
  CHECK(three.refusal() == error_code::overloaded);
  CHECK(world.node->context().dead_letters.counts().at("queue_full") == 1);
  world.store.finish_refills();
  world.node.run();
  CHECK(one.succeeded());
  CHECK(two.succeeded());
  const auto again = world.toy(0, toy::open{});
  world.node.run();
  CHECK(again.succeeded());  // the places were given back
}

TEST_CASE("at the mailbox's limit commands are taken, one beyond is shed", "[aggregates]") {
  aggregate_limits limits;
  limits.shard_mailbox_max = 2;
  region_world world(limits);
  world.node.run();
  const auto one = world.toy(0, toy::open{});
  const auto two = world.toy(0, toy::open{});
  const auto three = world.toy(0, toy::open{});
  CHECK(three.refusal() == error_code::overloaded);
  world.node.run();
  CHECK(one.succeeded());
  CHECK(two.succeeded());
  CHECK(world.node->context().dead_letters.counts().at("mailbox_full") == 1);
}

TEST_CASE("64 joins with one e-mail: one member, 63 refusals, one event", "[aggregates]") {
  region_world world;
  world.store.hold_commits(true);
  std::vector<awaited> joins;
  joins.reserve(64);
  for (int i = 0; i < 64; ++i) joins.push_back(join(world, i % 2 == 0 ? "ann@example.org" : "ANN@Example.org"));
  world.node.run();
  CHECK(world.store.waiting_commits() == 1);
  for (const auto& answer : joins) CHECK_FALSE(answer.arrived());
  world.store.commit_all();
  world.node.run();
  std::size_t members = 0;
  std::size_t refused = 0;
  for (const auto& answer : joins) {
    if (answer.succeeded()) ++members;
    if (answer.refusal() == error_code::email_taken) ++refused;
  }
  CHECK(members == 1);
  CHECK(refused == 63);
  CHECK(world.events() == 1);
  CHECK(world.store.table_rows(domain::table::email).size() == 1);
}

TEST_CASE("an e-mail whose join failed is free for the next", "[aggregates]") {
  region_world world;
  world.store.fail_commits(1, error_code::outcome_unknown);
  const auto one = join(world, "ann@example.org");
  const auto two = join(world, "ann@example.org");
  world.node.run();
  CHECK(one.refusal() == error_code::outcome_unknown);
  CHECK(two.succeeded());
}

TEST_CASE("different e-mails do not wait for each other", "[aggregates]") {
  region_world world;
  world.store.hold_commits(true);
  join(world, "ann@example.org");
  join(world, "bob@example.org");
  world.node.run();
  CHECK(world.store.waiting_commits() == 2);
}

TEST_CASE("who is idle leaves, and not a moment earlier", "[aggregates]") {
  aggregate_limits limits;
  limits.entity_idle_ms = 10'000;
  region_world world(limits);
  const auto id = world.open_toy();
  world.node.pass(std::chrono::seconds(9));
  CHECK(world.live("toy") == 1);
  CHECK(world.toy_view(id).seq == id);  // used again
  world.node.pass(std::chrono::seconds(9));
  CHECK(world.live("toy") == 1);
  world.node.pass(std::chrono::seconds(3));
  CHECK(world.live("toy") == 0);
  CHECK(world.toy_view(id).seq == id);
}

TEST_CASE("nobody leaves with a batch in flight; what arrives meanwhile is done by the next incarnation after it",
          "[aggregates]") {
  aggregate_limits limits;
  limits.entity_idle_ms = 1'000;
  region_world world(limits);
  const auto id = world.open_toy();
  world.store.hold_commits(true);
  const auto add = world.toy(id, toy::add{5});
  world.node.pass(std::chrono::seconds(5));
  CHECK(world.live("toy") == 1);
  const auto meanwhile = world.toy(id, toy::peek{});
  world.node.run();
  CHECK_FALSE(meanwhile.arrived());
  world.store.commit_all();
  world.node.run();
  CHECK(add.succeeded());
  CHECK(meanwhile.value<toy_aggregate, toy::view>().total == 5);
}

TEST_CASE("at the limit of entities the longest unused leave", "[aggregates]") {
  aggregate_limits limits;
  limits.shard_entities_max = 4;
  region_world world(limits);
  std::vector<id_t> ids;
  ids.reserve(4);
  for (int i = 0; i < 4; ++i) {
    ids.push_back(world.open_toy());
    world.toy_view(ids.back());  // a new one that nobody uses would leave before
  }
  world.toy_view(ids[0]);
  CHECK(world.live("toy") == 4);
  ids.push_back(world.open_toy());
  CHECK(world.live("toy") == 4);
  CHECK(world.node->context().actors.find("toy", ids[0]).handle);
  CHECK_FALSE(world.node->context().actors.find("toy", ids[1]).handle);
  for (const auto id : ids) CHECK(world.toy_view(id).seq == id);
}

/// Which actor is that entity now; 0: none.
caf::actor_id actor_of(region_world& world, id_t id) {
  const auto handle = world.node->context().actors.find("toy", id).handle;
  return handle ? handle.id() : 0;
}

TEST_CASE("new entities that nobody uses share a few actors and displace nobody", "[aggregates]") {
  aggregate_limits limits;
  limits.shard_entities_max = 256;  // so three new ones
  region_world world(limits);
  const auto used = world.open_toy();
  world.toy_view(used);
  const auto user = actor_of(world, used);
  std::set<caf::actor_id> actors;
  std::vector<id_t> ids;
  ids.reserve(60);
  for (int i = 0; i < 60; ++i) {
    ids.push_back(world.open_toy());
    actors.insert(actor_of(world, ids.back()));
  }
  CHECK(actors.size() == 3);
  CHECK_FALSE(actors.contains(0));
  CHECK(world.live("toy") == 1 + 3);
  CHECK(actor_of(world, used) == user);
  CHECK(actor_of(world, ids[0]) == 0);
  // What the actors did as others is still counted, and nothing of those is left in them.
  CHECK(world.node->context().actors.find("toy", ids.back()).info.messages_handled < 6);
  CHECK(world.node->context().actors.totals().at("toy").messages_handled > 60 * 2);
  for (const auto id : ids) CHECK(world.toy_view(id).seq == id);
  CHECK(world.live("toy") <= 256);
  CHECK(world.finish());
}

TEST_CASE("a full shard's newest takes over from the longest unused, with its state, not the former's",
          "[aggregates]") {
  aggregate_limits limits;
  limits.shard_entities_max = 2;
  region_world world(limits);
  const auto first = world.open_toy();
  world.toy(first, toy::add{5});
  world.node.run();
  const auto second = world.open_toy();
  CHECK(world.toy_view(second).total == 0);
  const auto actor = actor_of(world, first);
  const auto third = world.open_toy();
  CHECK(actor_of(world, third) == actor);
  world.toy(third, toy::add{7});
  world.node.run();
  CHECK(world.toy_view(third).total == 7);
  CHECK(world.toy_view(first).total == 5);
  CHECK(world.toy_view(second).total == 0);
  CHECK(world.finish());
}

TEST_CASE("an entity with a batch in flight is not taken over, and neither is one that failed", "[aggregates]") {
  aggregate_limits limits;
  limits.shard_entities_max = 2;
  region_world world(limits);
  std::vector<awaited> opened;
  opened.reserve(6);
  const auto fails = GENERATE(false, true);
  world.store.hold_commits(true);
  if (fails) world.store.fail_commits(1, error_code::outcome_unknown);
  for (int i = 0; i < 6; ++i) opened.push_back(world.toy(0, toy::open{}));
  world.node.run();
  CHECK(world.live("toy") == 6);
  world.store.hold_commits(false);
  world.store.commit_all();
  world.node.run();
  std::size_t succeeded = 0;
  for (const auto& answer : opened) {
    REQUIRE(answer.arrived());
    if (!answer.succeeded()) continue;
    ++succeeded;
    const auto id = answer.value<toy_aggregate, toy::view>().seq;
    CHECK(world.toy_view(id).seq == id);
  }
  CHECK(succeeded == (fails ? 0 : 6));
  for (int i = 0; i < 6; ++i) CHECK(world.toy_view(world.open_toy()).total == 0);
  CHECK(world.live("toy") <= 2);
  CHECK(world.finish());
}

TEST_CASE("those that rest after a crash do not keep others from leaving", "[aggregates]") {
  aggregate_limits limits;
  limits.shard_entities_max = 4;
  region_world world(limits);
  for (int i = 0; i < 20; ++i) {  // more than are looked at for one that may leave
    caf::anon_send_exit(world.node->context().actors.find("toy", world.open_toy()).handle, caf::exit_reason::kill);
    world.node.run();
  }
  std::vector<id_t> ids;
  ids.reserve(40);
  for (int i = 0; i < 40; ++i) {
    ids.push_back(world.open_toy());
    CHECK(world.toy_view(ids.back()).seq == ids.back());  // so it is no new one any more
    CHECK(world.live("toy") <= 4 + 1);
  }
  for (const auto id : ids) CHECK(world.toy_view(id).seq == id);
  CHECK(world.finish());
}

TEST_CASE("an actor that is killed before it takes over is replaced", "[aggregates]") {
  aggregate_limits limits;
  limits.shard_entities_max = 1;
  region_world world(limits);
  const auto first = world.open_toy();
  const auto victim = world.node->context().actors.find("toy", first).handle;
  // It hears of its end first, the shard of the new entity.
  caf::anon_send_exit(victim, caf::exit_reason::kill);
  const auto second = world.toy(0, toy::open{});
  world.node.run();
  CHECK(second.arrived());
  world.node.pass(std::chrono::seconds(2));
  CHECK(world.toy_view(world.open_toy()).total == 0);
  CHECK(world.toy_view(first).seq == first);
  CHECK(world.live("toy") <= 2);
  CHECK(world.finish());
}

TEST_CASE("a kind that is not served and a command without a target are refused", "[aggregates]") {
  region_world world;
  protocol::command_message message;
  message.kind = domain::aggregate_kind::subscription;
  message.target = 5;
  message.command = domain::erase<toy::command>(toy::peek{});
  const awaited answer;
  message.reply = answer.slot();
  world.region->send(std::move(message));
  const auto lost = world.toy(0, toy::add{1});
  world.node.run();
  CHECK(answer.refusal() == error_code::unavailable);
  CHECK(lost.refusal() == error_code::internal);
}

TEST_CASE("a stop finishes what was accepted and refuses what comes later", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.store.hold_commits(true);
  const auto add = world.toy(id, toy::add{1});
  world.node.run();
  world.region->close();
  const auto late = world.toy(id, toy::add{1});
  CHECK(late.refusal() == error_code::shutting_down);
  world.node.run();
  CHECK_FALSE(add.arrived());
  world.store.commit_all();
  world.node.run();
  CHECK(add.succeeded());
  CHECK(world.region->stop(std::chrono::milliseconds(0)));
  CHECK(world.finish());
}

TEST_CASE("a stop waits for the incarnation that somebody was waiting for", "[aggregates]") {
  aggregate_limits limits;
  limits.entity_idle_ms = 1'000;
  region_world world(limits);
  const auto id = world.open_toy();
  world.store.hold_commits(true);
  world.toy(id, toy::add{5});
  world.node.pass(std::chrono::seconds(3));  // told to stop, a batch in flight
  const auto buffered = world.toy(id, toy::peek{});
  world.node.run();
  world.region->close();
  world.node.run();
  world.store.commit_all();
  world.node.run();
  CHECK(buffered.value<toy_aggregate, toy::view>().total == 5);
  CHECK(world.region->stop(std::chrono::milliseconds(0)));
}

TEST_CASE("a stop refuses what waits for ids, keys and crashed entities", "[aggregates]") {
  region_world world;
  const auto id = world.open_toy();
  world.toy(id, toy::fail{toy::place::decide});
  world.node.run();
  const auto for_crashed = world.toy(id, toy::peek{});
  world.store.hold_refills(true);
  const auto for_ids = world.toy(0, toy::open{"a name"});
  const auto for_key = world.toy(0, toy::open{"a name"});
  world.node.run();
  world.region->close();
  world.node.run();
  world.store.finish_refills();
  world.node.run();
  CHECK(for_crashed.refusal() == error_code::shutting_down);
  CHECK(for_ids.refusal() == error_code::shutting_down);
  CHECK(for_key.refusal() == error_code::shutting_down);
  CHECK(world.region->stop(std::chrono::milliseconds(0)));
}

TEST_CASE("a stop whose deadline passes ends everybody anyway", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  world.toy(parent, toy::add_part{});
  world.node.run();
  world.store.hold_commits(true);
  const auto add = world.toy(parent, toy::add{1});
  world.node.run();
  CHECK_FALSE(world.region->stop(std::chrono::milliseconds(0)));
  world.node.run();
  CHECK(add.refusal() == error_code::outcome_unknown);
  CHECK(world.live("toy") == 0);
  CHECK(world.finish());
}

TEST_CASE("inspection tells of a shard", "[aggregates]") {
  region_world world;
  world.open_toy();
  auto seen = std::make_shared<std::string>();
  caf::anon_send(world.node->context().actors.find("shard", 1).handle,
                 runtime::inspect_request{1, std::make_shared<reply_slot<std::string>>(
                                                 [seen](result<std::string> state) { *seen = state.value(); })});
  world.node.run();
  CHECK(*seen == R"({"entities":1,"waiting":0,"uniqueKeysHeld":0,"journalHead":1})");
}

}  // namespace
}  // namespace social::aggregates::test
