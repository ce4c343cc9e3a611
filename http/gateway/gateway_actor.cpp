#include "http/gateway/gateway_actor.hpp"

#include "actors/domain/post/commands.hpp"

namespace social::http {
namespace {
constexpr auto tick_interval = std::chrono::milliseconds(100);
constexpr std::int64_t views_mailbox_max = 8'192;
}  // namespace

gateway_actor::gateway_actor(caf::actor_config& cfg, runtime::node_context& node, io_index io,
                             std::shared_ptr<ask_table> asks, std::shared_ptr<void> ended)
    : super(cfg, node, {"gateway", io + 1, 0, 0}), asks_(std::move(asks)), ended_(std::move(ended)) {}

gateway_actor::behavior_type gateway_actor::make_behavior() {
  delayed_send(this, tick_interval, gateway_tick{});
  return {
      [this](gateway_tick) {
        delayed_send(this, tick_interval, gateway_tick{});
        asks_->expire(runtime::monotonic_us());
      },
  };
}

void gateway_actor::on_exit() {
  super::on_exit();
  ended_.reset();
}

std::string gateway_actor::state_json() const {
  return R"({"asks":)" + std::to_string(asks_->open()) + "}";
}

// --- views
// ------------------------------------------------------------------------------------------------------------

view_gatherer::view_gatherer(caf::actor_config& cfg, runtime::node_context& node, gateway_options options,
                             std::function<void(protocol::command_message)> command, std::shared_ptr<void> ended)
    : super(cfg, node, {"view-gatherer", 1, 0, views_mailbox_max}),
      options_(options),
      command_(std::move(command)),
      ended_(std::move(ended)) {}

view_gatherer::behavior_type view_gatherer::make_behavior() {
  return {
      [this](const post_opened& message) {
        if (views_.size() >= options_.views_posts_max && !views_.contains(message.post)) {
          context().dead_letters.add({context().now(), "view_shed", whoami(), "post_opened"});
          return;
        }
        if (views_.empty()) delayed_send(this, std::chrono::milliseconds(options_.views_flush_ms), flush_views{});
        views_[message.post] += message.times;
      },
      [this](flush_views) { flush(); },
  };
}

void view_gatherer::flush() {
  for (const auto& [post, count] : std::exchange(views_, {})) {
    protocol::command_message message;
    message.kind = domain::aggregate_kind::post;
    message.target = post;
    message.context.now = context().now();
    message.command = domain::erase<domain::post::command>(domain::post::add_views{count});
    message.reply = std::make_shared<reply_slot<domain::erased_ptr>>(
        [node = &context(), who = whoami()](const result<domain::erased_ptr>& outcome) {
          if (!outcome) node->dead_letters.add({node->now(), "view_shed", who, "add_views"});
        });
    command_(std::move(message));
  }
}

void view_gatherer::on_exit() {
  flush();
  command_ = nullptr;
  super::on_exit();
  ended_.reset();
}

bool view_gatherer::shed(caf::type_erased_tuple& content) {
  if (content.size() != 1 || !content.match_element<post_opened>(0)) return false;
  context().dead_letters.add({context().now(), "view_shed", whoami(), "post_opened"});
  return true;
}

}  // namespace social::http
