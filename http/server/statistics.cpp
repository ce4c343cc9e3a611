#include "http/server/statistics.hpp"

#include <algorithm>

namespace social::http {

void thread_statistics::record(int status, std::uint64_t us, std::size_t in, std::size_t out) noexcept {
  requests.add();
  const auto status_class = static_cast<std::size_t>(status / 100);
  if (status_class < responses_by_class.size()) responses_by_class[status_class].add();
  const auto bucket = std::lower_bound(latency_bounds_us.begin(), latency_bounds_us.end(), us);
  latency[static_cast<std::size_t>(bucket - latency_bounds_us.begin())].add();
  latency_sum_us.add(us);
  bytes_in.add(in);
  bytes_out.add(out);
}

void thread_statistics::add_to(server_statistics& sum) const noexcept {
  // Closed first: a connection that opens meanwhile must not make the difference negative.
  const auto closed = connections_closed.value();
  sum.connections_active += connections_opened.value() - closed;
  sum.requests += requests.value();
  for (std::size_t i = 0; i < responses_by_class.size(); ++i)
    sum.responses_by_class[i] += responses_by_class[i].value();
  sum.malformed += malformed.value();
  sum.timeouts += timeouts.value();
  sum.bytes_in += bytes_in.value();
  sum.bytes_out += bytes_out.value();
  for (std::size_t i = 0; i < latency.size(); ++i) sum.latency[i] += latency[i].value();
  sum.latency_sum_us += latency_sum_us.value();
}

}  // namespace social::http
