// What a server counts. Each I/O thread has its own counters and is their only writer; readers add them up.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace social::http {

/// Upper bounds of the latency buckets in microseconds; one more bucket holds the rest.
inline constexpr std::array<std::uint64_t, 14> latency_bounds_us{
    50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 100'000, 250'000, 500'000, 1'000'000, 5'000'000};

/// A moment's sum over all I/O threads. Counters only rise, but for `connections_active`.
struct server_statistics {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_active = 0;
  std::uint64_t connections_refused_total = 0;        ///< over the limit of all connections
  std::uint64_t connections_refused_address = 0;      ///< over the limit of one address
  std::uint64_t requests = 0;                         ///< answered, refusals by the session included
  std::array<std::uint64_t, 6> responses_by_class{};  ///< [2]: 2xx ...
  std::uint64_t malformed = 0;                        ///< 400, 414, 431 said by the session
  std::uint64_t timeouts = 0;                         ///< of header, body or a client that does not read its answer
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::array<std::uint64_t, latency_bounds_us.size() + 1> latency{};  ///< not cumulative
  std::uint64_t latency_sum_us = 0;
};

/// Written by one thread, read by all: no locked instruction on the hot path.
class counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.store(value() + n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Of one I/O thread; on cache lines of its own.
struct alignas(64) thread_statistics {
  counter connections_opened;
  counter connections_closed;
  counter requests;
  std::array<counter, 6> responses_by_class;
  counter malformed;
  counter timeouts;
  counter bytes_in;
  counter bytes_out;
  std::array<counter, latency_bounds_us.size() + 1> latency;
  counter latency_sum_us;

  void record(int status, std::uint64_t us, std::size_t in, std::size_t out) noexcept;
  void add_to(server_statistics& sum) const noexcept;
};

}  // namespace social::http
