#include "config/logging.hpp"

#include <atomic>
#include <chrono>
#include <poll.h>
#include <unistd.h>

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "config/log_format.hpp"

namespace social::config {
namespace {

std::atomic<log_format> format_in_use{log_format::text};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

/// spdlog's queue and thread. Its own levels and patterns are not used: one formatter makes both formats.
struct logging::pipeline {
  explicit pipeline(log_format how)
      : format(how),
        pool(std::make_shared<spdlog::details::thread_pool>(queue_lines, 1)),
        logger(std::make_shared<spdlog::async_logger>("social", std::make_shared<spdlog::sinks::stderr_sink_st>(), pool,
                                                      spdlog::async_overflow_policy::overrun_oldest)) {
    logger->set_pattern("%v", spdlog::pattern_time_type::utc);
    logger->set_level(spdlog::level::trace);
  }

  void put(const log::record& line) {
    logger->log(spdlog::level::info, spdlog::string_view_t(format_log_line(line, format, now_ms())));
  }

  void write(const log::record& line) {
    put(line);
    const std::uint64_t lost = pool->overrun_counter();
    auto told = lost_told.load(std::memory_order_relaxed);
    // Told once per thousand: the telling takes a place in the full queue, too.
    if (lost >= told + 1000 && lost_told.compare_exchange_strong(told, lost)) tell_lost(lost);
  }

  void tell_lost(std::uint64_t lost) {
    const log::field count{"lost", lost};
    put({log::level::warning, "log", "stderr is too slow: the oldest log lines were dropped", {&count, 1}});
  }

  log_format format;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<std::uint64_t> lost_told{0};
};

logging::logging(const log_settings& how) : pipeline_(std::make_shared<pipeline>(how.format)) {
  format_in_use = how.format;
  log::set_sink([pipeline = pipeline_](const log::record& line) { pipeline->write(line); }, how.level);
}

logging::~logging() {
  log::set_sink({}, log::level::off);
  if (lines_lost() > pipeline_->lost_told) pipeline_->tell_lost(lines_lost());
  pipeline_.reset();  // joins the writing thread after its last line
}

std::uint64_t logging::lines_lost() const {
  return pipeline_->pool->overrun_counter();
}

void log_at_once(log::level severity, std::string_view component, std::string_view message, log::fields values) {
  const log::record record{severity, component, message, {values.begin(), values.size()}};
  auto line = format_log_line(record, format_in_use, now_ms());
  line.push_back('\n');
  // A pipe that polls as writable takes PIPE_BUF bytes without blocking.
  pollfd err{STDERR_FILENO, POLLOUT, 0};
  if (poll(&err, 1, 100) == 1 && (err.revents & POLLOUT) != 0) [[maybe_unused]]
    const auto written = ::write(STDERR_FILENO, line.data(), std::min<std::size_t>(line.size(), 4096));
}

}  // namespace social::config
