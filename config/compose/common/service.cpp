#include "config/compose/common/service.hpp"

#include <unistd.h>

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
  roles->stop(stop_budget(settings.shutdown_deadline));
  (*on)->stop_admin();
  roles->close_stores();
  return why;
}

}  // namespace social::compose
