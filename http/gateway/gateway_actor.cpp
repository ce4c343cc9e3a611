#include "http/gateway/gateway_actor.hpp"

#include "actors/base/overloaded.hpp"
#include "actors/domain/post/commands.hpp"

namespace social::http {
namespace {
constexpr auto tick_interval = std::chrono::milliseconds(100);
constexpr std::int64_t views_mailbox_max = 8'192;
}  // namespace

gateway_actor::gateway_actor(caf::actor_config& cfg, runtime::node_context& node, io_index io, gateway_options options,
                             gateway_routes routes, io_post post)
    : super(cfg, node, {"gateway", io + 1, 0, 0}),
      io_(io),
      options_(options),
      routes_(std::move(routes)),
      post_(std::move(post)) {}

gateway_actor::behavior_type gateway_actor::make_behavior() {
  delayed_send(this, tick_interval, gateway_tick{});
  return {
      [this](ask_command& ask) { on_command(ask); },
      [this](ask_query& ask) { on_query(ask); },
      [this](command_answered& message) { answered(message.ask, message.outcome); },
      [this](query_answered& message) { answered(message.ask, message.outcome); },
      [this](gateway_tick) { on_tick(); },
  };
}

void gateway_actor::on_exit() {
  for (auto& [ask, done] : asks_) refuse(std::move(done), error_code::outcome_unknown, error_code::shutting_down);
  asks_.clear();
  routes_ = {};
  post_ = nullptr;
  super::on_exit();
}

std::string gateway_actor::state_json() const {
  return R"({"asks":)" + std::to_string(asks_.size()) + "}";
}

bool gateway_actor::keep(std::uint64_t ask, done_type done) {
  if (asks_.size() >= options_.asks_max) {
    refuse(std::move(done), error_code::overloaded, error_code::overloaded);
    return false;
  }
  asks_.emplace(ask, std::move(done));
  deadlines_.emplace_back(runtime::monotonic_us() + options_.ask_deadline_ms * 1000, ask);
  return true;
}

void gateway_actor::on_command(ask_command& ask) {
  const auto number = ++last_ask_;
  if (!keep(number, std::move(ask.done))) return;
  ask.message.reply = std::make_shared<reply_slot<domain::erased_ptr>>(
      [self = caf::actor_cast<gateway_interface>(this), number](result<domain::erased_ptr> outcome) {
        caf::anon_send(self, command_answered{number, std::move(outcome)});
      });
  routes_.command(std::move(ask.message));
}

void gateway_actor::on_query(ask_query& ask) {
  const auto number = ++last_ask_;
  if (!keep(number, std::move(ask.done))) return;
  auto slot = std::make_shared<reply_slot<protocol::answer>>(
      [self = caf::actor_cast<gateway_interface>(this), number](result<protocol::answer> outcome) {
        caf::anon_send(self, query_answered{number, std::move(outcome)});
      });
  routes_.query({std::move(ask.question), std::move(slot)});
}

template <class T>
void gateway_actor::answered(std::uint64_t ask, result<T>& outcome) {
  const auto it = asks_.find(ask);
  if (it == asks_.end()) {
    context().dead_letters.add({context().now(), "late_reply", whoami(), "answer"});
    return;
  }
  auto done = std::move(std::get<backend::completion<T>>(it->second));
  asks_.erase(it);
  complete<T>(std::move(done), std::move(outcome));
}

template <class T>
void gateway_actor::complete(backend::completion<T> done, result<T> outcome) {
  post_(io_, [done = std::move(done), outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
}

void gateway_actor::refuse(done_type done, error_code command_code, error_code query_code) {
  std::visit(
      overloaded{
          [&](backend::completion<domain::erased_ptr>& d) { complete<domain::erased_ptr>(std::move(d), command_code); },
          [&](backend::completion<protocol::answer>& d) { complete<protocol::answer>(std::move(d), query_code); },
      },
      done);
}

void gateway_actor::on_tick() {
  delayed_send(this, tick_interval, gateway_tick{});
  const auto now = runtime::monotonic_us();
  while (!deadlines_.empty()) {
    const auto [deadline, ask] = deadlines_.front();
    const auto it = asks_.find(ask);
    if (it != asks_.end()) {
      if (deadline > now) break;
      refuse(std::move(it->second), error_code::outcome_unknown, error_code::overloaded);
      asks_.erase(it);
    }
    deadlines_.pop_front();
  }
}

// --- views
// ------------------------------------------------------------------------------------------------------------

view_gatherer::view_gatherer(caf::actor_config& cfg, runtime::node_context& node, gateway_options options,
                             std::function<void(protocol::command_message)> command)
    : super(cfg, node, {"view-gatherer", 1, 0, views_mailbox_max}), options_(options), command_(std::move(command)) {}

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
}

bool view_gatherer::shed(caf::type_erased_tuple& content) {
  if (content.size() != 1 || !content.match_element<post_opened>(0)) return false;
  context().dead_letters.add({context().now(), "view_shed", whoami(), "post_opened"});
  return true;
}

}  // namespace social::http
