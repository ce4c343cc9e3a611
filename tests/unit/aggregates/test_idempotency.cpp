// Commands under an idempotency key: done once, answered again with the first outcome, whatever happens in between.
#include "actors/domain/idempotency.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/region_world.hpp"

namespace social::aggregates::test {
namespace {

using namespace social::test;
using domain::toy_aggregate;
namespace toy = domain::toy;

constexpr id_t ann = 5;

struct keyed {
  id_t target = 0;
  std::string key = "k";
  std::string fingerprint = "f";
  id_t caller = ann;
  std::string scope{};
};

class keyed_world : public region_world {
 public:
  using region_world::region_world;

  /// Like `awaited`, and whether the answer was a stored one.
  struct told : awaited {
    std::shared_ptr<bool> replayed = std::make_shared<bool>(false);
    [[nodiscard]] id_t seq() const { return value<toy_aggregate, toy::view>().seq; }
    [[nodiscard]] std::uint64_t total() const { return value<toy_aggregate, toy::view>().total; }
  };

  told ask(keyed how, toy::command command) {
    told answer;
    protocol::command_message message;
    message.kind = toy_aggregate::kind;
    message.target = how.target;
    message.shard = 1;
    message.context.now = node.clock().now();
    message.context.caller = how.caller;
    message.context.idempotency = {how.key, how.scope, how.fingerprint};
    message.command = domain::erase(std::move(command));
    message.reply = std::make_shared<protocol::command_slot::element_type>(
        [slot = answer.slot(), replayed = answer.replayed](protocol::command_result outcome) {
          *replayed = outcome && (*outcome)->replayed;
          slot->answer(std::move(outcome));
        });
    region->send(std::move(message));
    return answer;
  }
  told done(keyed how, toy::command command) {
    auto answer = ask(std::move(how), std::move(command));
    node.run();
    return answer;
  }
  [[nodiscard]] std::size_t outcomes() const { return store.table_rows(domain::table::idempotency).size(); }
};

TEST_CASE("a repeated command is answered again and does nothing", "[aggregates][idempotency]") {
  keyed_world world;
  const auto first = world.done({}, toy::open{});
  CHECK_FALSE(*first.replayed);
  const auto again = world.done({}, toy::open{});
  CHECK(*again.replayed);
  CHECK(again.seq() == first.seq());
  CHECK(world.events() == 1);
  CHECK(world.outcomes() == 1);

  const auto added = world.done({.target = first.seq(), .key = "add"}, toy::add{5});
  world.done({.target = first.seq(), .key = "other"}, toy::add{1});
  const auto added_again = world.done({.target = first.seq(), .key = "add"}, toy::add{5});
  CHECK(*added_again.replayed);
  CHECK(added_again.total() == added.total());  // the stored outcome, not the state of now
  CHECK(world.toy_view(first.seq()).total == 6);
}

TEST_CASE("the outcome is in the batch of the events", "[aggregates][idempotency]") {
  keyed_world world;
  const auto before = world.store.commits();
  world.done({}, toy::open{});
  CHECK(world.store.commits() == before + 1);
  CHECK(world.outcomes() == 1);
}

TEST_CASE("one key for something else is refused, on the same entity and on another", "[aggregates][idempotency]") {
  keyed_world world;
  const auto first = world.done({}, toy::open{});
  CHECK(world.done({.fingerprint = "g"}, toy::open{}).refusal() == error_code::idempotency_key_reused);
  CHECK(world.done({.target = first.seq(), .fingerprint = "g"}, toy::add{1}).refusal() ==
        error_code::idempotency_key_reused);
  CHECK(world.events() == 1);
}

TEST_CASE("a key belongs to its caller, or to an e-mail", "[aggregates][idempotency]") {
  keyed_world world;
  const auto one = world.done({}, toy::open{});
  const auto other = world.done({.caller = ann + 1}, toy::open{});
  const auto nobody = world.done({.caller = 0, .scope = "a@b.c"}, toy::open{});
  const auto signed_in = world.done({.caller = ann, .scope = "a@b.c"}, toy::open{});  // as a join's key, signing in
  CHECK(std::set<id_t>{one.seq(), other.seq(), nobody.seq()}.size() == 3);
  CHECK(signed_in.seq() == nobody.seq());
}

TEST_CASE("64 at once under one key: one is carried out, all are answered alike", "[aggregates][idempotency]") {
  keyed_world world;
  world.store.hold_commits(true);
  std::vector<keyed_world::told> asked;
  for (int i = 0; i < 64; ++i) asked.push_back(world.ask({}, toy::open{}));
  world.node.run();
  CHECK(world.store.waiting_commits() == 1);
  for (const auto& answer : asked) CHECK_FALSE(answer.arrived());
  world.store.commit_all();
  world.node.run();
  for (const auto& answer : asked) CHECK(answer.seq() == asked.front().seq());
  CHECK(std::count_if(asked.begin(), asked.end(), [](const auto& answer) { return !*answer.replayed; }) == 1);
  CHECK(world.events() == 1);
}

TEST_CASE("repeats wait in the shard up to its limit, one beyond is refused", "[aggregates][idempotency]") {
  aggregate_limits limits;
  limits.shard_waiting_max = 2;
  keyed_world world(limits);
  world.open_toy();  // from here on nobody waits for ids
  world.store.hold_commits(true);
  const auto first = world.ask({}, toy::open{});
  const auto second = world.ask({}, toy::open{});
  const auto third = world.ask({}, toy::open{});
  const auto beyond = world.ask({}, toy::open{});
  world.node.run();
  CHECK(beyond.refusal() == error_code::overloaded);
  world.store.commit_all();
  world.node.run();
  CHECK(third.seq() == first.seq());
  CHECK(second.succeeded());
}

TEST_CASE("an unknown outcome that was written after all is the answer of the repeat", "[aggregates][idempotency]") {
  keyed_world world;
  world.store.fail_commits(1, error_code::outcome_unknown, true);
  CHECK(world.done({}, toy::open{}).refusal() == error_code::outcome_unknown);
  const auto again = world.done({}, toy::open{});
  CHECK(*again.replayed);
  CHECK(again.succeeded());
  CHECK(world.events() == 1);
}

TEST_CASE("an unknown outcome that was lost is made good by the repeat", "[aggregates][idempotency]") {
  keyed_world world;
  world.store.fail_commits(1, error_code::outcome_unknown, false);
  CHECK(world.done({}, toy::open{}).refusal() == error_code::outcome_unknown);
  const auto again = world.done({}, toy::open{});
  CHECK_FALSE(*again.replayed);
  CHECK(again.succeeded());
  CHECK(world.events() == 1);
}

TEST_CASE("an entity that crashes with the batch in flight: the repeat waits for the batch, not for the answer",
          "[aggregates][idempotency]") {
  const captured_log quiet;
  keyed_world world;
  world.store.hold_commits(true);
  const auto first = world.ask({}, toy::open{});
  world.node.run();
  const auto entity = world.node->context().actors.list({"toy", {}, runtime::actor_order::id, 10}).at(0);
  world.toy(entity.id, toy::fail{toy::place::lookups});
  world.node.run();
  CHECK(first.refusal() == error_code::outcome_unknown);  // its entity is gone
  const auto again = world.ask({}, toy::open{});          // a new id, a new entity: only the key tells
  world.node.run();
  CHECK_FALSE(again.arrived());
  CHECK(world.store.waiting_commits() == 1);
  world.store.commit_all();
  world.node.run();
  CHECK(*again.replayed);
  CHECK(again.seq() == entity.id);
  CHECK(world.events() == 1);
}

TEST_CASE("after a kill the repeat gets what was committed, and carries out what was not",
          "[aggregates][idempotency]") {
  std::optional<memory_store::image> without;
  std::optional<memory_store::image> with;
  {
    keyed_world world;
    world.store.hold_commits(true);
    world.ask({}, toy::open{});
    world.node.run();
    without = world.store.crash();
    world.store.commit_all();
    with = world.store.crash();
  }
  keyed_world lost(*without, {});
  CHECK_FALSE(*lost.done({}, toy::open{}).replayed);
  CHECK(lost.events() == 1);
  keyed_world kept(*with, {});
  CHECK(*kept.done({}, toy::open{}).replayed);
  CHECK(kept.events() == 1);
}

TEST_CASE("what changed nothing is kept, so that its repeat does not change something later",
          "[aggregates][idempotency]") {
  keyed_world world;
  const auto id = world.open_toy();
  world.toy(id, toy::label{"x"});
  world.node.run();
  const auto events = world.events();
  CHECK(world.done({.target = id}, toy::label{"x"}).value<toy_aggregate, toy::view>().labels == 1);
  CHECK(world.events() == events);
  CHECK(world.outcomes() == 1);
  CHECK(*world.done({.target = id}, toy::label{"x"}).replayed);
}

TEST_CASE("a refusal is not kept: the same call may succeed later", "[aggregates][idempotency]") {
  keyed_world world;
  const auto id = world.open_toy();
  CHECK(world.done({.target = id}, toy::refuse{}).refusal() == error_code::forbidden);
  CHECK(world.outcomes() == 0);
  CHECK(world.done({.target = id}, toy::add{1}).succeeded());
}

TEST_CASE("a full queue refuses without a trace", "[aggregates][idempotency]") {
  keyed_world world;
  const auto id = world.open_toy();
  world.store.refuse(error_code::overloaded);
  CHECK(world.done({.target = id}, toy::add{1}).refusal() == error_code::overloaded);
  CHECK(world.done({.target = id, .key = "peek"}, toy::peek{}).refusal() == error_code::overloaded);
  world.store.accept();
  CHECK_FALSE(*world.done({.target = id}, toy::add{1}).replayed);
  CHECK(world.store.reserved() == 0);
}

TEST_CASE("a child's outcome is answered again by its parent", "[aggregates][idempotency]") {
  keyed_world world;
  const auto parent = world.open_toy();
  const auto part = world.done({.target = parent}, toy::add_part{});
  const auto events = world.events();
  const auto again = world.done({.target = parent}, toy::add_part{});
  CHECK(*again.replayed);
  CHECK(again.seq() == part.seq());
  CHECK(world.events() == events);
  CHECK(world.done({.target = parent, .key = "p"}, toy::add_to_part{part.seq(), 3}).total() == 3);
  CHECK(*world.done({.target = parent, .key = "p"}, toy::add_to_part{part.seq(), 3}).replayed);
  CHECK(world.toy_view(parent).total == 2);
}

TEST_CASE("rows that are not in the cache are fetched", "[aggregates][idempotency]") {
  keyed_world world;
  const auto first = world.done({}, toy::open{});
  world.store.cold_cache(true);
  const auto again = world.done({}, toy::open{});
  CHECK(*again.replayed);
  CHECK(again.seq() == first.seq());
}

TEST_CASE("an outcome is kept for 24 hours, over midnight, and no longer", "[aggregates][idempotency]") {
  using namespace std::chrono_literals;
  keyed_world world;
  const auto first = world.done({}, toy::open{});
  world.node.clock().pass(24h - 1ms);
  CHECK(*world.done({}, toy::open{}).replayed);
  world.node.clock().pass(1ms);
  const auto anew = world.done({}, toy::open{});
  CHECK_FALSE(*anew.replayed);
  CHECK(anew.seq() != first.seq());
  world.node.clock().pass(1h);
  CHECK(world.done({}, toy::open{}).seq() == anew.seq());  // the newer of two
}

TEST_CASE("days that nobody looks up are swept, and nothing else", "[aggregates][idempotency]") {
  using namespace std::chrono_literals;
  keyed_world world;
  for (int i = 0; i < 600; ++i) world.done({.key = "old-" + std::to_string(i)}, toy::open{});  // more than a page
  world.node.clock().pass(24h);
  world.done({.key = "yesterday"}, toy::open{});
  world.node.clock().pass(24h);
  world.done({.key = "today"}, toy::open{});
  CHECK(world.outcomes() == 602);
  world.node.pass(10min);
  CHECK(world.outcomes() == 2);
  CHECK(*world.done({.key = "today"}, toy::open{}).replayed);
}

TEST_CASE("a sweep that fails comes again", "[aggregates][idempotency]") {
  using namespace std::chrono_literals;
  const captured_log quiet;
  keyed_world world;
  world.done({}, toy::open{});
  world.node.clock().pass(72h);
  world.store.fail_reads(error{error_code::io_error});
  world.node.pass(10min);
  world.store.fail_reads(std::nullopt);
  world.store.refuse(error_code::overloaded);
  world.node.pass(10min);
  world.store.accept();
  world.store.fail_commits(1, error_code::outcome_unknown);
  world.node.pass(10min);
  CHECK(world.outcomes() == 1);
  world.node.pass(10min);
  CHECK(world.outcomes() == 0);
}

TEST_CASE("a damaged outcome is neither repeated nor carried out", "[aggregates][idempotency]") {
  captured_log quiet;
  keyed_world world;
  world.done({}, toy::open{});
  const auto key = world.store.table_rows(domain::table::idempotency).at(0).key;
  world.store.put_bytes(key, "\x01\x7f");
  CHECK(world.done({}, toy::open{}).refusal() == error_code::internal);
  domain::idempotency_row row{"f", world.node.clock().now(), toy_aggregate::kind, "\x05"};
  world.store.put(key, row);
  CHECK(world.done({}, toy::open{}).refusal() == error_code::internal);
  CHECK(world.events() == 1);
}

}  // namespace
}  // namespace social::aggregates::test
