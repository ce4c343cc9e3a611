// Lines of the log while the object lives.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "actors/base/log.hpp"

namespace social::test {

class captured_log {
 public:
  captured_log() {
    log::set_sink(
        [this](const log::record& line) {
          const std::lock_guard lock(mutex_);
          lines_.emplace_back(line.severity, std::string(line.message));
        },
        log::level::debug);
  }
  ~captured_log() { log::set_sink({}, log::level::off); }
  captured_log(const captured_log&) = delete;
  captured_log& operator=(const captured_log&) = delete;

  [[nodiscard]] std::size_t count(log::level severity, std::string_view part) const {
    const std::lock_guard lock(mutex_);
    std::size_t found = 0;
    for (const auto& [level, message] : lines_)
      if (level == severity && message.find(part) != std::string::npos) ++found;
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<log::level, std::string>> lines_;
};

}  // namespace social::test
