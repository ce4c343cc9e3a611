#include "actors/runtime/run_queue.hpp"

namespace social::runtime {

void run_queue::push(caf::resumable* job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job);
    if (!is_short()) return;
    // However long a batch takes: many are enough for one thread more.
    if (!wake_batch::holds() || jobs_.size() >= options_.backlog_max) return wake_one();
  }
  wake_batch::owe(shared_from_this());
}

caf::resumable* run_queue::pop(caf::resumable* last) {
  std::unique_lock lock(mutex_);
  if (last != nullptr) jobs_.push_back(last);
  while (jobs_.empty()) {
    if (closed_) return nullptr;
    wait(lock);
  }
  auto* job = take();
  // Its turn may be a long one, and whoever brought the others woke one thread, or left them to the one that dozed.
  if (!jobs_.empty() && is_short()) wake_one();
  return job;
}

caf::resumable* run_queue::try_pop() {
  const std::lock_guard lock(mutex_);
  return jobs_.empty() ? nullptr : take();
}

caf::resumable* run_queue::take() {
  auto* job = jobs_.front();
  jobs_.pop_front();
  return job;
}

void run_queue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  signal_.notify_all();
}

void run_queue::wake() {
  const std::lock_guard lock(mutex_);
  if (!jobs_.empty() && is_short()) wake_one();
}

void run_queue::wait(std::unique_lock<std::mutex>& lock) {
  ++waiting_;
  const auto woken = [this] { return granted_ != 0 || closed_; };
  if (dozing_ == 0 && waiting_ - granted_ < options_.threads) {
    ++dozing_;
    signal_.wait_for(lock, options_.doze, woken);
    --dozing_;
  } else {
    signal_.wait(lock, woken);
  }
  // It may be another's: that one finds itself not woken, and this one looks at the queue just as well.
  if (granted_ != 0) --granted_;
  --waiting_;
}

bool run_queue::is_short() const noexcept {
  const auto idle = waiting_ - granted_;
  if (idle == 0) return false;
  return idle == options_.threads || dozing_ == 0 || jobs_.size() >= options_.backlog_max;
}

void run_queue::wake_one() {
  ++granted_;
  ++woken_;
  signal_.notify_one();
}

run_queue::numbers run_queue::look() const {
  const std::lock_guard lock(mutex_);
  return {woken_, waiting_, dozing_, jobs_.size()};
}

}  // namespace social::runtime
