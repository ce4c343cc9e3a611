#include "actors/push/endpoint_turns.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/base/overloaded.hpp"
#include "actors/domain/subscription/subscription.hpp"

namespace social::push {
namespace {

using namespace domain::subscription;

/// Hashes of the endpoints that a command concerns, each once.
std::vector<std::string> endpoints_of(const protocol::command_message& message) {
  std::vector<std::string> out;
  if (message.kind != domain::aggregate_kind::subscription) return out;
  std::visit(overloaded{
                 [&](const subscribe& c) {
                   out.push_back(endpoint_hash(c.endpoint));
                   if (!c.old_endpoint.empty() && c.old_endpoint != c.endpoint)
                     out.push_back(endpoint_hash(c.old_endpoint));
                 },
                 [&](const remove_device& c) {
                   if (!c.endpoint_hash.empty()) out.push_back(c.endpoint_hash);
                 },
                 [&](const record_delivery&) {},
                 [&](const replicate_device& c) { out.push_back(endpoint_hash(c.replicated.endpoint)); },
                 [&](const announce_device& c) { out.push_back(c.endpoint_hash); },
             },
             domain::unerase<command>(*message.command));
  return out;
}

}  // namespace

struct endpoint_turns::turns : std::enable_shared_from_this<turns> {
  struct ticket {
    std::vector<std::string> endpoints;
    protocol::command_message message;
  };
  using ticket_ptr = std::shared_ptr<ticket>;

  turns(send_function to, std::size_t most, std::function<void()> tell)
      : next(std::move(to)), waiting_max(most), shed(std::move(tell)) {}

  /// At the front of every queue that it stands in.
  [[nodiscard]] bool has_turn(const ticket_ptr& who) const {
    return std::ranges::all_of(who->endpoints, [&](const std::string& e) { return queues.at(e).front() == who; });
  }

  bool take_place() {
    const std::lock_guard lock(mutex);
    if (count >= waiting_max) return false;
    ++count;
    return true;
  }

  void enter(const ticket_ptr& who) {
    const std::lock_guard lock(mutex);
    for (const auto& endpoint : who->endpoints) queues[endpoint].push_back(who);
    if (has_turn(who)) ready.push_back(who);
  }

  void leave(const ticket_ptr& who) {
    const std::lock_guard lock(mutex);
    --count;
    for (const auto& endpoint : who->endpoints) {
      const auto queue = queues.find(endpoint);
      queue->second.pop_front();
      if (queue->second.empty()) {
        queues.erase(queue);
        continue;
      }
      const auto& successor = queue->second.front();
      if (has_turn(successor)) ready.push_back(successor);
    }
  }

  /// One thread at a time hands on, so that a `next` that answers at once does not nest.
  void hand_on() {
    std::unique_lock lock(mutex);
    if (handing_on) return;
    handing_on = true;
    while (!ready.empty()) {
      const auto who = std::move(ready.front());
      ready.pop_front();
      const bool refused = closed;
      lock.unlock();
      if (refused)
        std::exchange(who->message.reply, nullptr)->answer(error_code::shutting_down);
      else
        next(std::move(who->message));
      lock.lock();
    }
    handing_on = false;
    idle.notify_all();
  }

  void close() {
    std::unique_lock lock(mutex);
    closed = true;
    idle.wait(lock, [this] { return !handing_on; });
  }

  const send_function next;
  const std::size_t waiting_max;
  const std::function<void()> shed;
  mutable std::mutex mutex;
  std::unordered_map<std::string, std::deque<ticket_ptr>> queues;  ///< the front one has been handed on, or is ready
  std::deque<ticket_ptr> ready;
  std::size_t count = 0;
  bool handing_on = false;
  bool closed = false;
  std::condition_variable idle;  ///< nobody hands on
};

endpoint_turns::endpoint_turns(send_function next, std::size_t waiting_max, std::function<void()> shed)
    : turns_(std::make_shared<turns>(std::move(next), waiting_max, std::move(shed))) {}

endpoint_turns::~endpoint_turns() {
  turns_->close();
}

void endpoint_turns::send(protocol::command_message message) {
  auto endpoints = endpoints_of(message);
  if (endpoints.empty()) return turns_->next(std::move(message));
  if (!turns_->take_place()) {
    if (turns_->shed) turns_->shed();
    return message.reply->answer(error_code::overloaded);
  }
  auto who = std::make_shared<turns::ticket>();
  who->endpoints = std::move(endpoints);
  who->message = std::move(message);
  const auto reply = who->message.reply;
  who->message.reply = std::make_shared<protocol::command_slot::element_type>(
      [turns = turns_, reply, ended = std::weak_ptr(who)](protocol::command_result outcome) {
        const auto self = ended.lock();  // its queues hold it until here
        reply->answer(std::move(outcome));
        turns->leave(self);
        turns->hand_on();
      });
  turns_->enter(who);
  turns_->hand_on();
}

std::size_t endpoint_turns::under_way() const {
  const std::lock_guard lock(turns_->mutex);
  return turns_->count;
}

}  // namespace social::push
