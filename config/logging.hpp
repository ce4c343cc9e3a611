// Where log lines go: stderr, through spdlog's queue, so that a slow reader of stderr does not stall the server.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "actors/base/log.hpp"
#include "config/settings.hpp"

namespace social::config {

/// Owned by main(); while it lives, log:: writes to stderr. Lines are formatted by the thread that logs and written by
/// one thread of its own. When stderr takes no more, the oldest lines of a full queue are dropped and counted; the
/// count is itself logged. The destructor writes what is queued, and may therefore wait for stderr: the stop watchdog
/// bounds it.
class logging {
 public:
  static constexpr std::size_t queue_lines = 8192;

  explicit logging(const log_settings& how);
  ~logging();
  logging(const logging&) = delete;
  logging& operator=(const logging&) = delete;

  /// Lines dropped since the start.
  [[nodiscard]] std::uint64_t lines_lost() const;

 private:
  struct pipeline;
  std::shared_ptr<pipeline> pipeline_;
};

/// One line straight to stderr, past the queue, for a process that ends now. Does not block when stderr takes nothing.
/// Uses the format of the living `logging`, else text.
void log_at_once(log::level severity, std::string_view component, std::string_view message, log::fields values = {});

}  // namespace social::config
