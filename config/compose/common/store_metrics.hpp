// How a store looks to Prometheus.
#pragma once

#include <string>

#include "actors/inspect/metric_sink.hpp"
#include "storage/store.hpp"

namespace social::compose {

/// Metrics of `social_commit_*` and `social_journal_*`, labelled with the store's name.
void collect_store(const storage::rocks_store& store, const std::string& name, inspect::metric_sink& sink);

}  // namespace social::compose
