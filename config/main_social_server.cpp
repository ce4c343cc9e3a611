// social-server: both roles in one process, or one of them (--roles).
#include "config/command.hpp"
#include "config/compose/api/serve_api.hpp"
#include "config/compose/api/verify_api.hpp"
#include "config/compose/common/kafka_settings.hpp"
#include "config/compose/common/restore.hpp"
#include "config/compose/common/verify_stores.hpp"
#include "config/compose/embedded/serve_both.hpp"
#include "config/compose/push/push_side.hpp"
#include "config/compose/push/serve_push.hpp"
#include "config/compose/push/verify_push.hpp"

namespace social::compose {
namespace {

config::exit_code serve(const config::invocation& invocation) {
  const auto& s = invocation.settings;
  if (!s.roles.api) return serve_push(invocation);
  return s.roles.push && !s.push.off ? serve_both(invocation) : serve_api(invocation);
}

}  // namespace
}  // namespace social::compose

int main(int argc, char** argv) {
  using namespace social;
  return config::run_command(
      config::executable::server, argc, argv,
      {.serve = compose::serve,
       .check = compose::check_kafka,
       .vapid_show = [](const config::invocation& i) { return compose::show_vapid(i.settings); },
       .vapid_rotate = [](const config::invocation& i) { return compose::rotate_vapid(i.settings); },
       .restore = compose::restore,
       .verify =
           [](const config::invocation& i) {
             return compose::verify_stores(i.settings, {.api = compose::verify_api, .push = compose::verify_push});
           }});
}
