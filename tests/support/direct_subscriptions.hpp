// Subscriptions without actors, over a store in memory.
#pragma once

#include <mutex>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "actors/domain/subscription/subscription.hpp"
#include "actors/ports/clock.hpp"
#include "actors/protocol/messages.hpp"
#include "tests/support/memory_store.hpp"

namespace social::test {

/// Decides and commits Subscription commands on the caller's thread, one at a time.
class direct_subscriptions {
 public:
  direct_subscriptions(memory_store& disk, const ports::clock& clock) : disk_(disk), clock_(clock) {}

  void command(const protocol::command_message& message) {
    std::optional<protocol::command_result> outcome;
    {
      const std::lock_guard lock(mutex_);
      outcome = carry_out(message);
    }
    message.reply->answer(std::move(*outcome));
  }

  struct given {
    id_t user = 0;
    domain::subscription::command command;
  };
  std::vector<given> commands;
  bool failing = false;
  id_t failing_of = 0;  ///< every command to this user is refused, as over a state that does not decode

  template <class Command>
  [[nodiscard]] std::vector<Command> given_of(id_t user) const {
    std::vector<Command> out;
    for (const auto& g : commands)
      if (g.user == user && std::holds_alternative<Command>(g.command)) out.push_back(std::get<Command>(g.command));
    return out;
  }

 private:
  static domain::row_key state_key(id_t user) {
    return {domain::table::state, static_cast<std::uint64_t>(domain::aggregate_kind::subscription), user, {}};
  }

  protocol::command_result carry_out(const protocol::command_message& message) {
    using aggregate = domain::subscription_aggregate;
    const auto& command = domain::unerase<aggregate::command>(*message.command);
    commands.push_back({message.target, command});
    if (failing) return error{error_code::overloaded};
    if (message.target == failing_of) return error{error_code::corrupt_record};
    auto context = message.context;
    context.now = clock_.now();
    std::vector<domain::row_key> keys;
    aggregate::lookups(command, context, keys);
    std::vector<std::optional<std::string>> found;
    for (const auto& value : disk_.get_many(keys, ports::read_tier::disk))
      found.push_back(value.what == ports::row_value::status::found ? std::optional(value.bytes) : std::nullopt);
    const domain::facts facts(std::move(found));
    auto state = disk_.row<aggregate::state>(state_key(message.target)).value_or(aggregate::state{});
    const auto decided = aggregate::decide(state, facts, context, command);
    if (!decided) return decided.error();

    ports::commit_request request;
    request.shard = message.shard;
    request.time = context.now;
    request.must_sync = true;
    domain::row_sink sink(request.rows);
    for (const auto& event : decided->events) {
      aggregate::apply(state, event);
      request.events.push_back(domain::encode_event<aggregate>(message.target, event));
      aggregate::project(event, state, sink);
    }
    if (!decided->events.empty()) {
      sink.put(state_key(message.target), state);
      if (!disk_.reserve()) return disk_.refusal();
      disk_.submit(std::move(request), [](const auto&) {});
    }
    return domain::erase(aggregate::answer(state, facts, context, command));
  }

  std::mutex mutex_;
  memory_store& disk_;
  const ports::clock& clock_;
};

}  // namespace social::test
