// A child is decided together with its parent and committed by it.
#include <random>

#include "tests/support/captured_log.hpp"
#include "tests/support/region_world.hpp"

namespace social::aggregates::test {
namespace {

using namespace social::test;
using domain::toy_aggregate;
namespace toy = domain::toy;

std::uint64_t total(region_world& world, id_t id) {
  const auto sums = world.store.row<toy::sums>({domain::table::counts, 200, id, {}});
  return sums ? sums->total : 0;
}

/// The part's own reply: it names its id.
id_t new_part(region_world& world, id_t parent) {
  const auto added = world.toy(parent, toy::add_part{});
  world.node.run();
  return added.value<toy_aggregate, toy::view>().seq;
}

TEST_CASE("parent and child are written in one batch, and the child's reply is the reply", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  const auto commits = world.store.commits();
  const auto part = new_part(world, parent);
  CHECK(part != parent);
  CHECK(world.store.commits() == commits + 1);
  const auto records = world.store.read(1, 1, 10, 1 << 20).value();
  REQUIRE(records.size() == 1);
  REQUIRE(records[0].events.size() == 2);
  CHECK(records[0].events[0].id == parent);
  CHECK(records[0].events[1].id == part);
  CHECK(total(world, parent) == 1);
  CHECK(world.store.row<toy::state>({domain::table::state, 200, part, {}})->seq == part);
}

TEST_CASE("a child builds on its own undurable steps", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  const auto part = new_part(world, parent);
  world.store.hold_commits(true);
  const auto one = world.toy(parent, toy::add_to_part{part, 5});
  const auto two = world.toy(parent, toy::add_to_part{part, 6});
  world.node.run();
  CHECK(world.store.waiting_commits() == 2);
  CHECK_FALSE(one.arrived());
  world.store.commit_all();
  world.node.run();
  CHECK(one.value<toy_aggregate, toy::view>().total == 5);
  CHECK(two.value<toy_aggregate, toy::view>().total == 11);
  CHECK(total(world, part) == 11);
}

TEST_CASE("a child looks through its own undurable rows, and no longer than they are", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  const auto part = new_part(world, parent);
  const domain::row_key label{domain::table::gather, part, 0, "red"};
  world.store.hold_commits(true);
  const auto one = world.toy(parent, toy::label_part{part, "red"});
  const auto two = world.toy(parent, toy::label_part{part, "red"});
  world.node.run();
  CHECK_FALSE(world.store.row<toy::label_row>(label));
  world.store.commit_all();
  world.node.run();
  CHECK(one.value<toy_aggregate, toy::view>().labels == 1);
  CHECK(two.value<toy_aggregate, toy::view>().labels == 1);
  world.store.hold_commits(false);
  // What is durable is read where it lies: so it shows that somebody has taken it away there.
  world.store.erase(label);
  const auto three = world.toy(parent, toy::label_part{part, "red"});
  world.node.run();
  CHECK(three.value<toy_aggregate, toy::view>().labels == 2);
  CHECK(world.store.row<toy::label_row>(label));
}

TEST_CASE("a child hears of what became durable when it is asked again, and is sent nothing else", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  const auto part = new_part(world, parent);
  const auto handled = [&] { return world.node->context().actors.find("toy", part).info.messages_handled; };
  CHECK(handled() == 1);
  world.toy(parent, toy::add_to_part{part, 5});
  world.node.run();
  CHECK(handled() == 2);
}

TEST_CASE("a refused child changes nothing, not even its parent", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  const auto refused = world.toy(parent, toy::add_part{.refused = true});
  world.node.run();
  CHECK(refused.refusal() == error_code::forbidden);
  CHECK(world.events() == 1);
  CHECK(world.store.reserved() == 0);
  CHECK(world.toy_view(parent).total == 0);
}

TEST_CASE("a refusal does not make a child forget what it has in flight", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  const auto part = new_part(world, parent);
  world.store.hold_commits(true);
  world.toy(parent, toy::add_to_part{part, 5});
  const auto unknown = world.toy(parent, toy::add_to_part{part + 400, 1});
  const auto more = world.toy(parent, toy::add_to_part{part, 6});
  world.node.run();
  world.store.commit_all();
  world.node.run();
  CHECK(unknown.refusal() == error_code::not_found);
  CHECK(more.value<toy_aggregate, toy::view>().total == 11);
}

TEST_CASE("a child that fails answers an error, and its parent lives on", "[aggregates]") {
  const captured_log log;
  region_world world;
  const auto parent = world.open_toy();
  const auto failing = world.toy(parent, toy::add_part{.failing = true});
  world.node.run();
  CHECK(failing.refusal() == error_code::internal);
  CHECK(log.count(log::level::error, "an actor failed") == 1);
  CHECK(world.store.reserved() == 0);
  CHECK(world.toy_view(parent).total == 0);
  new_part(world, parent);
}

TEST_CASE("a child that is killed holds up nobody, whatever it was asked", "[aggregates]") {
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    region_world world;
    const auto parent = world.open_toy();
    const auto part = new_part(world, parent);
    const auto victim = world.node->context().actors.find("toy", part).handle;
    const auto step = world.toy(parent, toy::add_to_part{part, 5});
    for (auto steps = random() % 4; steps != 0; --steps) world.node.step(&random);
    caf::anon_send_exit(victim, caf::exit_reason::kill);
    world.node.run(&random);
    REQUIRE(step.arrived());
    CHECK(world.store.reserved() == 0);
    const auto before = total(world, part);
    CHECK(before == (step.succeeded() ? 5 : 0));
    if (!step.succeeded()) {
      CHECK(step.refusal() == error_code::internal);
      ++refused;
    }
    const auto next = world.toy(parent, toy::add_to_part{part, 6});
    world.node.run();
    CHECK(next.value<toy_aggregate, toy::view>().total == before + 6);
    CHECK(world.finish());
  }
  CHECK(refused > 0);  // it was asked when it was gone already
  CHECK(refused < 100);
}

TEST_CASE("a child that failed with a step in flight starts again only after that step", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  const auto part = new_part(world, parent);
  world.store.hold_commits(true);
  const auto five = world.toy(parent, toy::add_to_part{part, 5});
  const auto failing = world.toy(parent, toy::add_to_part{.part = part, .failing = true});
  const auto too_early = world.toy(parent, toy::add_to_part{part, 6});
  world.node.run();
  world.store.commit_all();
  world.node.run();
  CHECK(five.succeeded());
  CHECK(failing.refusal() == error_code::internal);
  CHECK(too_early.refusal() == error_code::internal);
  CHECK(world.store.reserved() == 0);
  world.store.hold_commits(false);
  const auto more = world.toy(parent, toy::add_to_part{part, 6});
  world.node.run();
  CHECK(more.value<toy_aggregate, toy::view>().total == 11);
}

TEST_CASE("a failed write takes the child's speculative state with it", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  const auto part = new_part(world, parent);
  world.store.hold_commits(true);
  world.store.fail_commits(1, error_code::outcome_unknown);
  const auto five = world.toy(parent, toy::add_to_part{part, 5});
  world.node.run();
  world.store.commit_all();
  world.node.run();
  CHECK(five.refusal() == error_code::outcome_unknown);
  world.store.hold_commits(false);
  const auto six = world.toy(parent, toy::add_to_part{part, 6});
  world.node.run();
  CHECK(six.value<toy_aggregate, toy::view>().total == 6);
}

TEST_CASE("a child whose rows need the disk is read by the readers", "[aggregates]") {
  region_world world;
  const auto parent = world.open_toy();
  const auto part = new_part(world, parent);
  world.store.fail_in_the_background();
  world.store.cold_cache(true);
  const auto five = world.toy(parent, toy::add_to_part{part, 5});
  const auto six = world.toy(parent, toy::add_to_part{part, 6});
  world.node.run();
  CHECK(five.value<toy_aggregate, toy::view>().total == 5);
  CHECK(six.value<toy_aggregate, toy::view>().total == 11);
}

TEST_CASE("children beyond the limit leave, the longest unused first", "[aggregates]") {
  aggregate_limits limits;
  limits.children_max = 2;
  region_world world(limits);
  const auto parent = world.open_toy();
  std::vector<id_t> parts;
  parts.reserve(4);
  for (int i = 0; i < 4; ++i) {
    parts.push_back(new_part(world, parent));
    world.toy(parent, toy::add_to_part{parts.back(), 1});  // a new one that nobody uses would leave before
    world.node.run();
  }
  CHECK(world.live("toy") == 1 + 2);
  CHECK_FALSE(world.node->context().actors.find("toy", parts[0]).handle);
  CHECK(world.node->context().actors.find("toy", parts[3]).handle);
  const auto back = world.toy(parent, toy::add_to_part{parts[0], 3});
  world.node.run();
  CHECK(back.value<toy_aggregate, toy::view>().total == 1 + 3);
}

TEST_CASE("new children that nobody uses share an actor and displace nobody", "[aggregates]") {
  aggregate_limits limits;
  limits.children_max = 4;  // so one new one
  region_world world(limits);
  const auto parent = world.open_toy();
  const auto used = new_part(world, parent);
  world.toy(parent, toy::add_to_part{used, 5});
  world.node.run();
  const auto user = world.node->context().actors.find("toy", used).handle;
  const auto first = new_part(world, parent);
  const auto shared = world.node->context().actors.find("toy", first).handle;
  for (int i = 0; i < 20; ++i) {
    const auto next = new_part(world, parent);
    CHECK(world.node->context().actors.find("toy", next).handle == shared);
  }
  CHECK(world.node->context().actors.find("toy", used).handle == user);
  CHECK(world.live("toy") == 1 + 2);
  const auto back = world.toy(parent, toy::add_to_part{first, 3});
  world.node.run();
  CHECK(back.value<toy_aggregate, toy::view>().total == 3);
  CHECK(world.finish());
}

/// What an actor says of itself, asked for as that one.
std::optional<std::string> said_as(region_world& world, const caf::actor& whom, id_t id) {
  auto seen = std::make_shared<std::optional<std::string>>();
  caf::anon_send(whom, runtime::inspect_request{
                           id, std::make_shared<reply_slot<std::string>>([seen](const result<std::string>& state) {
                             if (state) *seen = *state;
                           })});
  world.node.run();
  return *seen;
}

TEST_CASE("a child that was used last long ago becomes the next one and keeps nothing of the former", "[aggregates]") {
  aggregate_limits limits;
  limits.children_max = 1;
  region_world world(limits);
  const auto parent = world.open_toy();
  const auto first = new_part(world, parent);
  world.toy(parent, toy::add_to_part{first, 5});
  world.node.run();
  const auto actor = world.node->context().actors.find("toy", first).handle;
  const auto second = new_part(world, parent);
  CHECK(world.node->context().actors.find("toy", second).handle == actor);
  CHECK_FALSE(said_as(world, actor, first));
  CHECK(said_as(world, actor, second));
  CHECK(total(world, second) == 0);
  // And back, from what is written.
  const auto back = world.toy(parent, toy::add_to_part{first, 3});
  world.node.run();
  CHECK(back.value<toy_aggregate, toy::view>().total == 8);
  CHECK(world.node->context().actors.find("toy", first).handle == actor);
  CHECK(world.live("toy") == 1 + 1);
}

TEST_CASE("a child with a step in flight stays what it is, and a burst's children become fewer again", "[aggregates]") {
  aggregate_limits limits;
  limits.children_max = 2;
  region_world world(limits);
  const auto parent = world.open_toy();
  const auto part = new_part(world, parent);
  world.store.hold_commits(true);
  const auto five = world.toy(parent, toy::add_to_part{part, 5});
  for (int i = 0; i < 6; ++i) world.toy(parent, toy::add_part{});
  const auto six = world.toy(parent, toy::add_to_part{part, 6});
  world.node.run();
  CHECK(world.live("toy") == 1 + 7);
  world.store.hold_commits(false);
  world.store.commit_all();
  world.node.run();
  CHECK(five.value<toy_aggregate, toy::view>().total == 5);
  CHECK(six.value<toy_aggregate, toy::view>().total == 11);
  for (int i = 0; i < 6; ++i) new_part(world, parent);
  CHECK(world.live("toy") == 1 + 2);
  CHECK(total(world, parent) == 1 + 6 + 2 + 6);
  CHECK(world.finish());
}

TEST_CASE("a parent that goes takes its children with it", "[aggregates]") {
  aggregate_limits limits;
  limits.entity_idle_ms = 1'000;
  region_world world(limits);
  const auto parent = world.open_toy();
  const auto part = new_part(world, parent);
  SECTION("idle") {
    world.node.pass(std::chrono::seconds(3));
  }
  SECTION("crashed, with a step of the child in flight") {
    world.store.hold_commits(true);
    world.toy(parent, toy::add_to_part{part, 1});
    world.toy(parent, toy::fail{toy::place::decide});
    world.node.run();
  }
  CHECK(world.live("toy") == 0);
}

TEST_CASE("a comment may have the number of its post", "[aggregates]") {
  // Ids are counted per kind: the first post and the first comment of a shard share one. A post that is not in memory
  // was taken for a new one then, and not found.
  region_world world;
  const domain::user::state user{5, "Ann", "ann@example.org", "hash", 1, {}, 0, {}, 0};
  world.store.put({domain::table::state, 1, 5, {}}, user);
  const auto written = world.send<domain::post_aggregate>(0, 1, 5, domain::post::write{"a long post"});
  world.node.run();
  const auto post = written.value<domain::post_aggregate, domain::post::post_view>().seq;
  world.node.pass(std::chrono::minutes(11));
  REQUIRE(world.live("post") == 0);
  const auto commented =
      world.send<domain::post_aggregate>(post, 0, 5, domain::post::write_comment{5, "a long comment"});
  world.node.run();
  const auto comment = commented.value<domain::comment_aggregate, domain::comment::comment_view>();
  CHECK(comment.seq == post);
  CHECK(world.store.row<domain::post::counts>({domain::table::counts, 2, post, {}})->comments == 1);
}

}  // namespace
}  // namespace social::aggregates::test
