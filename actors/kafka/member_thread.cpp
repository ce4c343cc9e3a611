#include "actors/kafka/member_thread.hpp"

#include <algorithm>
#include <condition_variable>
#include <utility>

#include "actors/kafka/client_config.hpp"

namespace social::kafka {

// --- handler_gate

handler_gate::handler_gate(group_handler& handler) : handler_(&handler), outside_since_ms_(rd::now_ms()) {}

void handler_gate::pass(const std::function<void(group_handler&)>& call) {
  const std::lock_guard lock(mutex_);
  if (handler_ == nullptr) return;
  outside_since_ms_ = 0;
  call(*handler_);
  outside_since_ms_ = rd::now_ms();
}

void handler_gate::assigned(group_control& control, const std::vector<topic_partition>& which) {
  pass([&](group_handler& handler) { handler.assigned(control, which); });
}
void handler_gate::revoked(group_control& control, const std::vector<topic_partition>& which, bool lost) {
  pass([&](group_handler& handler) { handler.revoked(control, which, lost); });
}
void handler_gate::records(group_control& control, std::vector<received> batch) {
  pass([&](group_handler& handler) { handler.records(control, std::move(batch)); });
}
void handler_gate::turn(group_control& control) {
  pass([&](group_handler& handler) { handler.turn(control); });
}

void handler_gate::close() {
  const std::lock_guard lock(mutex_);
  handler_ = nullptr;
}

std::int64_t handler_gate::outside_ms() const {
  const auto since = outside_since_ms_.load();
  return since == 0 ? 0 : rd::now_ms() - since;
}

// --- member_thread

struct member_thread::ending {
  std::mutex mutex;
  std::condition_variable signal;
  bool ended = false;
};

member_thread::~member_thread() {
  if (thread_.joinable()) thread_.join();
}

void member_thread::start(std::shared_ptr<handler_gate> gate, std::function<void()> work) {
  gate_ = std::move(gate);
  ending_ = std::make_shared<ending>();
  thread_ = std::thread([work = std::move(work), ending = ending_] {
    work();
    const std::lock_guard lock(ending->mutex);
    ending->ended = true;
    ending->signal.notify_all();
  });
}

bool member_thread::end(std::chrono::milliseconds patience) {
  if (!thread_.joinable()) return true;
  std::unique_lock lock(ending_->mutex);
  const auto begun = rd::now_ms();
  for (;;) {
    const auto quiet = std::min(gate_->outside_ms(), rd::now_ms() - begun);
    const auto left = patience - std::chrono::milliseconds(quiet);
    if (ending_->ended || left.count() <= 0) break;
    ending_->signal.wait_for(lock, left);
  }
  const bool ended = ending_->ended;
  lock.unlock();
  if (ended) {
    thread_.join();
  } else {
    gate_->close();
    thread_.detach();
  }
  return ended;
}

}  // namespace social::kafka
