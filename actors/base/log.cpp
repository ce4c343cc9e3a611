#include "actors/base/log.hpp"

#include <array>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace social::log {
namespace {

constexpr std::array<std::string_view, 6> names = {"trace", "debug", "info", "warning", "error", "off"};

/// Never destroyed: threads that outlive main() may still log.
struct destination {
  std::shared_mutex mutex;
  sink write;
};

destination& current() {
  static auto* instance = new destination;
  return *instance;
}

}  // namespace

std::string_view to_string(level value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < names.size() ? names[index] : "unknown";
}

std::optional<level> level_from(std::string_view text) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == text) return static_cast<level>(i);
  return std::nullopt;
}

void set_sink(sink to, level threshold) {
  auto& place = current();
  {
    const std::unique_lock lock(place.mutex);
    std::swap(place.write, to);
    set_level(place.write ? threshold : level::off);
  }
  // The former sink is destroyed here, outside the lock: it may wait for its own thread.
}

void set_level(level threshold) noexcept {
  detail::threshold.store(threshold, std::memory_order_relaxed);
}

void detail::write(const record& line) {
  auto& place = current();
  const std::shared_lock lock(place.mutex);
  if (place.write) place.write(line);
}

}  // namespace social::log
