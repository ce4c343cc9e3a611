#include "actors/kafka/push/subscription_commands.hpp"

#include <chrono>
#include <utility>

namespace social::kafka {

void subscription_commands::send(std::size_t number, id_t user, domain::subscription::command what) {
  protocol::command_message message;
  message.kind = domain::aggregate_kind::subscription;
  message.target = user;
  message.shard = shard_of(user, shards_);
  message.context.now = clock_.now();
  message.context.self = user;
  message.command = domain::erase(std::move(what));
  message.reply = std::make_shared<protocol::command_slot::element_type>(
      [answers = answers_, number](const protocol::command_result& outcome) {
        const std::lock_guard lock(answers->mutex);
        answers->arrived.push_back({number, outcome ? result<void>() : result<void>(outcome.error())});
        answers->changed.notify_all();
      });
  ++under_way_;
  send_(std::move(message));
}

std::vector<subscription_commands::ended> subscription_commands::wait() {
  if (under_way_ == 0) return {};
  std::unique_lock lock(answers_->mutex);
  answers_->changed.wait(lock, [this] { return !answers_->arrived.empty() || answers_->stopped; });
  auto out = std::exchange(answers_->arrived, {});
  under_way_ -= out.size();
  return out;
}

void subscription_commands::stop() {
  const std::lock_guard lock(answers_->mutex);
  answers_->stopped = true;
  answers_->changed.notify_all();
}

bool subscription_commands::stopped() const {
  const std::lock_guard lock(answers_->mutex);
  return answers_->stopped;
}

bool subscription_commands::rest(std::int64_t ms) const {
  std::unique_lock lock(answers_->mutex);
  return answers_->changed.wait_for(lock, std::chrono::milliseconds(ms), [this] { return answers_->stopped; });
}

}  // namespace social::kafka
