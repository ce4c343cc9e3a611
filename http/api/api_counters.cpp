#include "http/api/api_counters.hpp"

#include <algorithm>
#include <array>

#include "http/api/routes.hpp"

namespace social::http {
namespace {

constexpr auto statuses =
    std::to_array<int>({0, 200, 400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 429, 431, 500, 503});
constexpr std::size_t counters_per_line = 64 / sizeof(std::uint64_t);

std::size_t status_index(int status) noexcept {
  const auto* found = std::find(statuses.begin(), statuses.end(), status);
  return found == statuses.end() ? 0 : static_cast<std::size_t>(found - statuses.begin());
}

}  // namespace

api_counters::api_counters(std::size_t io_threads)
    : io_threads_(std::max<std::size_t>(1, io_threads)),
      // One cache line of distance between two threads.
      row_((routes().size() + 1) * statuses.size() + counters_per_line),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(io_threads_ * row_)) {}

void api_counters::answered(std::size_t io, std::size_t route_index, int status) noexcept {
  const auto at = (io % io_threads_) * row_ + route_index * statuses.size() + status_index(status);
  counts_[at].fetch_add(1, std::memory_order_relaxed);
}

api_metrics api_counters::read() const {
  api_metrics all;
  for (std::size_t route = 0; route <= routes().size(); ++route) {
    const bool known = route < routes().size();
    for (std::size_t status = 0; status < statuses.size(); ++status) {
      std::uint64_t sum = 0;
      for (std::size_t io = 0; io < io_threads_; ++io)
        sum += counts_[io * row_ + route * statuses.size() + status].load(std::memory_order_relaxed);
      if (sum > 0)
        all.answers.push_back(
            {known ? routes()[route].method : "", known ? routes()[route].path : "(none)", statuses[status], sum});
    }
  }
  all.logins = logins.load(std::memory_order_relaxed);
  all.login_failures = login_failures.load(std::memory_order_relaxed);
  all.logins_delayed = logins_delayed.load(std::memory_order_relaxed);
  all.joins = joins.load(std::memory_order_relaxed);
  all.rate_limited = rate_limited.load(std::memory_order_relaxed);
  return all;
}

}  // namespace social::http
