#include "config/compose/common/service.hpp"

#include <unistd.h>

#include "actors/base/log.hpp"
#include "config/logging.hpp"

namespace social::compose {
namespace {

/// Everything up to the ready line. The file that repeats it goes with the answer.
result<config::run_file> start_all(const config::invocation& invocation, host& on, service& roles) {
  auto info = roles.start();
  if (!info) return info.error();
  if (auto admin = on.start_admin(); !admin) return admin.error();
  info->admin_url = on.admin_url();
  info->pid = ::getpid();
  const auto line = config::ready_line(*info);
  auto announced = on.data().announce(config::name_of(invocation.self), line);
  if (!announced) return announced.error();
  config::print_line(line);
  roles.announced();
  return std::move(*announced);
}

}  // namespace

void stop_phase(std::string_view what, const std::function<void()>& run) {
  constexpr std::int64_t slow_ms = 1'000;
  const auto begun = std::chrono::steady_clock::now();
  config::set_part_under_way(what);
  run();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  log::write(took.count() >= slow_ms ? log::level::info : log::level::debug, "process", "a part has ended",
             {{"part", what}, {"took_ms", static_cast<std::int64_t>(took.count())}});
}

config::exit_code run_service(const config::invocation& invocation, host_overrides overrides,
                              const service_factory& make) {
  const auto& settings = invocation.settings;
  config::stop_control stopping(settings.shutdown_deadline);
  const config::logging logging(settings.log);
  auto on = host::make(settings, std::move(overrides));
  if (!on) return config::fail(on.error());
  const auto roles = make(**on, stopping);
  const auto started = start_all(invocation, **on, *roles);
  if (!started) stopping.request_stop(config::fail(started.error()));
  const auto why = stopping.wait();
  const stop_budget budget(settings.shutdown_deadline);
  stop_phase("backup", [&] { (*on)->stop_backup(); });
  roles->stop(budget);
  stop_phase("admin", [&] { (*on)->stop_admin(); });
  stop_phase("stores", [&] { roles->close_stores(); });
  config::set_part_under_way("what is left");
  return why;
}

}  // namespace social::compose
