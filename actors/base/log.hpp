// Logging as the whole project sees it: a level, a component, a sentence and a few fields. Where lines go is decided by
// a sink that config/ sets; until then nothing is written. Rules (actors/domain) do not log.
//
//   log::warning("storage", "the commit thread waits for the disk", {{"waited_ms", 412}, {"shard", 7}});
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace social::log {

/// Ascending urgency; `off` is for thresholds only.
enum class level : std::uint8_t { trace = 0, debug = 1, info = 2, warning = 3, error = 4, off = 5 };

/// `trace debug info warning error off`.
std::string_view to_string(level value) noexcept;
std::optional<level> level_from(std::string_view text) noexcept;

/// A named value of a line. Text is not copied: it has to live until the call returns, as temporaries do.
struct field {
  using value_type = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  std::string_view key;
  value_type value;

  template <std::convertible_to<std::string_view> T>
  field(std::string_view k, const T& text) : key(k), value(std::string_view(text)) {}
  template <std::same_as<bool> T>
  field(std::string_view k, T flag) : key(k), value(flag) {}
  template <std::signed_integral T>
  field(std::string_view k, T number) : key(k), value(static_cast<std::int64_t>(number)) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  field(std::string_view k, T number) : key(k), value(static_cast<std::uint64_t>(number)) {}
  template <std::floating_point T>
  field(std::string_view k, T number) : key(k), value(static_cast<double>(number)) {}
};

/// What a sink gets; valid during the call only.
struct record {
  level severity;
  std::string_view component;
  std::string_view message;
  std::span<const field> fields;
};

/// Called by any thread, by several at once; must not block for long, throw or log.
using sink = std::function<void(const record&)>;

/// Lines below `threshold` are not made at all. An empty sink: nothing is written. When it returns, no call of the
/// former sink is under way.
void set_sink(sink destination, level threshold);

/// Changes the threshold alone (PUT /admin/log-level).
void set_level(level threshold) noexcept;

namespace detail {
inline std::atomic<level> threshold{level::off};
void write(const record& line);
}  // namespace detail

inline level current_level() noexcept {
  return detail::threshold.load(std::memory_order_relaxed);
}

/// For callers whose fields cost something to make.
inline bool enabled(level severity) noexcept {
  return severity >= current_level();
}

using fields = std::initializer_list<field>;

inline void write(level severity, std::string_view component, std::string_view message, fields values = {}) {
  if (enabled(severity)) detail::write({severity, component, message, {values.begin(), values.size()}});
}
inline void trace(std::string_view component, std::string_view message, fields values = {}) {
  write(level::trace, component, message, values);
}
inline void debug(std::string_view component, std::string_view message, fields values = {}) {
  write(level::debug, component, message, values);
}
inline void info(std::string_view component, std::string_view message, fields values = {}) {
  write(level::info, component, message, values);
}
inline void warning(std::string_view component, std::string_view message, fields values = {}) {
  write(level::warning, component, message, values);
}
inline void error(std::string_view component, std::string_view message, fields values = {}) {
  write(level::error, component, message, values);
}

}  // namespace social::log
