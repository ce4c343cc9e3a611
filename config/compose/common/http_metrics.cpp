#include "config/compose/common/http_metrics.hpp"

#include <vector>

namespace social::compose {

void collect_server(const http::server& server, const std::string& listener, inspect::metric_sink& sink) {
  const auto s = server.statistics();
  const inspect::labels with{{"listener", listener}};
  const auto count = [&](const char* name, const char* help, std::uint64_t value) {
    sink.counter(name, help, static_cast<double>(value), with);
  };
  sink.gauge("social_http_connections_count", "Open connections", static_cast<double>(s.connections_active), with);
  count("social_http_connections_accepted_total", "Accepted connections", s.connections_accepted);
  count("social_http_connections_refused_total", "Connections refused at a limit",
        s.connections_refused_total + s.connections_refused_address);
  count("social_http_requests_total", "Answered requests", s.requests);
  count("social_http_malformed_requests_total", "Requests that were no HTTP as we take it", s.malformed);
  count("social_http_timeouts_total", "Clients that were too slow", s.timeouts);
  count("social_http_received_bytes_total", "Bytes received", s.bytes_in);
  count("social_http_sent_bytes_total", "Bytes sent", s.bytes_out);
  for (std::size_t i = 1; i < s.responses_by_class.size(); ++i)
    sink.counter("social_http_responses_total", "Answers by status class", static_cast<double>(s.responses_by_class[i]),
                 {{"listener", listener}, {"class", std::to_string(i) + "xx"}});
  std::vector<double> bounds;
  bounds.reserve(std::size(http::latency_bounds_us));
  for (const auto bound : http::latency_bounds_us) bounds.push_back(static_cast<double>(bound) * 1e-6);
  sink.histogram("social_http_request_seconds", "Header complete to answer written", bounds, s.latency,
                 static_cast<double>(s.latency_sum_us) * 1e-6, with);
}

}  // namespace social::compose
