#include "actors/runtime/node.hpp"

#include <caf/atom.hpp>

namespace social::runtime {

node::node(const node_options& options, std::function<timestamp_t()> now) : deterministic_(options.deterministic) {
  context_.now = std::move(now);
  // Work stealing starves asks under load and answers foreign threads ten times slower (docs/adr/0003).
  config_.set("scheduler.policy", options.deterministic ? caf::atom("testing") : caf::atom("sharing"));
  config_.set("scheduler.max-threads", options.threads);
  config_.set("scheduler.max-throughput", options.messages_per_turn);
  system_ = std::make_unique<caf::actor_system>(config_);
}

node::~node() = default;

}  // namespace social::runtime
