#include "actors/runtime/exit_gate.hpp"
#include "tests/support/deterministic_node.hpp"
#include "tests/unit/runtime/probe.hpp"

namespace social::runtime::test {
namespace {

using social::test::deterministic_node;

void end(deterministic_node& node, probe_actor& actor) {
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  actor = nullptr;
  node.run();
}

TEST_CASE("who lives is listed, who left is not, and sums never fall", "[runtime]") {
  deterministic_node node;
  auto& actors = node->context().actors;
  auto one = node->system().spawn<probe>(node->context(), 1);
  auto two = node->system().spawn<probe>(node->context(), 2);
  caf::anon_send(one, work{});
  node.run();
  CHECK(actors.list({}).size() == 2);
  CHECK(actors.list({"probe", shard_t{3}, actor_order::id, 1}).size() == 1);
  CHECK(actors.list({"probe", shard_t{4}, actor_order::id, 10}).empty());
  CHECK(actors.totals().at("probe").messages_handled == 1);
  end(node, one);
  CHECK_FALSE(actors.find("probe", 1).handle);
  CHECK(actors.list({}).size() == 1);
  CHECK(actors.totals().at("probe").actors == 1);
  CHECK(actors.totals().at("probe").messages_handled >= 1);
  end(node, two);
  CHECK(node.ended());
}

TEST_CASE("an incarnation that comes before the last one has left takes over, and nothing is lost", "[runtime]") {
  deterministic_node node;
  auto& actors = node->context().actors;
  auto old = node->system().spawn<probe>(node->context(), 1);
  for (int i = 0; i < 5; ++i) caf::anon_send(old, work{});
  node.run();
  auto next = node->system().spawn<probe>(node->context(), 1);
  end(node, old);
  CHECK(actors.find("probe", 1).handle);
  CHECK(actors.totals().at("probe").messages_handled >= 5);
  end(node, next);
  CHECK_FALSE(actors.find("probe", 1).handle);
  CHECK(node.ended());
}

TEST_CASE("an actor that becomes another is found as that one, and its numbers begin anew", "[runtime]") {
  deterministic_node node;
  auto& actors = node->context().actors;
  auto actor = node->system().spawn<probe>(node->context(), 1);
  for (int i = 0; i < 5; ++i) caf::anon_send(actor, work{});
  node.run();
  const id_t to = GENERATE(id_t{2}, id_t{17});  // in another stripe, in the same
  caf::anon_send(actor, take_number{to});
  node.run();
  CHECK_FALSE(actors.find("probe", 1).handle);
  const auto found = actors.find("probe", to);
  CHECK(found.handle);
  CHECK(found.info.id == to);
  CHECK(found.info.messages_handled == 1);  // the one that made it so
  CHECK(actors.totals().at("probe").messages_handled == 6);
  CHECK(actors.totals().at("probe").actors == 1);
  end(node, actor);
  CHECK_FALSE(actors.find("probe", to).handle);
  CHECK(actors.totals().at("probe").messages_handled >= 6);
  CHECK(node.ended());
}

TEST_CASE("of two that are the same the younger is found, whichever becomes another", "[runtime]") {
  deterministic_node node;
  auto& actors = node->context().actors;
  auto old = node->system().spawn<probe>(node->context(), 1);
  auto next = node->system().spawn<probe>(node->context(), 2);
  caf::anon_send(next, take_number{1});
  node.run();
  CHECK(actors.find("probe", 1).handle == caf::actor_cast<caf::actor>(next));
  CHECK(actors.list({}).size() == 2);
  caf::anon_send(old, take_number{2});
  node.run();
  CHECK(actors.find("probe", 1).handle == caf::actor_cast<caf::actor>(next));
  CHECK(actors.find("probe", 2).handle == caf::actor_cast<caf::actor>(old));
  end(node, old);
  CHECK(actors.find("probe", 1).handle);
  end(node, next);
  CHECK(node.ended());
}

TEST_CASE("actors are ordered by what one looks for", "[runtime]") {
  deterministic_node node;
  auto one = node->system().spawn<probe>(node->context(), 1);
  auto two = node->system().spawn<probe>(node->context(), 2);
  node.run();
  caf::anon_send(two, work{});
  const auto by = [&](actor_order order) { return node->context().actors.list({{}, {}, order, 1}).at(0).id; };
  CHECK(by(actor_order::id) == 1);
  CHECK(by(actor_order::mailbox) == 2);
  end(node, one);
  end(node, two);
  CHECK(node.ended());
}

TEST_CASE("names of messages are read without namespaces", "[runtime]") {
  CHECK(message_name(typeid(work)) == "work");
  CHECK(message_name(typeid(int)) == "int");
}

TEST_CASE("buckets of the histogram hold what their edges say", "[runtime]") {
  for (std::uint64_t us = 0; us < 100'000; us = us < 64 ? us + 1 : us + us / 7) {
    const auto index = latency_histogram::index_of(us);
    CAPTURE(us, index);
    CHECK(us <= latency_histogram::upper_edge_us(index));
    if (index > 0) CHECK(us > latency_histogram::upper_edge_us(index - 1));
  }
  CHECK(latency_histogram::index_of(~std::uint64_t{0}) == latency_histogram::buckets - 1);
  latency_histogram empty;
  CHECK(empty.quantile_us(0.5) == 0);
  latency_histogram h;
  for (const std::uint64_t us : {0, 1, 10, 4'000'000}) h.record(us);
  h.record(~std::uint64_t{0});
  h.clear();
  CHECK(h.quantile_us(1) == 0);
  for (int i = 0; i < 98; ++i) h.record(10);
  h.record(1'000);
  h.record(1'000);
  CHECK(h.quantile_us(0.50) == latency_histogram::upper_edge_us(latency_histogram::index_of(10)));
  CHECK(h.quantile_us(0.99) == latency_histogram::upper_edge_us(latency_histogram::index_of(1'000)));
}

TEST_CASE("the dead letter office keeps the newest and counts all", "[runtime]") {
  dead_letter_office office(2);
  for (int i = 0; i < 3; ++i) office.add({i, "late_reply", "a/1", std::to_string(i)});
  office.add({3, "view_shed", "a/1", "3"});
  CHECK(office.counts().at("late_reply") == 3);
  const auto kept = office.newest(10);
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].message == "3");
  CHECK(kept[1].message == "2");
  CHECK(office.newest(1).size() == 1);
}

TEST_CASE("a gate opens when the last ticket is gone", "[runtime]") {
  exit_gate gate;
  auto held = gate.ticket();
  CHECK_FALSE(gate.wait(std::chrono::milliseconds(0)));
  std::thread lets_go([&] { held.reset(); });
  CHECK(gate.wait(std::chrono::seconds(30)));
  lets_go.join();
  exit_gate nobody;
  CHECK(nobody.wait(std::chrono::milliseconds(0)));
}

}  // namespace
}  // namespace social::runtime::test
