#include "storage/commit_queue.hpp"

namespace social::storage {

bool commit_queue::push(pending_request& pending) {
  bool wake_it = false;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    waiting_.push_back(std::move(pending));
    wake_it = sleeping_ && waiting_.size() >= awaited_;
    if (wake_it) sleeping_ = false;
  }
  if (wake_it) arrived_.notify_one();
  return true;
}

void commit_queue::sleep_until(std::unique_lock<std::mutex>& lock, std::size_t count, clock::time_point until) {
  awaited_ = count;
  while (waiting_.size() < count && !woken_) {
    sleeping_ = true;
    if (until == clock::time_point::max()) {
      arrived_.wait(lock);
    } else if (arrived_.wait_until(lock, until) == std::cv_status::timeout) {
      break;
    }
  }
  sleeping_ = false;
}

bool commit_queue::wait_for(std::size_t count, clock::time_point until) {
  std::unique_lock lock(mutex_);
  sleep_until(lock, count, until);
  return waiting_.size() >= count;
}

std::size_t commit_queue::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void commit_queue::take(std::vector<pending_request>& into, clock::time_point until) {
  std::unique_lock lock(mutex_);
  sleep_until(lock, 1, until);
  woken_ = false;
  into.swap(waiting_);
}

void commit_queue::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  arrived_.notify_one();
}

void commit_queue::end(std::vector<pending_request>& into) {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  into.swap(waiting_);
}

void commit_queue::set_intake(intake now, std::string reason) {
  const std::lock_guard lock(mutex_);
  if (state() == intake::stopping) return;
  reason_ = std::move(reason);
  intake_.store(now, std::memory_order_release);
}

std::string commit_queue::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

}  // namespace social::storage
