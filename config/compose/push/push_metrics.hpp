// How the push role looks to Prometheus.
#pragma once

#include "actors/inspect/metric_sink.hpp"
#include "actors/push/metrics.hpp"

namespace social::compose {

void collect_push(const push::push_metrics& m, inspect::metric_sink& sink);

}  // namespace social::compose
