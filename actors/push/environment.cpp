#include "actors/push/environment.hpp"

#include <algorithm>

namespace social::push {

bool environment::allowed(const std::string& origin) const {
  return std::ranges::find(options.allow_origins, origin) != options.allow_origins.end();
}

bool environment::needs_subject(const std::string& origin) const {
  return options.mode == push_mode::webpush && options.subject.empty() && !allowed(origin);
}

namespace {

void send_command(const environment& env, id_t user, domain::command_context context,
                  domain::subscription::command command, std::function<void(result<domain::erased_ptr>)> done) {
  protocol::command_message message;
  message.kind = domain::aggregate_kind::subscription;
  message.target = user;
  message.shard = shard_of(user, env.store.log->shards());
  message.context = std::move(context);
  message.context.self = user;
  if (message.context.now == 0) message.context.now = env.clock->now();
  message.command = domain::erase(std::move(command));
  message.reply = std::make_shared<protocol::reply_slot<domain::erased_ptr>>(std::move(done));
  env.command(std::move(message));
}

}  // namespace

void command_subscription(const environment& env, id_t user, domain::subscription::command command,
                          std::function<void(result<domain::erased_ptr>)> done) {
  send_command(env, user, {}, std::move(command), std::move(done));
}

void command_own_subscription(const environment& env, id_t user, domain::command_context context,
                              domain::subscription::command command,
                              std::function<void(result<domain::erased_ptr>)> done) {
  context.caller = user;
  send_command(env, user, std::move(context), std::move(command), std::move(done));
}

}  // namespace social::push
