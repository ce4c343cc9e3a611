// The actors behind gateway.cpp. Messages stay in this folder.
#pragma once

#include <deque>
#include <unordered_map>
#include <variant>

#include "actors/protocol/actors.hpp"
#include "actors/runtime/actor_base.hpp"
#include "http/gateway/gateway.hpp"

namespace social::http {

/// From the I/O thread: keep `done`, send the command on.
struct ask_command {
  protocol::command_message message;
  backend::completion<domain::erased_ptr> done;
};
struct ask_query {
  protocol::query question;
  backend::completion<protocol::answer> done;
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
struct gateway_tick {};

using gateway_interface =
    caf::typed_actor<caf::reacts_to<ask_command>, caf::reacts_to<ask_query>, caf::reacts_to<command_answered>,
                     caf::reacts_to<query_answered>, caf::reacts_to<gateway_tick>>;

/// One per I/O thread; owned by the gateway. Never blocks. Ends when told; what is asked then is answered
/// shutting_down.
class gateway_actor final : public runtime::instrumented<gateway_interface::base> {
 public:
  using super = runtime::instrumented<gateway_interface::base>;
  gateway_actor(caf::actor_config& cfg, runtime::node_context& node, io_index io, gateway_options options,
                gateway_routes routes, io_post post);
  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  std::string state_json() const override;

 private:
  using done_type = std::variant<backend::completion<domain::erased_ptr>, backend::completion<protocol::answer>>;

  void on_command(ask_command& ask);
  void on_query(ask_query& ask);
  void on_tick();
  /// False: the limit is reached.
  bool keep(std::uint64_t ask, done_type done);
  template <class T>
  void answered(std::uint64_t ask, result<T>& outcome);
  template <class T>
  void complete(backend::completion<T> done, result<T> outcome);
  void refuse(done_type done, error_code command_code, error_code query_code);

  const io_index io_;
  const gateway_options options_;
  gateway_routes routes_;
  io_post post_;
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
                std::function<void(protocol::command_message)> command);
  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  bool shed(caf::type_erased_tuple& content) override;

 private:
  void flush();
  const gateway_options options_;
  std::function<void(protocol::command_message)> command_;
  std::unordered_map<id_t, std::uint64_t> views_;
};

}  // namespace social::http

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::ask_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::ask_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::command_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::query_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::gateway_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::post_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::http::flush_views)
