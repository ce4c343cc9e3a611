// The actors behind gateway.cpp. Messages stay in this folder.
#pragma once

#include <memory>
#include <unordered_map>

#include "actors/protocol/actors.hpp"
#include "actors/runtime/actor_base.hpp"
#include "http/gateway/ask_table.hpp"

namespace social::http {

/// It is time to look at the deadlines.
struct gateway_tick {};

using gateway_interface = caf::typed_actor<caf::reacts_to<gateway_tick>>;

/// One per I/O thread; owned by the gateway. Keeps the deadlines of its thread's asks. Never blocks; ends when told.
class gateway_actor final : public runtime::instrumented<gateway_interface::base> {
 public:
  using super = runtime::instrumented<gateway_interface::base>;
  gateway_actor(caf::actor_config& cfg, runtime::node_context& node, io_index io, std::shared_ptr<ask_table> asks,
                std::shared_ptr<void> ended);
  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  std::string state_json() const override;

 private:
  const std::shared_ptr<ask_table> asks_;
  std::shared_ptr<void> ended_;
};

/// Somebody else opened a post.
struct post_opened {
  id_t post = 0;
  std::uint64_t times = 0;
};
struct flush_views {};
using view_gatherer_interface = caf::typed_actor<caf::reacts_to<post_opened>, caf::reacts_to<flush_views>>;

/// Gathers views in memory and writes them as one event per post with a count. The first to be shed.
class view_gatherer final : public runtime::instrumented<view_gatherer_interface::base> {
 public:
  using super = runtime::instrumented<view_gatherer_interface::base>;
  view_gatherer(caf::actor_config& cfg, runtime::node_context& node, gateway_options options,
                std::function<void(protocol::command_message)> command, std::shared_ptr<void> ended);
  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  bool shed(caf::type_erased_tuple& content) override;

 private:
  void flush();
  const gateway_options options_;
  std::function<void(protocol::command_message)> command_;
  std::shared_ptr<void> ended_;
  std::unordered_map<id_t, std::uint64_t> views_;
};

}  // namespace social::http

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::gateway_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::post_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::flush_views)
