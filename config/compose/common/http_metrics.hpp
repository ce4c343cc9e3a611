// How a listener looks to Prometheus.
#pragma once

#include <string>

#include "actors/inspect/metric_sink.hpp"
#include "http/server/server.hpp"

namespace social::compose {

/// Metrics of `social_http_*`, labelled with the listener's name.
void collect_server(const http::server& server, const std::string& listener, inspect::metric_sink& sink);

}  // namespace social::compose
