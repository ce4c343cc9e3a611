// Collects metrics of all components for one scrape and writes the Prometheus text format through prometheus-cpp.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

namespace social::inspect {

using labels = std::vector<std::pair<std::string, std::string>>;

/// Names follow social_<component>_<what>_<unit>. One sink per scrape; not thread-safe.
class metric_sink {
 public:
  void counter(const std::string& name, const std::string& help, double value, const labels& with = {});
  void gauge(const std::string& name, const std::string& help, double value, const labels& with = {});
  /// `counts` per bucket, not cumulative; one more than `bounds` (the last bucket is open).
  void histogram(const std::string& name, const std::string& help, std::span<const double> bounds,
                 std::span<const std::uint64_t> counts, double sum, const labels& with = {});
  /// Prometheus text format 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  prometheus::ClientMetric& add(const std::string& name, const std::string& help, prometheus::MetricType type,
                                const labels& with);
  std::map<std::string, prometheus::MetricFamily> families_;
};

}  // namespace social::inspect
