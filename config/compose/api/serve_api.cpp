#include "config/compose/api/serve_api.hpp"

#include "config/compose/api/api_role.hpp"
#include "config/logging.hpp"

namespace social::compose {

config::exit_code serve_api(const config::invocation& invocation) {
  const auto& settings = invocation.settings;
  config::stop_control stopping(settings.shutdown_deadline);
  const config::logging logging(settings.log);

  auto on = host::make(settings);
  if (!on) return config::fail(on.error());
  auto api = api_role::open(**on);
  if (!api) return config::fail(api.error());
  if (auto started = (*api)->start({}); !started) return config::fail(started.error());
  if (auto started = (*on)->start_admin(); !started) return config::fail(started.error());

  const auto line = config::ready_line({(*api)->url(), (*on)->admin_url(), {.api = true, .push = false}, ::getpid()});
  const auto announced = (*on)->data().announce(config::name_of(invocation.self), line);
  if (!announced) return config::fail(announced.error());
  config::print_line(line);

  const auto why = stopping.wait();
  (*api)->stop(settings.shutdown_deadline);
  (*on)->stop_admin();
  (*api)->close_store();
  return why;
}

}  // namespace social::compose
