#include "actors/runtime/node.hpp"

#include <caf/atom.hpp>

#include "actors/runtime/scheduler.hpp"

namespace social::runtime {

node::node(const node_options& options, std::function<timestamp_t()> now) : deterministic_(options.deterministic) {
  context_.now = std::move(now);
  if (options.deterministic)
    config_.set("scheduler.policy", caf::atom("testing"));
  else
    config_.module_factories.emplace_back([](caf::actor_system& system) { return new scheduler(system); });
  config_.set("scheduler.max-threads", options.threads);
  config_.set("scheduler.max-throughput", options.messages_per_turn);
  system_ = std::make_unique<caf::actor_system>(config_);
}

node::~node() = default;

run_queue::numbers node::run_queue_numbers() const {
  return deterministic_ ? run_queue::numbers() : static_cast<const scheduler&>(system_->scheduler()).look();
}

}  // namespace social::runtime
