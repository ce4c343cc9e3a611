#include "actors/inspect/metric_sink.hpp"

#include <limits>

#include <prometheus/text_serializer.h>

namespace social::inspect {

prometheus::ClientMetric& metric_sink::add(const std::string& name, const std::string& help,
                                           prometheus::MetricType type, const labels& with) {
  auto& family = families_[name];
  family.name = name;
  family.help = help;
  family.type = type;
  auto& metric = family.metric.emplace_back();
  for (const auto& [key, value] : with) metric.label.push_back({key, value});
  return metric;
}

void metric_sink::counter(const std::string& name, const std::string& help, double value, const labels& with) {
  add(name, help, prometheus::MetricType::Counter, with).counter.value = value;
}

void metric_sink::gauge(const std::string& name, const std::string& help, double value, const labels& with) {
  add(name, help, prometheus::MetricType::Gauge, with).gauge.value = value;
}

void metric_sink::histogram(const std::string& name, const std::string& help, std::span<const double> bounds,
                            std::span<const std::uint64_t> counts, double sum, const labels& with) {
  auto& metric = add(name, help, prometheus::MetricType::Histogram, with).histogram;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    metric.bucket.push_back({seen, bound});
  }
  metric.sample_count = seen;
  metric.sample_sum = sum;
}

std::string metric_sink::text() const {
  std::vector<prometheus::MetricFamily> all;
  all.reserve(families_.size());
  for (const auto& [name, family] : families_) all.push_back(family);
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace social::inspect
