// What the public API counts: answers per route and status, refused logins, refused rates.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace social::http {

struct route_count {
  std::string_view method;
  std::string_view route;  ///< template; "(none)" for paths that are not in the table
  int status = 0;          ///< 0: a status that is not counted by itself
  std::uint64_t answers = 0;
};

/// Monotonic numbers since the start.
struct api_metrics {
  std::vector<route_count> answers;  ///< only those above 0
  std::uint64_t logins = 0;
  std::uint64_t login_failures = 0;  ///< wrong e-mail or password
  std::uint64_t logins_delayed = 0;  ///< told to wait
  std::uint64_t joins = 0;
  std::uint64_t rate_limited = 0;
  std::uint64_t hashes_waiting = 0;  ///< gauge: jobs in the password pool's queue
};

/// Rows per I/O thread, so that counting shares no cache line; summed by whoever reads.
class api_counters {
 public:
  explicit api_counters(std::size_t io_threads);

  /// `route_index` as in routes(); their number: no route.
  void answered(std::size_t io, std::size_t route_index, int status) noexcept;
  [[nodiscard]] api_metrics read() const;

  std::atomic<std::uint64_t> logins{0};
  std::atomic<std::uint64_t> login_failures{0};
  std::atomic<std::uint64_t> logins_delayed{0};
  std::atomic<std::uint64_t> joins{0};
  std::atomic<std::uint64_t> rate_limited{0};

 private:
  std::size_t io_threads_;
  std::size_t row_;  ///< counters of one I/O thread
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
};

}  // namespace social::http
