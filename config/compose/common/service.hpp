// What all mains do with their roles: start them, say so, wait for the end, stop them in order.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "config/compose/common/host.hpp"
#include "config/invocation.hpp"
#include "config/process.hpp"

namespace social::compose {

/// The time of an orderly stop, shared by its phases: a phase that needs less leaves the rest to those behind it.
class stop_budget {
 public:
  explicit stop_budget(std::chrono::milliseconds whole) : whole_(whole), begun_(std::chrono::steady_clock::now()) {}

  /// What is left until `part` (0..1) of the whole time has passed; not negative.
  [[nodiscard]] std::chrono::milliseconds until(double part) const {
    const auto end = std::chrono::duration<double, std::milli>(whole_) * part;
    const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - begun_;
    return std::chrono::milliseconds(std::max<std::int64_t>(0, static_cast<std::int64_t>((end - passed).count())));
  }

 private:
  const std::chrono::milliseconds whole_;
  const std::chrono::steady_clock::time_point begun_;
};

/// Runs one phase of a stop and says in the log what it was and how long it took. One that hangs is named by the line
/// that says that the stop took too long.
void stop_phase(std::string_view what, const std::function<void()>& run);

/// The roles of one process. Owned by run_service, used by the main thread. Order: start, (announced,) stop,
/// close_stores, destruction.
class service {
 public:
  virtual ~service() = default;
  /// Opens stores, starts actors and public listeners, tells the host's inspector what there is to see. The answer
  /// lacks the admin URL and the process id. Errors end the process with their exit code; what was started by then is
  /// stopped as usual.
  virtual result<config::ready_info> start() = 0;
  /// The ready line is out.
  virtual void announced() {}
  /// Ends everything in order, the admin listener excepted; stores stay open for its last looks.
  virtual void stop(const stop_budget& budget) = 0;
  virtual void close_stores() = 0;
};

using service_factory = std::function<std::unique_ptr<service>(host& on, config::stop_control& stopping)>;

/// Blocks until the process is told to stop, or cannot go on. Called first in main(), before any other thread
/// (config::stop_control).
config::exit_code run_service(const config::invocation& invocation, host_overrides overrides,
                              const service_factory& make);

}  // namespace social::compose
