#include "http/gateway/gateway_actor.hpp"

#include "actors/base/overloaded.hpp"
#include "actors/domain/post/commands.hpp"

namespace social::http {
namespace {
constexpr auto tick_interval = std::chrono::milliseconds(100);
constexpr std::int64_t views_mailbox_max = 8'192;
}  // namespace

gateway_actor::gateway_actor(caf::actor_config& cfg, runtime::node_context& node, io_index io, gateway_options options,
                             gateway_routes routes, std::shared_ptr<void> ended)
    : super(cfg, node, {"gateway", io + 1, 0, 0}),
      options_(options),
      routes_(std::move(routes)),
      ended_(std::move(ended)) {}

gateway_actor::behavior_type gateway_actor::make_behavior() {
  delayed_send(this, tick_interval, gateway_tick{});
  return {
      [this](ask_command& ask) { on_command(ask); },
      [this](ask_query& ask) { on_query(ask); },
      [this](ask_subscribe& ask) { on_subscribe(ask); },
      [this](command_answered& message) { answered(message.ask, message.outcome); },
      [this](query_answered& message) { answered(message.ask, message.outcome); },
      [this](subscribe_answered& message) { answered(message.ask, message.outcome); },
      [this](gateway_tick) { on_tick(); },
  };
}

void gateway_actor::on_exit() {
  for (auto& [ask, done] : asks_) refuse(done, error_code::outcome_unknown, error_code::shutting_down);
  asks_.clear();
  routes_ = {};
  super::on_exit();
  ended_.reset();
}

std::string gateway_actor::state_json() const {
  return R"({"asks":)" + std::to_string(asks_.size()) + "}";
}

bool gateway_actor::keep(std::uint64_t ask, done_type done) {
  if (asks_.size() >= options_.asks_max) {
    refuse(done, error_code::overloaded, error_code::overloaded);
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

void gateway_actor::on_subscribe(ask_subscribe& ask) {
  const auto number = ++last_ask_;
  if (!keep(number, std::move(ask.done))) return;
  auto slot = std::make_shared<reply_slot<domain::subscription::device_view>>(
      [self = caf::actor_cast<gateway_interface>(this), number](result<domain::subscription::device_view> outcome) {
        caf::anon_send(self, subscribe_answered{number, std::move(outcome)});
      });
  routes_.subscribe(std::move(ask.request), std::move(ask.context),
                    [slot](result<domain::subscription::device_view> outcome) { slot->answer(std::move(outcome)); });
}

template <class T>
void gateway_actor::answered(std::uint64_t ask, result<T>& outcome) {
  const auto it = asks_.find(ask);
  if (it == asks_.end()) {
    context().dead_letters.add({context().now(), "late_reply", whoami(), "answer"});
    return;
  }
  const auto done = std::get<promise<T>>(std::move(it->second));
  asks_.erase(it);
  done->answer(std::move(outcome));
}

void gateway_actor::refuse(const done_type& done, error_code command_code, error_code query_code) {
  std::visit(overloaded{
                 [&](const promise<protocol::answer>& question) { question->answer(query_code); },
                 [&](const auto& command) { command->answer(command_code); },
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
      refuse(it->second, error_code::outcome_unknown, error_code::overloaded);
      asks_.erase(it);
    }
    deadlines_.pop_front();
  }
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
