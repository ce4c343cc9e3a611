// True numbers of one actor, written by its base class and read by the admin API without disturbing it.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <string>
#include <typeinfo>

#include "actors/base/ids.hpp"

namespace social::runtime {

/// Fixed-bucket latency counts: two buckets per power of two, microseconds, up to about 70 minutes. Relaxed atomics:
/// one writer, any number of readers.
class latency_histogram {
 public:
  static constexpr std::size_t buckets = 64;

  void record(std::uint64_t us) noexcept {
    const auto index = index_of(us);
    used_ |= std::uint64_t{1} << index;
    auto& bucket = counts_[index];
    bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  /// By the writer. Touches no more than was used: actors become others far more often than they are looked at.
  void clear() noexcept {
    for (; used_ != 0; used_ &= used_ - 1)
      counts_[static_cast<std::size_t>(std::countr_zero(used_))].store(0, std::memory_order_relaxed);
  }
  /// Upper edge, in microseconds, of the bucket that holds the quantile (0..1); 0 when nothing was recorded.
  [[nodiscard]] std::uint64_t quantile_us(double q) const noexcept {
    std::uint64_t total = 0;
    for (const auto& c : counts_) total += c.load(std::memory_order_relaxed);
    if (total == 0) return 0;
    const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(total - 1)) + 1;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
      seen += counts_[i].load(std::memory_order_relaxed);
      if (seen >= wanted) return upper_edge_us(i);
    }
    return upper_edge_us(buckets - 1);
  }
  static constexpr std::size_t index_of(std::uint64_t us) noexcept {
    if (us < 2) return static_cast<std::size_t>(us);
    const auto log = static_cast<std::size_t>(std::bit_width(us)) - 1;
    const auto index = 2 * log + ((us >> (log - 1)) & 1);
    return index < buckets ? index : buckets - 1;
  }
  static constexpr std::uint64_t upper_edge_us(std::size_t index) noexcept {
    if (index < 2) return index;
    const auto log = index / 2;
    const auto base = std::uint64_t{1} << log;
    return (index % 2) == 0 ? base + base / 2 - 1 : 2 * base - 1;
  }

 private:
  static_assert(buckets <= 64);
  std::uint64_t used_ = 0;  ///< a bit for each bucket that is not nought; the writer's alone
  std::array<std::atomic<std::uint32_t>, buckets> counts_{};
};

/// Monotonic microseconds; the clock of the numbers below.
std::int64_t monotonic_us() noexcept;
std::int64_t monotonic_ns() noexcept;

/// Numbers grow for as long as the actor lives, whoever it has been; `former` says how far they had when it became who
/// it is.
struct actor_stats {
  std::string kind;
  std::atomic<id_t> id{0};
  shard_t shard = 0;
  std::atomic<std::int64_t> born_us{0};  ///< monotonic
  std::atomic<std::int64_t> mailbox_depth{0};
  std::atomic<std::uint64_t> messages_handled{0};
  std::atomic<std::uint64_t> failures{0};
  std::atomic<std::uint64_t> shed{0};
  std::atomic<std::uint64_t> busy_us{0};
  std::atomic<std::uint64_t> busy_ns_rest{0};   ///< below a microsecond; kept so that many short messages add up
  std::atomic<std::int64_t> last_active_us{0};  ///< monotonic
  std::atomic<const std::type_info*> last_message{nullptr};
  latency_histogram handling;
  struct {
    std::atomic<std::uint64_t> messages_handled{0};
    std::atomic<std::uint64_t> failures{0};
    std::atomic<std::uint64_t> busy_us{0};
  } former;

  /// From now on the actor is that one of its kind. On the thread that runs it. Whoever looks at this moment may see
  /// numbers of either.
  void become(id_t who) noexcept {
    constexpr auto relaxed = std::memory_order_relaxed;
    former.messages_handled.store(messages_handled.load(relaxed), relaxed);
    former.failures.store(failures.load(relaxed), relaxed);
    former.busy_us.store(busy_us.load(relaxed), relaxed);
    handling.clear();
    born_us.store(monotonic_us(), relaxed);
    id.store(who, relaxed);
  }
};

/// `social::protocol::command_message` -> `command_message`.
std::string message_name(const std::type_info& type);

}  // namespace social::runtime
