// Waiting for a condition that other threads or processes make true, with a deadline.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace social::test {

/// Looks every other millisecond, so that it takes no processor from what it waits for. False: the deadline passed.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds deadline = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  std::mutex mutex;
  std::condition_variable nobody_signals;
  std::unique_lock lock(mutex);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    nobody_signals.wait_for(lock, std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace social::test
