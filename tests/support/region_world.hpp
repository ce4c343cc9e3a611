// A region on a deterministic node and a store in memory, with the toy and the real aggregates.
//
//   region_world world;
//   auto opened = world.ask<toy_aggregate>(0, toy::open{});   // the shard gets it when the test runs the node
//   world.node.run();
//   REQUIRE(opened.value<toy::view>().seq == 1);
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "actors/aggregates/region.hpp"
#include "actors/domain/comment/comment.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/user/user.hpp"
#include "tests/support/deterministic_node.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/toy_aggregate/toy.hpp"

namespace social::test {

/// What became of one command.
class awaited {
 public:
  awaited() : box_(std::make_shared<std::optional<protocol::command_result>>()) {}
  [[nodiscard]] protocol::command_slot slot() const {
    return std::make_shared<protocol::command_slot::element_type>(
        [box = box_](protocol::command_result outcome) { *box = std::move(outcome); });
  }
  [[nodiscard]] bool arrived() const { return box_->has_value(); }
  [[nodiscard]] bool succeeded() const { return arrived() && box_->value().has_value(); }
  /// `std::nullopt`: not answered yet, or answered well.
  [[nodiscard]] std::optional<error_code> refusal() const {
    if (!arrived() || box_->value()) return std::nullopt;
    return box_->value().error().code;
  }
  /// `View` is the only alternative of its aggregate's reply or one of them.
  template <class A, class View>
  [[nodiscard]] View value() const {
    REQUIRE(arrived());
    REQUIRE(box_->value());
    return std::get<View>(domain::unerase<typename A::reply>(**box_->value()));
  }

 private:
  std::shared_ptr<std::optional<protocol::command_result>> box_;
};

class region_world {
 public:
  explicit region_world(aggregates::aggregate_limits limits = {}, shard_t shards = 4)
      : region_world(memory_store::image{shards, "memory-store", {}, {}, {}}, limits) {}
  region_world(memory_store::image disk, aggregates::aggregate_limits limits) : store(std::move(disk)) {
    aggregates::region_parts parts;
    parts.node = &*node;
    parts.store = store.ports();
    parts.clock = &node.clock();
    parts.limits = limits;
    parts.kinds.add<domain::toy_aggregate>();
    parts.kinds.add<domain::user_aggregate>().add<domain::post_aggregate>().add<domain::comment_aggregate>();
    region.emplace(std::move(parts));
  }
  ~region_world() {
    if (!finish()) std::abort();  // the actor system would wait for ever
  }
  region_world(const region_world&) = delete;
  region_world& operator=(const region_world&) = delete;

  template <class A>
  awaited send(id_t target, shard_t shard, id_t caller, typename A::command command) {
    awaited answer;
    protocol::command_message message;
    message.kind = A::kind;
    message.target = target;
    message.shard = shard;
    message.context.now = node.clock().now();
    message.context.caller = caller;
    message.command = domain::erase<typename A::command>(std::move(command));
    message.reply = answer.slot();
    region->send(std::move(message));
    return answer;
  }
  awaited toy(id_t target, domain::toy::command command) {
    return send<domain::toy_aggregate>(target, 1, 0, std::move(command));
  }
  id_t open_toy() {
    const auto opened = toy(0, domain::toy::open{});
    node.run();
    return opened.value<domain::toy_aggregate, domain::toy::view>().seq;
  }
  domain::toy::view toy_view(id_t target) {
    const auto seen = toy(target, domain::toy::peek{});
    node.run();
    return seen.value<domain::toy_aggregate, domain::toy::view>();
  }
  /// Live actors of a kind.
  [[nodiscard]] std::size_t live(const std::string& kind) {
    return node->context().actors.list({kind, {}, runtime::actor_order::id, 100'000}).size();
  }
  /// Events in the journal of a shard.
  [[nodiscard]] std::size_t events(shard_t shard = 1) {
    std::size_t count = 0;
    for (const auto& record : store.read(shard, 0, 1'000'000, 1 << 30).value()) count += record.events.size();
    return count;
  }
  /// Stops in order. True: nobody is left.
  bool finish() {
    if (!region) return node.ended();
    store.hold_commits(false);
    store.hold_refills(false);
    region->close();
    for (int rounds = 0; rounds < 100; ++rounds) {
      node.run();
      if (store.commit_all() + store.finish_refills() == 0) break;
    }
    region->stop(std::chrono::milliseconds(0));
    region.reset();
    return node.ended();
  }

  memory_store store;
  deterministic_node node;
  std::optional<aggregates::region> region;
};

}  // namespace social::test
