// The actors behind gateway.cpp. Messages stay in this folder.
#pragma once

#include <deque>
#include <unordered_map>
#include <variant>

#include "actors/protocol/actors.hpp"
#include "actors/runtime/actor_base.hpp"
#include "http/gateway/gateway.hpp"

namespace social::http {

template <class T>
using promise = std::shared_ptr<reply_slot<T>>;  ///< answers on the I/O thread that asked; never forgotten

/// From the I/O thread: keep `done`, send the command on.
struct ask_command {
  protocol::command_message message;
  promise<domain::erased_ptr> done;
};
struct ask_query {
  protocol::query question;
  promise<protocol::answer> done;
};
struct ask_subscribe {
  protocol::subscribe_request request;
  domain::command_context context;
  promise<domain::subscription::device_view> done;
};
/// From whoever answered.
struct command_answered {
  std::uint64_t ask = 0;
  result<domain::erased_ptr> outcome;
};
struct query_answered {
  std::uint64_t ask = 0;
  result<protocol::answer> outcome;
};
struct subscribe_answered {
  std::uint64_t ask = 0;
  result<domain::subscription::device_view> outcome;
};
struct gateway_tick {};

using gateway_interface =
    caf::typed_actor<caf::reacts_to<ask_command>, caf::reacts_to<ask_query>, caf::reacts_to<ask_subscribe>,
                     caf::reacts_to<command_answered>, caf::reacts_to<query_answered>,
                     caf::reacts_to<subscribe_answered>, caf::reacts_to<gateway_tick>>;

/// One per I/O thread; owned by the gateway. Never blocks. Ends when told; then open commands are answered
/// outcome_unknown and open questions shutting_down.
class gateway_actor final : public runtime::instrumented<gateway_interface::base> {
 public:
  using super = runtime::instrumented<gateway_interface::base>;
  gateway_actor(caf::actor_config& cfg, runtime::node_context& node, io_index io, gateway_options options,
                gateway_routes routes, std::shared_ptr<void> ended);
  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  std::string state_json() const override;

 private:
  using done_type =
      std::variant<promise<domain::erased_ptr>, promise<protocol::answer>, promise<domain::subscription::device_view>>;

  void on_command(ask_command& ask);
  void on_query(ask_query& ask);
  void on_subscribe(ask_subscribe& ask);
  void on_tick();
  /// False: the limit is reached.
  bool keep(std::uint64_t ask, done_type done);
  template <class T>
  void answered(std::uint64_t ask, result<T>& outcome);
  static void refuse(const done_type& done, error_code command_code, error_code query_code);

  const gateway_options options_;
  gateway_routes routes_;
  std::shared_ptr<void> ended_;
  std::uint64_t last_ask_ = 0;
  std::unordered_map<std::uint64_t, done_type> asks_;
  std::deque<std::pair<std::int64_t, std::uint64_t>> deadlines_;  ///< (monotonic us, ask), in order
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

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::ask_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::ask_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::ask_subscribe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::command_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::query_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::subscribe_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::gateway_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::post_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::flush_views)
