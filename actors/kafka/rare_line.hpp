// Lines of the log that strangers, or a broker that is away, can provoke by the thousand.
#pragma once

#include <atomic>
#include <cstdint>

#include "actors/runtime/actor_stats.hpp"

namespace social::kafka {

/// Says whether a line may be written: at most one in ten seconds. Metrics have the numbers. Any thread.
class rare_line {
 public:
  bool is_due() noexcept {
    const auto now = runtime::monotonic_us();
    auto next = next_us_.load(std::memory_order_relaxed);
    return now >= next && next_us_.compare_exchange_strong(next, now + every_us);
  }

 private:
  static constexpr std::int64_t every_us = 10'000'000;
  std::atomic<std::int64_t> next_us_{0};
};

}  // namespace social::kafka
